"""Operands of a unit as a kernel takes them: raw numbers in the smallest container that holds the unit's type."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from llvmlite import ir

from asnet.ir.module import Memory
from asnet.ir.products import container
from asnet.lower.arithmetic import register_type
from asnet.lower.builder import LayerBuilder
from asnet.types import ELEMENT_TYPES, Array

__all__ = ["Operand"]


@dataclass(frozen=True)
class Operand:
    """What ``memory`` holds, less ``shift``, as operands of a unit of type ``unit``; ``values`` if it is constant."""

    memory: Memory
    unit: str = "f32"
    shift: int = 0
    values: Array | None = None

    @property
    def container(self) -> str:
        """numpy's name of the type in which kernels take it."""
        return container(self.unit)

    @property
    def is_ready(self) -> bool:
        """Whether the memory holds what kernels take."""
        return self.shift == 0 and self.memory.dtype == self.container

    def constant(self) -> Array | None:
        """The operands in the order of the memory, if they are constant."""
        if self.values is None or self.is_ready:
            return self.values
        return (self.values.astype(np.int64) - self.shift).astype(self.container)

    def emit(self, b: LayerBuilder, x: ir.Value) -> ir.Value:
        """Elements of the memory, one or a vector, as operands."""
        goal = register_type(self.container)
        if isinstance(x.type, ir.VectorType):
            goal = ir.VectorType(goal, x.type.count)
        wider = ELEMENT_TYPES[self.container].bits - ELEMENT_TYPES[self.memory.dtype].bits
        if wider > 0:
            x = (b.ir.sext if ELEMENT_TYPES[self.memory.dtype].signed else b.ir.zext)(x, goal)
        elif wider < 0:
            x = b.ir.trunc(x, goal)
        return b.ir.sub(x, _every(goal, self.shift)) if self.shift else x


def _every(kind: ir.Type, number: int) -> ir.Constant:
    if isinstance(kind, ir.VectorType):
        return ir.Constant(kind, [ir.Constant(kind.element, number)] * kind.count)
    return ir.Constant(kind, number)
