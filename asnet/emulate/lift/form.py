"""The form of units written in words: LLVM's integers compute them in lanes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from asnet.emulate.kernels import Target, host_target
from asnet.emulate.lift.kernel import LiftedUnit, products_text
from asnet.emulate.lift.words import WordDesign
from asnet.emulate.products import Data
from asnet.ir import Products
from asnet.ir.optimise import Machine
from asnet.types import ELEMENT_TYPES, Array
from asnet.units import UnitInstance

__all__ = ["Lifted"]

_WIDEST = 16


class Lifted:
    """Computes a unit's words with LLVM's integers, in lanes over the columns.

    ``designs``: the words of an instance (:func:`~asnet.emulate.lift.lifting.computable`), None for
    those that have none.
    """

    kind = "lift"
    symbols: Mapping[str, int] = {}

    def __init__(self, designs: Callable[[UnitInstance], WordDesign | None], target: Target | None = None) -> None:
        self._designs = designs
        self._target = target or host_target()
        self._texts: dict[tuple[object, ...], str] = {}

    @property
    def machine(self) -> Machine:
        """The target's."""
        return self._target.machine

    def serves(self, what: Products, instance: UnitInstance | None) -> bool:
        """Units of floats, and of integers of up to 16 bits, that have a design with words of their widths."""
        if instance is None or instance.type.name != what.type:
            return False
        operand, result = instance.type, instance.unit.result
        if not operand.is_float and (operand.width > _WIDEST or result.width > ELEMENT_TYPES[what.accumulator].bits):
            return False
        design = self._designs(instance)
        return design is not None and (len(design.a), len(design.b), len(design.y)) == (
            operand.width,
            operand.width,
            result.width,
        )

    def kernel(self, what: Products, instance: UnitInstance | None) -> str:
        """The same wherever operands lie and layers have whatever size."""
        assert instance is not None, "the form was asked for what it does not serve"
        key = (instance.digest, what.type, what.accumulator, what.vector_is_a)
        if key not in self._texts:
            design = self._designs(instance)
            assert design is not None, "the form was asked for what it does not serve"
            unit = LiftedUnit(design, instance.type, instance.unit.result)
            self._texts[key] = products_text(unit, what, self._target)
        return self._texts[key]

    def data(self, what: Products, instance: UnitInstance | None, constant: Array | None) -> Data:
        """Nothing: the unit is in the kernel."""
        return Data()
