"""Square root and power."""

from __future__ import annotations

import numpy as np

from asnet.network.elementary import EXP2_COEFFICIENTS, EXP2_HIGH, EXP2_LOW, ROUNDER
from asnet.network.functions.exponential import split
from asnet.network.functions.steps import Steps, V, coefficients

__all__ = ["power", "sqrt"]

LOG2 = coefficients("0x1.ec709e0000000p-1", "0x1.2776e00000000p-1", "0x1.a5d0480000000p-2", "0x1.58901e0000000p-2")
"""Q of log2((1+s)/(1-s)) = s·2/ln 2 + s³·Q(s²) for |s| <= (√2 - 1)/(√2 + 1)."""

_TWO_OVER_LN2 = 2.8853900817779268
SCALE_HIGH = np.float32(2.884765625)
SCALE_LOW = np.float32(_TWO_OVER_LN2 - 2.884765625)
"""2/ln 2 = high + low; high has 12 significant bits."""

LARGEST_EXPONENT = 2.0**40
"""x to this power is 0, 1 or infinite for every float32 x."""

_LEADING = -0x1000
"""Mask of a float's sign, exponent and leading 12 significant bits; products of two such floats are exact."""
_SMALLEST_NORMAL = 2.0**-126
_FRACTION = 0x007FFFFF
_WHOLE = 2.0**24
"""From here on every float32 is an even whole number."""


def sqrt(s: Steps[V], x: V) -> V:
    """√x rounded to nearest even, exactly (IEEE 754): digit by digit on the significand, an integer.

    Of fdlibm's e_sqrtf.c (Sun Microsystems, 1993), with the bits of the root and the remainder in one 32-bit integer
    each. The last step yields the rounding bit; a root is never halfway between two floats. NaN below zero.
    """
    small = s.compare("<", x, s.number(_SMALLEST_NORMAL))
    scaled = s.to_number(s.integer("and", s.bits(x), s.word(_FRACTION)))  # x·2^149
    bits = s.bits(s.choose(small, scaled, x))
    exponent = s.integer("sub", s.shift("ashr", bits, 23), s.choose(small, s.word(127 + 149), s.word(127)))
    significand = s.integer("or", s.integer("and", bits, s.word(_FRACTION)), s.word(_FRACTION + 1))
    odd = s.integer("and", exponent, s.word(1))
    rest = s.integer("shl", significand, s.integer("add", odd, s.word(1)))
    root = s.word(0)  # twice the digits found so far
    for place in range(24, -1, -1):
        trial = s.integer("add", root, s.word(1 << place))
        fits = s.compare_integer("<=", trial, rest)
        root = s.choose(fits, s.integer("add", root, s.word(2 << place)), root)
        rest = s.choose(fits, s.integer("sub", rest, trial), rest)
        rest = s.shift("shl", rest, 1)
    rounding = s.integer("and", s.shift("lshr", root, 1), s.word(1))
    digits = s.integer("add", s.shift("lshr", root, 2), rounding)
    half = s.shift("shl", s.shift("ashr", exponent, 1), 23)
    result = s.number_of(s.integer("add", s.integer("add", digits, s.word(0x3F000000)), half))
    result = s.choose(s.compare(">", x, s.number(0.0)), result, s.number(np.nan))
    result = s.choose(s.compare("==", x, s.number(np.inf)), x, result)
    return s.choose(s.compare("==", x, s.number(0.0)), x, result)


def _leading(s: Steps[V], x: V) -> V:
    return s.mask(x, _LEADING)


