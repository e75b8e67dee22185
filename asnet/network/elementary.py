"""exp, tanh and sigmoid as sequences of float32 operations: one definition for the oracle, the IR and the hardware.

No libm: every step below is one float32 operation rounded to nearest even (no fused multiply-add, no float64), so that
a numpy ufunc, an LLVM instruction and a hardware operator give the same bits. `asnet.lower` emits the same steps from
the same constants. Results obey the calling thread's float mode (`asnet.host.float_environment`); exp never returns a
subnormal: below 2^-126 it is 0 in either mode.

Measured against float64 (``tests/network/test_elementary.py``), relative, with u = 2^-24·(1 + |x|·log2(e)):
exp 1.2 u, sigmoid 2 u, tanh 1.7e-7. All three are monotone on the tested grids.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EXP2_COEFFICIENTS",
    "EXP2_HIGH",
    "EXP2_LOW",
    "LOG2E",
    "ROUNDER",
    "TANH_COEFFICIENTS",
    "TANH_SWITCH",
    "Float32",
    "exp",
    "sigmoid",
    "tanh",
]

Float32: TypeAlias = NDArray[np.float32]

LOG2E = np.float32(1.44269504)
"""log2(e) rounded to float32; its error of 1.3e-8 relative is below the rounding of the product with x."""

ROUNDER = np.float32(12582912.0)
"""1.5·2^23: adding it rounds |t| < 2^22 to an integer (nearest even) that stands in the low bits of the sum."""

EXP2_LOW = np.float32(-127.0)
"""Below this exponent 2^t is 0."""

EXP2_HIGH = np.float32(129.0)
"""From this exponent on 2^t is +inf (2^t for 128 <= t < 129 overflows in the exponent adjustment)."""

EXP2_COEFFICIENTS = tuple(
    np.float32(float.fromhex(text))
    for text in (
        "0x1.0000000000000p+0",
        "0x1.62e4300000000p-1",
        "0x1.ebfbdc0000000p-3",
        "0x1.c6af7a0000000p-5",
        "0x1.3b2dd20000000p-7",
        "0x1.5f09460000000p-10",
        "0x1.417a5c0000000p-13",
    )
)
"""c0 … c6 of 2^f ≈ Σ c_i·f^i for |f| <= 0.5; c0 is exactly 1 so that exp(0) = 1.

Minimax fit of relative error 3.0e-9 by ``tests/network/fit_elementary.py``, rounded to float32 in order.
"""

TANH_COEFFICIENTS = tuple(
    np.float32(float.fromhex(text))
    for text in (
        "-0x1.5555320000000p-2",
        "0x1.1106fa0000000p-3",
        "-0x1.b836c80000000p-5",
        "0x1.52041c0000000p-6",
        "-0x1.754f460000000p-8",
    )
)
"""q0 … q4 of tanh(a) ≈ a + a·s·Q(s), s = a², for 0 <= a < 0.625.

Minimax fit of relative error 4.5e-9 by ``tests/network/fit_elementary.py``, rounded to float32 in order.
"""

TANH_SWITCH = np.float32(0.625)
"""From here on tanh(a) = 1 - 2/(e^2a + 1), where that loses no digits; below, the polynomial."""

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_TWO = np.float32(2.0)
_INFINITY = np.float32(np.inf)


def _horner(x: Float32, coefficients: tuple[np.float32, ...]) -> Float32:
    """Σ coefficients[i]·x^i: start with the highest, then ``p = p*x; p = p + c``."""
    value = np.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = np.add(np.multiply(value, x), coefficient)
    return value


def exp(x: Float32) -> Float32:
    """e^x elementwise: 2^t with t = x·log2(e) split into integer n and fraction f, 2^f a polynomial.

    The integer part is added to the exponent field of 2^f; results beyond the normal range are 0 or +inf, NaN stays.
    """
    shape = x.shape
    x = np.atleast_1d(x)
    with np.errstate(all="ignore"):
        t = np.multiply(x, LOG2E)
        m = np.add(t, ROUNDER)
        n = np.subtract(m, ROUNDER)
        f = np.subtract(t, n)
        p = _horner(f, EXP2_COEFFICIENTS)
        k = np.subtract(m.view(np.int32), ROUNDER.view(np.int32))
        exponent = np.add(np.right_shift(p.view(np.uint32), np.uint32(23)).view(np.int32), k)
        scaled = np.add(p.view(np.int32), np.left_shift(k, np.int32(23))).view(np.float32)
        result = np.where(exponent < 1, _ZERO, scaled)
        result = np.where(exponent > 254, _INFINITY, result)
        result = np.where(t < EXP2_LOW, _ZERO, result)
        result = np.where(t >= EXP2_HIGH, _INFINITY, result)
        result = np.where(np.isnan(t), t, result)
    return result.reshape(shape)


def sigmoid(x: Float32) -> Float32:
    """1 / (1 + e^-x) elementwise."""
    with np.errstate(all="ignore"):
        return np.asarray(np.divide(_ONE, np.add(_ONE, exp(np.negative(x)))))


def tanh(x: Float32) -> Float32:
    """tanh(x) elementwise: an odd polynomial for a = |x| < 0.625, else 1 - 2/(e^2a + 1); then the sign of x."""
    shape = x.shape
    x = np.atleast_1d(x)
    bits = x.view(np.uint32)
    with np.errstate(all="ignore"):
        a = np.bitwise_and(bits, np.uint32(0x7FFFFFFF)).view(np.float32)
        z = exp(np.add(a, a))
        big = np.subtract(_ONE, np.divide(_TWO, np.add(z, _ONE)))
        s = np.multiply(a, a)
        small = np.add(a, np.multiply(np.multiply(a, s), _horner(s, TANH_COEFFICIENTS)))
        magnitude = np.where(a < TANH_SWITCH, small, big)
    sign = np.bitwise_and(bits, np.uint32(0x80000000))
    return np.bitwise_or(magnitude.view(np.uint32), sign).view(np.float32).reshape(shape)
