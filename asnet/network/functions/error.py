"""The error function and Gelu."""

from __future__ import annotations

import numpy as np

from asnet.network.functions.steps import Steps, V, coefficients

__all__ = ["erf", "gelu", "gelu_tanh"]

ERF = coefficients(
    "0x1.06eba80000000p-3",
    "-0x1.8127400000000p-2",
    "0x1.ce2d640000000p-4",
    "-0x1.b801140000000p-6",
    "0x1.54496e0000000p-8",
    "-0x1.a5fef80000000p-11",
    "0x1.4f2e100000000p-14",
)
"""P of erf(a) = a + a·P(a²) for 0 <= a < 0.92."""

ERFC = coefficients(
    "0x1.5601b60000000p-13",
    "-0x1.21238c0000000p+0",
    "-0x1.445b600000000p-1",
    "-0x1.ba98e60000000p-4",
    "0x1.9874dc0000000p-6",
    "-0x1.0ac9800000000p-8",
    "0x1.a57f5a0000000p-12",
    "-0x1.fe1ba40000000p-17",
    "-0x1.eb374a0000000p-22",
)
"""P of ln(1 - erf(a)) = P(a) for 0.92 <= a <= 4."""

ERF_SWITCH = 0.92
ERF_END = 4.0
"""From here on erf(a) is 1 in float32."""

ROOT_HALF = np.float32(0.7071067811865476)
ROOT_2_OVER_PI = np.float32(0.7978845608028654)
GELU_CUBE = np.float32(0.044715)


def erf(s: Steps[V], x: V) -> V:
    """erf x: an odd polynomial for a = |x| < 0.92, else 1 - e^P(a), 1 from 4 on; then the sign of x."""
    one, end = s.number(1.0), s.number(ERF_END)
    a = s.magnitude(x)
    bounded = s.choose(s.compare("<", a, end), a, end)
    big = s.sub(one, s.exp(s.horner(bounded, ERFC)))
    big = s.choose(s.compare(">=", a, end), one, big)
    small = s.add(a, s.mul(a, s.horner(s.mul(bounded, bounded), ERF)))
    result = s.with_sign(s.choose(s.compare("<", a, s.number(ERF_SWITCH)), small, big), x)
    return s.choose(s.is_nan(x), x, result)


def gelu(s: Steps[V], x: V) -> V:
    """``0.5·x·(1 + erf(x/√2))``."""
    return s.mul(s.mul(s.number(0.5), x), s.add(s.number(1.0), erf(s, s.mul(x, s.number(ROOT_HALF)))))


def gelu_tanh(s: Steps[V], x: V) -> V:
    """``0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))``."""
    cube = s.mul(s.mul(s.mul(x, x), x), s.number(GELU_CUBE))
    inner = s.mul(s.add(x, cube), s.number(ROOT_2_OVER_PI))
    return s.mul(s.mul(s.number(0.5), x), s.add(s.number(1.0), s.tanh(inner)))
