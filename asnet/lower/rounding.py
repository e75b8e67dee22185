"""Float32 to whole numbers that stay float32: exact, without branches or intrinsics."""

from __future__ import annotations

from llvmlite import ir

from asnet.lower.arithmetic import F32, I32
from asnet.lower.builder import LayerBuilder

__all__ = ["ceil", "floor", "magnitude", "round_to_even", "with_sign"]

_WHOLE = 2.0**23
"""From here on every float32 is a whole number."""


def magnitude(b: LayerBuilder, x: ir.Value) -> ir.Value:
    """|x|."""
    return b.ir.bitcast(b.ir.and_(b.ir.bitcast(x, I32), I32(0x7FFFFFFF)), F32)


def with_sign(b: LayerBuilder, x: ir.Value, sign: ir.Value) -> ir.Value:
    """``x``, which is +0 or has the sign of ``sign``, with the sign of ``sign``."""
    bit = b.ir.and_(b.ir.bitcast(sign, I32), I32(-0x80000000))
    return b.ir.bitcast(b.ir.or_(b.ir.bitcast(x, I32), bit), F32)


def floor(b: LayerBuilder, x: ir.Value) -> ir.Value:
    """The greatest whole number that is not greater; -0, infinities and NaN stay."""
    return _corrected(b, x, -1)


def ceil(b: LayerBuilder, x: ir.Value) -> ir.Value:
    """The least whole number that is not less; between -1 and 0 it is -0."""
    return _corrected(b, x, 1)


def _corrected(b: LayerBuilder, x: ir.Value, step: int) -> ir.Value:
    """``x`` truncated, then ``step`` further where that is on the wrong side."""
    small = b.ir.fcmp_ordered("<", magnitude(b, x), b.number(_WHOLE))
    whole = b.ir.fptosi(b.choose(small, x, b.number(0.0)), I32)
    wrong = b.ir.fcmp_ordered("<" if step > 0 else ">", b.ir.sitofp(whole, F32), x)
    whole = b.choose(wrong, b.ir.add(whole, I32(step)), whole)
    return b.choose(small, with_sign(b, b.ir.sitofp(whole, F32), x), x)


def round_to_even(b: LayerBuilder, x: ir.Value) -> ir.Value:
    """The nearest whole number, of two the even one; the sign stays."""
    size, whole = magnitude(b, x), b.number(_WHOLE)
    rounded = b.ir.fsub(b.ir.fadd(size, whole), whole)
    return b.choose(b.ir.fcmp_ordered("<", size, whole), with_sign(b, rounded, x), x)
