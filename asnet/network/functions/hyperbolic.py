"""Hyperbolic functions and their inverses."""

from __future__ import annotations

import numpy as np

from asnet.network.functions.exponential import log, log1p
from asnet.network.functions.powers import sqrt
from asnet.network.functions.steps import Steps, V, coefficients

__all__ = ["acosh", "asinh", "atanh", "cosh", "sinh"]

SINH = coefficients("0x1.5555560000000p-3", "0x1.1110e00000000p-7", "0x1.a022bc0000000p-13", "0x1.756c1e0000000p-19")
"""Q of sinh(a) = a + a³·Q(a²) for 0 <= a < 1."""

INVERSE_SWITCH = 2.0**13
"""From here on asinh(a) = acosh(a) = ln(a) + ln 2 in float32."""

LN2 = np.float32(0.6931471805599453)


def _halves(s: Steps[V], a: V) -> tuple[V, V]:
    """``(e^a/2, e^-a/2)`` for a >= 0, through e^(a/2) so that neither overflows before cosh does."""
    root = s.exp(s.mul(a, s.number(0.5)))
    growing = s.mul(s.mul(s.number(0.5), root), root)
    return growing, s.div(s.number(0.25), growing)


def cosh(s: Steps[V], x: V) -> V:
    """(e^a + e^-a)/2 with a = |x|."""
    growing, falling = _halves(s, s.magnitude(x))
    return s.add(growing, falling)


def sinh(s: Steps[V], x: V) -> V:
    """An odd polynomial for a = |x| < 1, else (e^a - e^-a)/2; then the sign of x."""
    one = s.number(1.0)
    a = s.magnitude(x)
    growing, falling = _halves(s, a)
    below = s.compare("<", a, one)
    bounded = s.choose(below, a, one)
    square = s.mul(bounded, bounded)
    small = s.add(a, s.mul(s.mul(bounded, square), s.horner(square, SINH)))
    return s.with_sign(s.choose(below, small, s.sub(growing, falling)), x)


def _far(s: Steps[V], a: V) -> V:
    return s.add(log(s, a), s.number(LN2))


def asinh(s: Steps[V], x: V) -> V:
    """ln(1 + a + a²/(1 + √(a² + 1))) with a = |x|, ln(a) + ln 2 from 2^13 on; then the sign of x."""
    one = s.number(1.0)
    a = s.magnitude(x)
    near = s.compare("<", a, s.number(INVERSE_SWITCH))
    bounded = s.choose(near, a, one)
    square = s.mul(bounded, bounded)
    root = sqrt(s, s.add(square, one))
    small = log1p(s, s.add(bounded, s.div(square, s.add(one, root))))
    return s.with_sign(s.choose(near, small, _far(s, a)), x)


def acosh(s: Steps[V], x: V) -> V:
    """ln(1 + t + √(2t + t²)) with t = x - 1, ln(x) + ln 2 from 2^13 on; NaN below 1."""
    one = s.number(1.0)
    near = s.compare("<", x, s.number(INVERSE_SWITCH))
    t = s.sub(s.choose(near, x, one), one)
    root = sqrt(s, s.add(s.add(t, t), s.mul(t, t)))
    result = s.choose(near, log1p(s, s.add(t, root)), _far(s, x))
    return s.choose(s.compare("<", x, one), s.number(np.nan), result)


def atanh(s: Steps[V], x: V) -> V:
    """ln(1 + 2a/(1 - a))/2 with a = |x|; then the sign of x; NaN beyond 1."""
    one = s.number(1.0)
    a = s.magnitude(x)
    result = s.mul(s.number(0.5), log1p(s, s.div(s.add(a, a), s.sub(one, a))))
    result = s.choose(s.compare("<=", a, one), result, s.number(np.nan))
    return s.with_sign(result, x)
