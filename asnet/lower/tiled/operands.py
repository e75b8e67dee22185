"""Where a product's operands are, and where its columns are in the vector operand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from asnet.lower.arithmetic import I64
from asnet.lower.tiled.code import Code
from asnet.lower.tiled.plan import Column

__all__ = ["Operands", "locate"]


@dataclass(frozen=True)
class Operands:
    """Where the product's operands begin; ``resume``: y holds what the sums start with."""

    v: ir.Value
    s: ir.Value
    start: ir.Value
    y: ir.Value
    resume: bool


def locate(code: Code, columns: Sequence[Column], column: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Offset of a column in the vector operand, and how many there are on its innermost axis from it on."""
    *outer, inner = columns
    rest = column
    if outer:
        digit = code.ir.urem(rest, I64(inner.extent))
        rest = code.ir.udiv(rest, I64(inner.extent))
    else:
        digit = rest
    offset, room = code.times(digit, inner.v), code.ir.sub(I64(inner.extent), digit)
    while outer:
        axis = outer.pop()
        digit = code.ir.urem(rest, I64(axis.extent)) if outer else rest
        rest = code.ir.udiv(rest, I64(axis.extent)) if outer else rest
        offset = code.add(offset, code.times(digit, axis.v))
    return offset, room
