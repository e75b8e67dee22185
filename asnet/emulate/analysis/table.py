"""A unit's results for all its operand pairs, from the golden model."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from asnet.types import OperandType
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["TABLE_BITS", "exact_table", "golden_table", "has_table", "operand_values"]

TABLE_BITS: Final = 16
"""Operand pairs of up to this many bits in all are enumerated."""


def has_table(instance: UnitInstance) -> bool:
    """Whether all operand pairs of ``instance`` can be enumerated: a binary integer unit of at most 8 bits."""
    return not instance.type.is_float and instance.op in ("mul", "add", "sub") and 2 * instance.type.width <= TABLE_BITS


def operand_values(operand: OperandType) -> NDArray[np.int32]:
    """The value of every bit pattern of an integer type, in the order of the patterns (0, 1, … -2, -1)."""
    patterns = np.arange(1 << operand.width, dtype=np.int32)
    top = 1 << (operand.width - 1)
    return np.where(patterns >= top, patterns - 2 * top, patterns).astype(np.int32) if operand.signed else patterns


def golden_table(instance: UnitInstance, library: FunctionLibrary) -> NDArray[np.int32]:
    """``table[a, b]`` for all bit patterns a, b by the golden model: what the library's function returns, as int32."""
    values = operand_values(instance.type)
    return np.asarray(library.call(instance.op, instance.type, values[:, None], values[None, :], instance), np.int32)


def exact_table(instance: UnitInstance) -> NDArray[np.int64]:
    """The exact results of the operation that ``instance`` stands for, laid out as :func:`golden_table`."""
    values = operand_values(instance.type).astype(np.int64)
    operation = {"mul": np.multiply, "add": np.add, "sub": np.subtract}[instance.op]
    return np.asarray(operation.outer(values, values), np.int64)
