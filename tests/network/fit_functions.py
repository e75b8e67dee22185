"""Derive the coefficients of ``asnet.network.functions``: ``python -m tests.network.fit_functions`` prints them.

Fits as in :mod:`tests.network.fit_elementary`; each function returns float32 coefficients, lowest order first, and the
error of the polynomial evaluated in float64, relative to the function (for ``erfc`` relative to 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tests.network.fit_elementary import Floats, chebyshev, fit

Fit = tuple[list[np.float32], float]


def _vector(function: Callable[[float], float], x: Floats) -> Floats:
    return np.array([function(value) for value in x.tolist()])


def _odd(function: Callable[[float], float], bound: float, count: int) -> Fit:
    """f(x) = x + x^3·Q(x^2) for 0 <= x <= bound."""
    x = chebyshev(0.0, bound)
    y = _vector(function, x)
    return fit([x ** (3 + 2 * power) for power in range(count)], y - x, y)


def log() -> Fit:
    """ln(1+f) = f - f^2/2 + f^3·P(f) on [√½ - 1, √2 - 1]."""
    f = chebyshev(math.sqrt(0.5) - 1.0, math.sqrt(2.0) - 1.0)
    y = np.log1p(f)
    return fit([f ** (3 + power) for power in range(9)], y - f + f * f / 2, np.abs(y))


def log2() -> Fit:
    """log2((1+s)/(1-s)) = s·2/ln 2 + s^3·Q(s^2) for |s| <= (√2 - 1)/(√2 + 1)."""
    s = chebyshev(0.0, (math.sqrt(2.0) - 1.0) / (math.sqrt(2.0) + 1.0))
    y = 2 * np.arctanh(s) / math.log(2.0)
    return fit([s ** (3 + 2 * power) for power in range(4)], y - s * 2 / math.log(2.0), y)


def erf() -> Fit:
    """erf(a) = a + a·P(a^2) for 0 <= a <= 0.92."""
    a = chebyshev(0.0, 0.92)
    y = _vector(math.erf, a)
    return fit([a ** (1 + 2 * power) for power in range(7)], y - a, y)


def erfc() -> Fit:
    """ln(erfc(a)) = P(a) for 0.92 <= a <= 4; the error is that of erfc, absolute."""
    a = chebyshev(0.92, 4.0)
    y = _vector(math.erfc, a)
    return fit([a**power for power in range(9)], np.log(y), 1 / y)


def expm1() -> Fit:
    """e^x - 1 = x + x^2·P(x) for |x| <= 0.35."""
    x = chebyshev(-0.35, 0.35)
    y = np.expm1(x)
    return fit([x ** (2 + power) for power in range(5)], y - x, np.abs(y))


def sinh() -> Fit:
    """sinh(a) = a + a^3·Q(a^2) for 0 <= a <= 1."""
    return _odd(math.sinh, 1.0, 4)


def sin() -> Fit:
    """sin(r) = r + r^3·Q(r^2) for |r| <= π/4."""
    return _odd(math.sin, math.pi / 4, 4)


def cos() -> Fit:
    """cos(r) = 1 - r^2/2 + r^4·Q(r^2) for |r| <= π/4."""
    r = chebyshev(0.0, math.pi / 4)
    return fit([r ** (4 + 2 * power) for power in range(3)], np.cos(r) - 1 + r * r / 2, np.cos(r))


def atan() -> Fit:
    """atan(a) = a + a^3·Q(a^2) for 0 <= a <= tan(π/8)."""
    return _odd(math.atan, math.tan(math.pi / 8), 5)


def asin() -> Fit:
    """asin(a) = a + a^3·Q(a^2) for 0 <= a <= 0.5."""
    return _odd(math.asin, 0.5, 6)


FITS: dict[str, Callable[[], Fit]] = {
    "LOG": log,
    "LOG2": log2,
    "ERF": erf,
    "ERFC": erfc,
    "EXPM1": expm1,
    "SINH": sinh,
    "SIN": sin,
    "COS": cos,
    "ATAN": atan,
    "ASIN": asin,
}
"""Name of the coefficients in ``asnet.network.functions`` → their fit."""


def main() -> None:
    for name, derive in FITS.items():
        coefficients, error = derive()
        print(f"{name}: error {error:.2e}")
        print(", ".join(f'"{float(coefficient).hex()}"' for coefficient in coefficients))


if __name__ == "__main__":
    main()
