"""The form of units whose netlist is known: gates on vectors of bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from asnet.emulate.bitsliced.kernel import kernel_text
from asnet.emulate.bitsliced.program import Circuit, program_of
from asnet.emulate.bitsliced.shape import shape_of
from asnet.emulate.kernels import Target, host_target
from asnet.emulate.products import Data
from asnet.ir import Products
from asnet.ir.optimise import Machine
from asnet.types import ELEMENT_TYPES, Array, operand_type
from asnet.units import UnitInstance

__all__ = ["BitSliced"]

_WIDEST = 16
_FLOAT = 32


class BitSliced:
    """Evaluates a unit's netlist for as many products at once as a vector has bits.

    ``netlists``: the circuit of an instance, None for those that have none. What depends on one operand alone is
    computed once for all products that it is in. Sums of integers are bit-sliced too; sums of floats are the host's.
    """

    kind = "bits"
    symbols: Mapping[str, int] = {}

    def __init__(self, netlists: Callable[[UnitInstance], Circuit | None], target: Target | None = None) -> None:
        self._netlists = netlists
        self._target = target or host_target()
        self._texts: dict[tuple[object, ...], str] = {}

    @property
    def machine(self) -> Machine:
        """The target's; LLVM only selects instructions."""
        return replace(self._target.machine, effort=2)

    def serves(self, what: Products, instance: UnitInstance | None) -> bool:
        """Units of floats, and of integers of up to 16 bits, that have a netlist of the operands' width."""
        if instance is None or instance.type.name != what.type:
            return False
        operand, result = instance.type, instance.unit.result
        widest = _FLOAT if operand.is_float else ELEMENT_TYPES[what.accumulator].bits
        if (not operand.is_float and operand.width > _WIDEST) or result.width > widest:
            return False
        circuit = self._netlists(instance)
        return circuit is not None and (circuit.width_a, circuit.width_b, len(circuit.outputs)) == (
            operand.width,
            operand.width,
            result.width,
        )

    def kernel(self, what: Products, instance: UnitInstance | None) -> str:
        """The same wherever operands lie and layers have whatever size."""
        assert instance is not None, "the form was asked for what it does not serve"
        key = (instance.digest, what.type, what.accumulator, what.vector_is_a)
        if key not in self._texts:
            circuit = self._netlists(instance)
            assert circuit is not None, "the form was asked for what it does not serve"
            operand, result = operand_type(what.type), instance.unit.result
            self._texts[key] = kernel_text(shape_of(program_of(circuit), operand, result, what, self._target))
        return self._texts[key]

    def data(self, what: Products, instance: UnitInstance | None, constant: Array | None) -> Data:
        """Nothing: the unit is in the kernel."""
        return Data()
