"""Forms for integer units: exact products, and sums of products of factors of the operands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from asnet.emulate.integer.dot import WORDS, dot_for
from asnet.emulate.integer.kernel import kernel_text
from asnet.emulate.integer.packing import pack
from asnet.emulate.integer.plan import Factors, ProductsPlan, exact_factors, occurring, plan_products
from asnet.emulate.kernels import Target, host_target
from asnet.emulate.products import Data
from asnet.ir import Products
from asnet.ir.optimise import Machine
from asnet.types import ELEMENT_TYPES, Array, OperandType, operand_type
from asnet.units import UnitInstance

__all__ = ["ExactIntegers", "FactoredIntegers", "plan_for", "serves_type"]

_WIDEST = 16


def serves_type(operand: OperandType) -> bool:
    """Whether the kernel takes such operands."""
    return not operand.is_float and operand.width <= _WIDEST


def _container(what: Products) -> int:
    return 8 if operand_type(what.type).width <= 8 else 16


def plan_for(
    what: Products, factors: Factors, constant: Array | None = None, target: Target | None = None
) -> ProductsPlan:
    """How the kernel sums ``factors``, of operand a and operand b, in a layer like ``what`` with such a constant."""
    sides = factors if what.vector_is_a else replace(factors, u=factors.w, w=factors.u)
    vectors, scalars = (None, constant) if what.constant_is_s else (constant, None)
    dot = dot_for(_container(what), target or host_target())
    if scalars is None:  # words are for scalars that are prepared ahead
        dot = replace(dot, orders=dot.orders[:WORDS])
    bits = ELEMENT_TYPES[what.accumulator].bits
    return plan_products(occurring(sides, vectors, scalars), dot, bits, what.depth)


class FactoredIntegers:
    """Sums of products of factors: ``unit(a, b) = Σ_i u_i(a) · w_i(b)``.

    Low-rank units, exact products of transformed operands, an exact product and a low-rank error: all of them are one
    kernel with other data. ``factors``: those of an instance that have been certified, None for others.
    """

    kind = "factors"
    symbols: Mapping[str, int] = {}

    def __init__(self, factors: Callable[[UnitInstance], Factors | None], target: Target | None = None) -> None:
        self._factors = factors
        self._target = target or host_target()

    @property
    def machine(self) -> Machine:
        """The target's; instructions are chosen by hand."""
        return replace(self._target.machine, effort=2)

    def serves(self, what: Products, instance: UnitInstance | None) -> bool:
        """Integer units with factors."""
        return instance is not None and serves_type(operand_type(what.type)) and self._factors(instance) is not None

    def kernel(self, what: Products, instance: UnitInstance | None) -> str:
        """The same for all units and layers with such containers."""
        return kernel_text(_container(what), ELEMENT_TYPES[what.accumulator].bits, self._target)

    def data(self, what: Products, instance: UnitInstance | None, constant: Array | None) -> Data:
        """The transforms of the operands, and the constant operand as they make it."""
        factors = self._of(what, instance)
        assert factors is not None, "the form was asked for what it does not serve"
        scalars, vectors = (constant, None) if what.constant_is_s else (None, constant)
        plan = plan_for(what, factors, constant, self._target)
        return pack(plan, dot_for(_container(what), self._target), scalars, vectors)

    def _of(self, what: Products, instance: UnitInstance | None) -> Factors | None:
        return None if instance is None else self._factors(instance)


class ExactIntegers(FactoredIntegers):
    """The exact product of integers of 2 to 16 bits: each operand is its own factor."""

    kind = "exact"

    def __init__(self, target: Target | None = None) -> None:
        super().__init__(lambda _: None, target)

    def serves(self, what: Products, instance: UnitInstance | None) -> bool:
        """Exact products of integers."""
        return instance is None and serves_type(operand_type(what.type))

    def _of(self, what: Products, instance: UnitInstance | None) -> Factors | None:
        operand = operand_type(what.type)
        return exact_factors(operand.width, signed=operand.signed) if instance is None else None
