"""The words everyone shares: float modes, operations and operand types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from asnet.errors import AsnetError

__all__ = [
    "APPROXIMABLE_OPS",
    "ELEMENT_TYPES",
    "EXACT",
    "INTEGER_TYPES",
    "AnyArray",
    "Array",
    "ElementType",
    "FloatMode",
    "OperandType",
    "operand_type",
]

APPROXIMABLE_OPS = ("fmul", "fdiv", "mul", "fadd", "fsub", "add")
"""LLVM opcodes that a unit may stand for in a network."""

Array: TypeAlias = NDArray[np.generic]
"""A numpy array of any element type."""

AnyArray: TypeAlias = NDArray[Any]
"""The same, for arithmetic whose element type the types do not follow."""

EXACT = "exact"
"""Name of instance 0 of every operation: the exact operator."""


class FloatMode(StrEnum):
    """How a whole design treats subnormal numbers.

    ``FTZ``: subnormal inputs read as signed zero and a result that is tiny after rounding becomes signed zero (x86
    DAZ + FTZ). ``IEEE``: gradual underflow (IEEE 754-2019).
    """

    FTZ = "ftz"
    IEEE = "ieee"


@dataclass(frozen=True)
class ElementType:
    """What the elements of a run-time tensor are: ``name`` is numpy's, ``llvm`` the type in memory."""

    name: str
    llvm: str
    bits: int
    signed: bool
    is_float: bool = False

    @property
    def is_integer(self) -> bool:
        """A signed or unsigned number; bool is none."""
        return not self.is_float and self.name != "bool"


ELEMENT_TYPES: Mapping[str, ElementType] = {
    kind.name: kind
    for kind in (
        ElementType("float32", "float", 32, signed=True, is_float=True),
        *(ElementType(f"int{bits}", f"i{bits}", bits, signed=True) for bits in (8, 16, 32, 64)),
        *(ElementType(f"uint{bits}", f"i{bits}", bits, signed=False) for bits in (8, 16, 32, 64)),
        ElementType("bool", "i8", 8, signed=False),
    )
}
"""Every type a tensor may have at run time. A bool is one byte, 0 or 1."""

INTEGER_TYPES = tuple(name for name, kind in ELEMENT_TYPES.items() if kind.is_integer)
"""The integers among them."""


@dataclass(frozen=True)
class OperandType:
    """An operand type: ``f32``, or an n-bit integer ``i8`` (signed) / ``u8`` (unsigned)."""

    name: str
    width: int
    signed: bool
    is_float: bool

    def __str__(self) -> str:
        return self.name


def operand_type(name: str) -> OperandType:
    """The operand type called ``name`` (``f32``, ``i1`` … ``i64``, ``u1`` … ``u64``).

    Raises:
        AsnetError: the name is none of these.
    """
    if name == "f32":
        return OperandType("f32", 32, signed=True, is_float=True)
    found = re.fullmatch(r"([iu])([1-9]\d?)", name)
    if found is None or int(found[2]) > 64:
        raise AsnetError(f"unknown operand type {name!r}; use f32, or i1..i64 (signed), u1..u64 (unsigned)")
    return OperandType(name, int(found[2]), signed=found[1] == "i", is_float=False)
