"""Element-by-element operators with attributes: Clip, Mod, BitShift, BitCast, IsInf."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from llvmlite import ir

from asnet.lower.arithmetic import F32, I1, I32, register_type
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import ANY, NUMBERS, LayerContext
from asnet.lower.elementwise import map_broadcast, map_elements
from asnet.lower.registry import lowering
from asnet.lower.rounding import magnitude, with_sign
from asnet.network.elementwise import Bound, clip_bounds, infinities, modulo_floors, shifts_left
from asnet.types import ELEMENT_TYPES, INTEGER_TYPES, FloatMode

__all__: list[str] = []

_FRACTION_BITS = 23
_LEAST_NORMAL = 2.0**-126
_LARGEST_SHIFT = 253
"""Difference of the greatest and the least exponent of a float32."""


@lowering("Clip")
def _clip(context: LayerContext) -> None:
    bounds = clip_bounds(context.layer, context.network)
    x = context.input(0, NUMBERS)
    computed = [context.input(b.input, NUMBERS) for b in bounds if b is not None and b.value is None]

    def clip(b: LayerBuilder, values: Sequence[ir.Value]) -> ir.Value:
        value, *limits = values

        def limit(bound: Bound) -> ir.Value:
            return limits.pop(0) if bound.value is None else b.constant(bound.value, x.dtype)

        for comparison, bound in zip("<>", bounds, strict=True):
            if bound is not None:
                border = limit(bound)
                value = b.choose(b.compare(comparison, value, border, x.dtype), border, value)
        return value

    map_broadcast(context, [x, *computed], clip)


@lowering("BitShift")
def _bit_shift(context: LayerContext) -> None:
    operands = [context.input(0, INTEGER_TYPES), context.input(1, INTEGER_TYPES)]
    kind = ELEMENT_TYPES[operands[0].dtype]
    left = shifts_left(context.layer)

    def shift(b: LayerBuilder, values: Sequence[ir.Value]) -> ir.Value:
        """A negative amount is a great one, read without sign."""
        value, amount = values
        zero = b.constant(0, kind.name)
        inside = b.ir.icmp_unsigned("<", amount, b.constant(kind.bits, kind.name))
        if kind.signed and not left:
            return b.ir.ashr(value, b.choose(inside, amount, b.constant(kind.bits - 1, kind.name)))
        amount = b.choose(inside, amount, zero)
        return b.choose(inside, (b.ir.shl if left else b.ir.lshr)(value, amount), zero)

    map_broadcast(context, operands, shift)


@lowering("BitCast")
def _bit_cast(context: LayerContext) -> None:
    x, y = context.input(0, ANY), context.output()

    def bit_cast(b: LayerBuilder, value: ir.Value) -> ir.Value:
        if x.dtype == y.dtype or "bool" in (x.dtype, y.dtype):
            return b.cast(value, x.dtype, y.dtype)
        result = b.ir.bitcast(value, register_type(y.dtype)) if "float32" in (x.dtype, y.dtype) else value
        if y.dtype != "float32" or context.mode is not FloatMode.FTZ:
            return result
        tiny = b.compare("<", magnitude(b, result), b.number(_LEAST_NORMAL), "float32")
        return b.choose(tiny, with_sign(b, b.number(0.0), result), result)

    map_elements(context, bit_cast, ANY)


@lowering("IsInf")
def _is_inf(context: LayerContext) -> None:
    wanted = infinities(context.layer)

    def is_inf(b: LayerBuilder, x: ir.Value) -> ir.Value:
        return reduce(b.ir.or_, [b.compare("==", x, b.number(value), "float32") for value in wanted], I1(0))

    map_elements(context, is_inf)


@lowering("Mod")
def _mod(context: LayerContext) -> None:
    floors = modulo_floors(context.layer)
    operands = [context.input(0, NUMBERS), context.input(1, NUMBERS)]
    dtype = operands[0].dtype

    def mod(b: LayerBuilder, values: Sequence[ir.Value]) -> ir.Value:
        if dtype != "float32":
            return b.remainder(values[0], values[1], dtype, floor=floors)
        rest = _float_remainder(b, values[0], values[1], context.mode)
        return _with_divisors_sign(b, rest, values[1]) if floors else rest

    map_broadcast(context, operands, mod)


def _with_divisors_sign(b: LayerBuilder, rest: ir.Value, divisor: ir.Value) -> ir.Value:
    """The remainder of a division rounded down, from that of one rounded toward zero."""
    zero = b.number(0.0)
    below, negative = (b.compare("<", value, zero, "float32") for value in (divisor, rest))
    moved = b.choose(b.ir.xor(below, negative), b.site("fadd", rest, divisor), rest)
    moved = b.choose(b.compare("==", rest, zero, "float32"), with_sign(b, zero, divisor), moved)
    return b.choose(b.is_nan(rest), rest, moved)


def _float_remainder(b: LayerBuilder, x: ir.Value, y: ir.Value, mode: FloatMode) -> ir.Value:
    """The exact remainder with the sign of ``x``: long division of the significands, bit by bit.

    NaN for an infinite x, a zero y and NaN; x for an infinite y.
    """
    dividend, divisor = (b.ir.bitcast(magnitude(b, value), I32) for value in (x, y))
    (high, m), (low, n) = _exponent(b, dividend), _exponent(b, divisor)
    shift = b.ir.sub(high, low)
    smaller = b.ir.icmp_unsigned("<", dividend, divisor)
    n = b.choose(b.ir.icmp_unsigned("==", n, I32(0)), I32(1), n)
    with b.reduction((_LARGEST_SHIFT,), b.ir.urem(m, n)) as rest:
        (step,) = rest.index
        twice = b.ir.shl(rest.value, I32(1))
        reduced = b.choose(b.ir.icmp_unsigned(">=", twice, n), b.ir.sub(twice, n), twice)
        active = b.ir.icmp_signed("<", b.ir.trunc(b.position(step), I32), shift)
        rest.value = b.choose(active, reduced, rest.value)
    result = b.choose(smaller, dividend, _scaled(b, rest.value, low))
    least = 1 << _FRACTION_BITS if mode is FloatMode.FTZ else 0
    result = b.choose(b.ir.icmp_unsigned("<", result, I32(least)), I32(0), result) if least else result
    infinity = b.number(float("inf"))
    undefined = b.ir.or_(
        b.ir.fcmp_unordered("ueq", magnitude(b, x), infinity), b.ir.fcmp_unordered("ueq", y, b.number(0.0))
    )
    signed = with_sign(b, b.ir.bitcast(result, F32), x)
    signed = b.choose(b.is_nan(y), y, signed)
    return b.choose(undefined, b.number(float("nan")), signed)


def _exponent(b: LayerBuilder, bits: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Biased exponent (at least 1) and significand of a float's magnitude."""
    field = b.ir.lshr(bits, I32(_FRACTION_BITS))
    fraction = b.ir.and_(bits, I32((1 << _FRACTION_BITS) - 1))
    normal = b.ir.icmp_unsigned("!=", field, I32(0))
    significand = b.ir.or_(fraction, I32(1 << _FRACTION_BITS))
    return b.choose(normal, field, I32(1)), b.choose(normal, significand, fraction)


def _scaled(b: LayerBuilder, significand: ir.Value, exponent: ir.Value) -> ir.Value:
    """Bits of the float ``significand`` · 2^(exponent - 150)."""
    bits = b.ir.bitcast(b.ir.uitofp(significand, F32), I32)
    moved = b.ir.add(b.ir.lshr(bits, I32(_FRACTION_BITS)), b.ir.sub(exponent, I32(150)))
    normal = b.ir.add(bits, b.ir.shl(b.ir.sub(exponent, I32(150)), I32(_FRACTION_BITS)))
    amount = b.ir.sub(exponent, I32(1))
    small = b.ir.icmp_signed("<", moved, I32(1))
    shifted = b.ir.shl(significand, b.choose(small, b.ir.and_(amount, I32(31)), I32(0)))
    result = b.choose(small, shifted, normal)
    return b.choose(b.ir.icmp_unsigned("==", significand, I32(0)), I32(0), result)
