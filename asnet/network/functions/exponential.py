"""Logarithms, e^x - 1, and what is made of them."""

from __future__ import annotations

import numpy as np

from asnet.network.functions.steps import Steps, V, coefficients

__all__ = ["expm1", "log", "log1p", "mish", "softplus", "split"]

LOG = coefficients(
    "0x1.5555480000000p-2",
    "-0x1.0000060000000p-2",
    "0x1.99a4760000000p-3",
    "-0x1.555c460000000p-3",
    "0x1.233ba80000000p-3",
    "-0x1.fc28840000000p-4",
    "0x1.e6bf380000000p-4",
    "-0x1.de02d60000000p-4",
    "0x1.14763a0000000p-4",
)
"""P of ln(1+f) = f - f²/2 + f³·P(f) for 1 + f in [√½, √2)."""

EXPM1 = coefficients(
    "0x1.fffffe0000000p-2",
    "0x1.5554ae0000000p-3",
    "0x1.5556f00000000p-5",
    "0x1.122a6c0000000p-7",
    "0x1.6ba4760000000p-10",
)
"""P of e^x - 1 = x + x²·P(x) for |x| < 0.35."""

EXPM1_SWITCH = 0.35
MISH_SWITCH = 20.0
"""From here on tanh(softplus(x)) is 1."""

LN2_HIGH = np.float32(0.693359375)
LN2_LOW = np.float32(-2.12194440e-4)
"""ln 2 = high + low; k·high is exact for |k| < 2^14."""

_ROOT_HALF = 0x3F3504F3
"""Bits of √½ rounded down."""
_SMALLEST_NORMAL = 2.0**-126
_FRACTION = 0x007FFFFF


def split(s: Steps[V], x: V) -> tuple[V, V]:
    """``(k, m)``: the positive finite ``x`` is 2^k·m with the float m in [√½, √2) and the integer k.

    A subnormal is first made a normal number through its bits, an integer.
    """
    small = s.compare("<", x, s.number(_SMALLEST_NORMAL))
    scaled = s.to_number(s.integer("and", s.bits(x), s.word(_FRACTION)))
    bits = s.bits(s.choose(small, scaled, x))
    k = s.shift("ashr", s.integer("sub", bits, s.word(_ROOT_HALF)), 23)
    m = s.number_of(s.integer("sub", bits, s.shift("shl", k, 23)))
    return s.choose(small, s.integer("sub", k, s.word(149)), k), m


def log(s: Steps[V], x: V) -> V:
    """ln x; NaN below zero, -inf at both zeros."""
    k, m = split(s, x)
    f = s.sub(m, s.number(1.0))
    square = s.mul(f, f)
    rest = s.mul(s.mul(f, square), s.horner(f, LOG))
    exponent = s.to_number(k)
    rest = s.add(rest, s.mul(exponent, s.number(LN2_LOW)))
    rest = s.sub(rest, s.mul(s.number(0.5), square))
    result = s.add(s.add(f, rest), s.mul(exponent, s.number(LN2_HIGH)))
    infinity = s.number(np.inf)
    result = s.choose(s.compare("<", x, infinity), result, x)
    result = s.choose(s.compare("<", x, s.number(0.0)), s.number(np.nan), result)
    return s.choose(s.compare("==", x, s.number(0.0)), s.number(-np.inf), result)


def log1p(s: Steps[V], u: V) -> V:
    """ln(1 + u), to the last digits for small u too: what the rounding of w = 1 + u loses is added as (u - (w-1))/w."""
    one = s.number(1.0)
    w = s.add(one, u)
    lost = s.div(s.sub(u, s.sub(w, one)), w)
    result = log(s, w)
    finite = s.compare("<", s.magnitude(result), s.number(np.inf))
    return s.choose(finite, s.add(result, lost), result)


def expm1(s: Steps[V], x: V) -> V:
    """e^x - 1: a polynomial for |x| < 0.35."""
    small = s.add(x, s.mul(s.mul(x, x), s.horner(x, EXPM1)))
    big = s.sub(s.exp(x), s.number(1.0))
    return s.choose(s.compare("<", s.magnitude(x), s.number(EXPM1_SWITCH)), small, big)


def softplus(s: Steps[V], x: V) -> V:
    """ln(1 + e^x) = (x < 0 ? 0 : x) + ln(1 + e^-|x|)."""
    positive = s.choose(s.compare("<", x, s.number(0.0)), s.number(0.0), x)
    return s.add(positive, log1p(s, s.exp(s.negate(s.magnitude(x)))))


def mish(s: Steps[V], x: V) -> V:
    """x·tanh(softplus(x)) = x·n/(n + 2) with n = e^x·(e^x + 2); x from 20 on."""
    two = s.number(2.0)
    power = s.exp(x)
    n = s.mul(power, s.add(power, two))
    result = s.mul(x, s.div(n, s.add(n, two)))
    return s.choose(s.compare(">=", x, s.number(MISH_SWITCH)), x, result)
