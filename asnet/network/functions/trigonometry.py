"""Trigonometric functions and their inverses."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from asnet.network.functions.powers import sqrt
from asnet.network.functions.steps import Steps, V, coefficients

__all__ = ["acos", "asin", "atan", "cos", "sin", "tan"]

SIN = coefficients("-0x1.5555560000000p-3", "0x1.1111740000000p-7", "-0x1.a059640000000p-13", "0x1.7c36160000000p-19")
"""Q of sin(r) = r + r³·Q(r²) for |r| <= π/4."""

COS = coefficients("0x1.55554a0000000p-5", "-0x1.6c0c2a0000000p-10", "0x1.99e9140000000p-16")
"""Q of cos(r) = 1 - r²/2 + r⁴·Q(r²) for |r| <= π/4."""

ATAN = coefficients(
    "-0x1.55554a0000000p-2",
    "0x1.9991e20000000p-3",
    "-0x1.23b9a40000000p-3",
    "0x1.b224940000000p-4",
    "-0x1.f2e7780000000p-5",
)
"""Q of atan(a) = a + a³·Q(a²) for 0 <= a <= tan(π/8)."""

ASIN = coefficients(
    "0x1.55554c0000000p-3",
    "0x1.3338ac0000000p-4",
    "0x1.6ca7500000000p-5",
    "0x1.04d36c0000000p-5",
    "0x1.d511240000000p-7",
    "0x1.34d0620000000p-5",
)
"""Q of asin(a) = a + a³·Q(a²) for 0 <= a <= 0.5."""

HALF_PI = np.float32(1.5707963267948966)
HALF_PI_LOW = np.float32(1.5707963267948966 - float(HALF_PI))
QUARTER_PI = np.float32(0.7853981633974483)
QUARTER_PI_LOW = np.float32(0.7853981633974483 - float(QUARTER_PI))
TAN_EIGHTH_PI = 0.4142135623730951
TAN_THREE_EIGHTHS_PI = 2.414213562373095

TWO_OVER_PI = 0xA2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163ABDEBBC561
"""2/π·2^256, rounded down: the digits that the reduction of a float32 needs, and more."""

DIRECT = 0.7853981
"""Up to π/4 the operand is its own remainder."""

_FRACTION = 0x007FFFFF


def _digits(first: int, count: int) -> int:
    """``count`` binary digits of 2/π from the one of weight 2^-``first`` on; digits before the point are 0."""
    return (TWO_OVER_PI >> (256 - (first - 1) - count)) & ((1 << count) - 1)


def _window(s: Steps[V], index: V, offset: int) -> V:
    """Of the digits of 2/π the 32 from number 32·(index - 1) + offset + 1 on, as a 64-bit integer; index is 0 … 4."""

    def digits(number: int) -> V:
        first = 32 * (number - 1) + offset + 1
        word = _digits(first, 32) if first > 0 else _digits(1, 32 + first - 1) if first > -31 else 0
        return s.word(word, 64)

    result = digits(0)
    for number in range(1, 5):
        result = s.choose(s.compare_integer(">=", index, s.word(number)), digits(number), result)
    return result


def _reduced(s: Steps[V], a: V) -> tuple[V, V]:
    """``(q, r)``: the finite a >= 0 is q·π/2 + r up to multiples of 2π, |r| <= π/4.

    Payne and Hanek 1983: with a = M·2^e (M of 24 bits) the fraction of M·2^e·2/π comes from the digits of 2/π around
    weight 2^-e; those above are multiples of four quadrants. The quadrants are a 64-bit integer in units of 2^-62.
    """
    bits = s.bits(a)
    place = s.integer("sub", s.shift("lshr", bits, 23), s.word(150 - 32))  # e + 32, below 0 only where a < 2^-8
    place = s.choose(s.compare("<", a, s.number(DIRECT)), s.word(0), place)
    index = s.shift("lshr", place, 5)
    amount = s.integer("and", place, s.word(31))
    significand = s.integer("or", s.integer("and", bits, s.word(_FRACTION)), s.word(_FRACTION + 1))
    wide = s.widen(significand)
    by_32 = s.word(32, 64)
    # the 96 digits from number e - 1 on: four words of digits shifted left by the amount
    words = [_window(s, index, 32 * number - 2) for number in range(4)]
    shift = s.widen(amount)
    parts: list[V] = []
    for high, low in pairwise(words):
        pair = s.integer("or", s.integer("shl", high, by_32), low)
        parts.append(s.integer("lshr", s.integer("shl", pair, shift), by_32))
    product = s.integer("shl", s.integer("mul", wide, parts[0]), by_32)
    product = s.integer("add", product, s.integer("mul", wide, parts[1]))
    product = s.integer("add", product, s.integer("lshr", s.integer("mul", wide, parts[2]), by_32))
    half = s.integer("add", product, s.word(1 << 61, 64))
    quadrant = s.narrow(s.integer("lshr", half, s.word(62, 64)))
    rest = s.integer("sub", s.integer("and", half, s.word((1 << 62) - 1, 64)), s.word(1 << 61, 64))
    high = s.to_number(s.narrow(s.integer("ashr", rest, by_32)))
    low = s.to_number(s.narrow(s.integer("and", s.integer("lshr", rest, s.word(1, 64)), s.word(0x7FFFFFFF, 64))))
    r = s.mul(s.add(high, s.mul(low, s.number(2.0**-31))), s.number(np.float32(np.pi / 2 * 2.0**-30)))
    direct = s.compare("<", a, s.number(DIRECT))
    return s.choose(direct, s.word(0), quadrant), s.choose(direct, a, r)


def _sine_and_cosine(s: Steps[V], r: V) -> tuple[V, V]:
    square = s.mul(r, r)
    sine = s.add(r, s.mul(s.mul(r, square), s.horner(square, SIN)))
    cosine = s.mul(s.mul(square, square), s.horner(square, COS))
    cosine = s.add(s.sub(s.number(1.0), s.mul(s.number(0.5), square)), cosine)
    return sine, cosine


def _flip(s: Steps[V], x: V, quadrant: V, sign: V) -> V:
    """``x`` with its sign changed where ``quadrant`` has bit 1, and where ``sign`` has bit 31."""
    bit = s.shift("shl", s.integer("and", quadrant, s.word(2)), 30)
    return s.number_of(s.integer("xor", s.bits(x), s.integer("xor", bit, sign)))


def _periodic(s: Steps[V], x: V, *, quarter: int) -> V:
    """The sine of x + quarter·π/2."""
    a = s.magnitude(x)
    quadrant, r = _reduced(s, a)
    sine, cosine = _sine_and_cosine(s, r)
    place = s.integer("add", quadrant, s.word(quarter))
    odd = s.compare_integer("==", s.integer("and", place, s.word(1)), s.word(1))
    sign = s.word(0) if quarter else s.integer("and", s.bits(x), s.word(-0x80000000))
    result = _flip(s, s.choose(odd, cosine, sine), place, sign)
    return s.choose(s.compare("<", a, s.number(np.inf)), result, s.number(np.nan))


def sin(s: Steps[V], x: V) -> V:
    """sin x; NaN at the infinities."""
    return _periodic(s, x, quarter=0)


def cos(s: Steps[V], x: V) -> V:
    """cos x; NaN at the infinities."""
    return _periodic(s, x, quarter=1)


def tan(s: Steps[V], x: V) -> V:
    """sin x / cos x, -cos r / sin r in odd quadrants; NaN at the infinities."""
    a = s.magnitude(x)
    quadrant, r = _reduced(s, a)
    sine, cosine = _sine_and_cosine(s, r)
    odd = s.compare_integer("==", s.integer("and", quadrant, s.word(1)), s.word(1))
    result = s.div(s.choose(odd, s.negate(cosine), sine), s.choose(odd, sine, cosine))
    sign = s.integer("and", s.bits(x), s.word(-0x80000000))
    result = s.number_of(s.integer("xor", s.bits(result), sign))
    return s.choose(s.compare("<", a, s.number(np.inf)), result, s.number(np.nan))


def atan(s: Steps[V], x: V) -> V:
    """atan x: a = |x| beyond tan(π/8) as π/4 + atan((a-1)/(a+1)), beyond tan(3π/8) as π/2 + atan(-1/a)."""
    zero, one = s.number(0.0), s.number(1.0)
    a = s.magnitude(x)
    big = s.compare(">", a, s.number(TAN_THREE_EIGHTHS_PI))
    middle = s.compare(">", a, s.number(TAN_EIGHTH_PI))
    numerator = s.choose(big, s.number(-1.0), s.sub(a, one))
    denominator = s.choose(big, a, s.add(a, one))
    t = s.choose(middle, s.div(numerator, denominator), a)
    square = s.mul(t, t)
    low = s.choose(big, s.number(HALF_PI_LOW), s.choose(middle, s.number(QUARTER_PI_LOW), zero))
    base = s.choose(big, s.number(HALF_PI), s.choose(middle, s.number(QUARTER_PI), zero))
    rest = s.add(t, s.add(s.mul(s.mul(t, square), s.horner(square, ATAN)), low))
    return s.with_sign(s.choose(s.is_nan(x), x, s.add(base, rest)), x)


def _asin_half(s: Steps[V], a: V, square: V) -> V:
    """asin(a) for 0 <= a <= 0.5."""
    return s.add(a, s.mul(s.mul(a, square), s.horner(square, ASIN)))


def _arc(s: Steps[V], a: V) -> tuple[V, V]:
    """Whether a > 0.5, and asin(a) or, then, asin(√((1-a)/2)) = (π/2 - asin a)/2; NaN beyond 1."""
    half = s.number(0.5)
    big = s.compare(">", a, half)
    folded = s.mul(half, s.sub(s.number(1.0), a))
    t = s.choose(big, sqrt(s, folded), a)
    return big, _asin_half(s, t, s.choose(big, folded, s.mul(a, a)))


def asin(s: Steps[V], x: V) -> V:
    """asin x; NaN beyond ±1."""
    big, arc = _arc(s, s.magnitude(x))
    far = s.sub(s.number(HALF_PI), s.sub(s.add(arc, arc), s.number(HALF_PI_LOW)))
    return s.with_sign(s.choose(big, far, arc), x)


def acos(s: Steps[V], x: V) -> V:
    """acos x; NaN beyond ±1."""
    big, arc = _arc(s, s.magnitude(x))
    half_pi, low = s.number(HALF_PI), s.number(HALF_PI_LOW)
    twice = s.add(arc, arc)
    supplement = s.sub(s.add(half_pi, half_pi), s.sub(twice, s.add(low, low)))
    far = s.choose(s.compare("<", x, s.number(0.0)), supplement, twice)
    near = s.sub(half_pi, s.sub(s.with_sign(arc, x), low))
    return s.choose(big, far, near)
