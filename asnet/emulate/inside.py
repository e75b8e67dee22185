"""Forms that are made of a unit's inside: its gates, or its words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from asnet.emulate.kernels import Target, host_target
from asnet.emulate.products import Data
from asnet.ir import Products
from asnet.ir.optimise import Machine
from asnet.types import ELEMENT_TYPES, Array
from asnet.units import UnitInstance

__all__ = ["InsideForm"]

_WIDEST = 16
_FLOAT = 32

T = TypeVar("T")


class InsideForm(ABC, Generic[T]):
    """A form of the units of which ``insides`` knows the inside (None: it does not); its kernels hold all of it."""

    symbols: Mapping[str, int] = {}

    def __init__(self, insides: Callable[[UnitInstance], T | None], target: Target | None = None) -> None:
        self._insides = insides
        self._target = target or host_target()
        self._texts: dict[tuple[object, ...], str] = {}

    @abstractmethod
    def widths(self, inside: T) -> tuple[int, int, int]:
        """Bits of the operands and of the result."""

    @abstractmethod
    def text(self, inside: T, what: Products, instance: UnitInstance, target: Target) -> str:
        """The kernel."""

    @property
    def machine(self) -> Machine:
        """The target's."""
        return self._target.machine

    def serves(self, what: Products, instance: UnitInstance | None) -> bool:
        """Units of floats, and of integers of up to 16 bits, whose inside has the widths of their operands."""
        if instance is None or instance.type.name != what.type:
            return False
        operand, result = instance.type, instance.unit.result
        widest = _FLOAT if operand.is_float else ELEMENT_TYPES[what.accumulator].bits
        if (not operand.is_float and operand.width > _WIDEST) or result.width > widest:
            return False
        inside = self._insides(instance)
        return inside is not None and self.widths(inside) == (operand.width, operand.width, result.width)

    def kernel(self, what: Products, instance: UnitInstance | None) -> str:
        """The same wherever operands lie and layers have whatever size."""
        assert instance is not None, "the form was asked for what it does not serve"
        key = (instance.digest, what.type, what.accumulator, what.vector_is_a)
        if key not in self._texts:
            inside = self._insides(instance)
            assert inside is not None, "the form was asked for what it does not serve"
            self._texts[key] = self.text(inside, what, instance, self._target)
        return self._texts[key]

    def data(self, what: Products, instance: UnitInstance | None, constant: Array | None) -> Data:
        """Nothing: the unit is in the kernel."""
        return Data()