def _log2(s: Steps[V], x: V) -> tuple[V, V]:
    """log2 of a positive finite ``x`` as high + low, high of 12 significant bits; relative error about 2^-30.

    With t = (m-1)/(m+1) as a sum of two floats, the products of leading parts exact (as fdlibm's e_powf.c does).
    """
    one = s.number(1.0)
    k, m = split(s, x)
    above, below = s.sub(m, one), s.add(m, one)
    t = s.div(above, below)
    t_high = _leading(s, t)
    below_high = _leading(s, below)
    below_low = s.sub(m, s.sub(below_high, one))
    error = s.sub(s.sub(above, s.mul(t_high, below_high)), s.mul(t_high, below_low))
    t_low = s.div(error, below)
    square = s.mul(t, t)
    high = s.mul(t_high, s.number(SCALE_HIGH))
    low = s.mul(s.mul(t, square), s.horner(square, LOG2))
    low = s.add(low, s.mul(t, s.number(SCALE_LOW)))
    low = s.add(low, s.mul(t_low, s.number(SCALE_HIGH)))
    whole = s.to_number(k)
    total = s.add(whole, high)
    low = s.add(s.sub(high, s.sub(total, whole)), low)
    high = _leading(s, s.add(total, low))
    return high, s.sub(low, s.sub(high, total))


def _exp2(s: Steps[V], high: V, low: V) -> V:
    """2^(high + low) as in :func:`asnet.network.elementary.exp`: 0 below 2^-126, +inf from 2^128 on."""
    rounder = s.number(ROUNDER)
    t = s.add(high, low)
    m = s.add(t, rounder)
    f = s.add(s.sub(high, s.sub(m, rounder)), low)
    p = s.bits(s.horner(f, EXP2_COEFFICIENTS))
    k = s.integer("sub", s.bits(m), s.bits(rounder))
    exponent = s.integer("add", s.shift("lshr", p, 23), k)
    result = s.number_of(s.integer("add", p, s.shift("shl", k, 23)))
    zero, infinity = s.number(0.0), s.number(np.inf)
    result = s.choose(s.compare_integer("<", exponent, s.word(1)), zero, result)
    result = s.choose(s.compare_integer(">", exponent, s.word(254)), infinity, result)
    result = s.choose(s.compare("<", t, s.number(EXP2_LOW)), zero, result)
    result = s.choose(s.compare(">=", t, s.number(EXP2_HIGH)), infinity, result)
    return s.choose(s.is_nan(t), t, result)


def power(s: Steps[V], x: V, y: V) -> V:
    """x^y = 2^(y·log2|x|) with the sign and the special values of IEEE 754's pow.

    x^0 = 1^y = 1 even with a NaN; a negative x with a finite y that is no whole number gives NaN. A result below 2^-126
    is 0.
    """
    zero, one, infinity = s.number(0.0), s.number(1.0), s.number(np.inf)
    a, size = s.magnitude(x), s.magnitude(y)
    low, high = s.number(-LARGEST_EXPONENT), s.number(LARGEST_EXPONENT)
    bounded = s.choose(s.compare("<", y, low), low, y)
    bounded = s.choose(s.compare(">", bounded, high), high, bounded)
    high, low = _log2(s, a)
    y_high = _leading(s, bounded)
    t_low = s.add(s.mul(s.sub(bounded, y_high), high), s.mul(bounded, low))
    result = _exp2(s, s.mul(y_high, high), t_low)

    negative = s.compare("<", y, zero)
    result = s.choose(s.compare("==", a, zero), s.choose(negative, infinity, zero), result)
    result = s.choose(s.compare("==", a, infinity), s.choose(negative, zero, infinity), result)

    small = s.compare("<", size, s.number(_WHOLE))
    whole = s.to_integer(s.choose(small, y, zero))
    is_whole = s.compare("==", s.to_number(whole), s.choose(small, y, zero))
    odd = s.shift("shl", whole, 31)  # the sign bit of an odd y
    sign = s.choose(is_whole, s.integer("and", odd, s.bits(x)), s.word(0))
    result = s.number_of(s.integer("xor", s.bits(result), sign))
    fraction = s.both(s.compare("<", x, zero), s.compare("<", s.choose(is_whole, infinity, size), infinity))
    fraction = s.both(fraction, s.compare("<", a, infinity))
    result = s.choose(fraction, s.number(np.nan), result)

    result = s.choose(s.is_nan(x), x, result)
    result = s.choose(s.is_nan(y), y, result)
    result = s.choose(s.compare("==", x, one), one, result)
    return s.choose(s.compare("==", y, zero), one, result)
