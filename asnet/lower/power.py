"""Pow of floats and of integers."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from asnet.lower.arithmetic import I64
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import FLOATS, LayerContext
from asnet.lower.elementwise import map_broadcast
from asnet.lower.registry import lowering
from asnet.lower.rounding import floor, magnitude, round_to_even
from asnet.lower.steps import LayerSteps
from asnet.network.activations import constant_power
from asnet.network.functions import power
from asnet.types import ELEMENT_TYPES, INTEGER_TYPES

__all__: list[str] = []


@lowering("Pow")
def _pow(context: LayerContext) -> None:
    x = context.input(0, (*FLOATS, "int32", "int64"))
    if x.dtype not in FLOATS:
        _integer_pow(context)
        return
    y = context.input(1, (*FLOATS, *INTEGER_TYPES))
    exponent = context.network.constants.get(context.layer.inputs[1])
    direct = constant_power(float(exponent.item())) if exponent is not None and exponent.size == 1 else None
    if direct is not None:
        map_broadcast(context, [x], lambda b, values: direct(LayerSteps(b), values[0]))
        return
    map_broadcast(
        context, [x, y], lambda b, values: power(LayerSteps(b), values[0], b.cast(values[1], y.dtype, "float32"))
    )


def _integer_pow(context: LayerContext) -> None:
    x, y = context.input(0, ("int32", "int64")), context.input(1, (*FLOATS, *INTEGER_TYPES))

    def emit(b: LayerBuilder, values: Sequence[ir.Value]) -> ir.Value:
        base, exponent = values
        if y.dtype not in FLOATS:
            return _whole_power(b, x.dtype, base, b.cast(exponent, y.dtype, "int64"), y.dtype)
        whole = b.compare("==", floor(b, exponent), exponent, y.dtype)
        whole = b.ir.and_(whole, b.compare("<", magnitude(b, exponent), b.number(2.0**63), y.dtype))
        bounded = b.cast(b.choose(whole, exponent, b.number(0.0)), y.dtype, "int64")
        by_squares = _whole_power(b, x.dtype, base, bounded, "int64")
        by_floats = _whole(b, power(LayerSteps(b), b.cast(base, x.dtype, "float32"), exponent))
        return b.choose(whole, by_squares, b.cast(by_floats, "float32", x.dtype))

    map_broadcast(context, [x, y], emit)


def _whole(b: LayerBuilder, x: ir.Value) -> ir.Value:
    """``x``, or the whole number that it is but for an error of 2^-20."""
    nearest = round_to_even(b, x)
    error, bound = b.site("fsub", x, nearest), b.site("fmul", x, b.number(2.0**-20))
    return b.choose(b.compare("<=", magnitude(b, error), magnitude(b, bound), "float32"), nearest, x)


def _whole_power(b: LayerBuilder, dtype: str, base: ir.Value, exponent: ir.Value, exponent_dtype: str) -> ir.Value:
    """``base`` of ``dtype`` to the power of ``exponent``, an int64 with the values of ``exponent_dtype``."""
    kind = ELEMENT_TYPES[exponent_dtype]
    one, zero = (ir.IntType(ELEMENT_TYPES[dtype].bits)(value) for value in (1, 0))
    with b.reduction((kind.bits,), one, base, exponent) as state:
        result, square, rest = state.values
        odd = b.ir.icmp_unsigned("!=", b.ir.and_(rest, I64(1)), I64(0))
        result = b.choose(odd, b.ir.mul(result, square), result)
        state.values = [result, b.ir.mul(square, square), b.ir.lshr(rest, I64(1))]
    if not kind.signed:
        return state.value
    # ±1 is its own inverse, the inverse of any other number is truncated to 0
    unit = b.ir.icmp_unsigned("<=", b.ir.add(base, one), ir.Constant(base.type, 2))
    unit = b.ir.and_(unit, b.ir.icmp_unsigned("!=", base, zero))
    return b.choose(b.ir.icmp_signed(">=", exponent, I64(0)), state.value, b.choose(unit, state.value, zero))
