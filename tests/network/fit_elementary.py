"""Derive the coefficients of ``asnet.network.elementary``: ``python tests/network/fit_elementary.py`` prints them.

Each polynomial is a relative-error minimax fit (Lawson's iteratively reweighted least squares on Chebyshev nodes, in
float64). The coefficients are rounded to float32 one at a time, from the lowest order up, and the rest is fitted again
after each rounding, so that later coefficients absorb the rounding of earlier ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NODES = 2000
ITERATIONS = 60


def chebyshev(low: float, high: float) -> Floats:
    """Chebyshev nodes of the interval, without its ends."""
    angles = (np.arange(NODES) + 0.5) * np.pi / NODES
    return (low + high) / 2 + (high - low) / 2 * np.cos(angles)


def minimax(powers: list[Floats], target: Floats, scale: Floats) -> Floats:
    """Coefficients of ``powers`` that minimise ``max |sum - target| / scale`` (Lawson 1961)."""
    weights = np.full(target.shape, 1.0 / target.size)
    matrix = np.stack(powers, axis=1) / scale[:, None]
    goal = target / scale
    best, least = np.zeros(len(powers)), np.inf
    for _ in range(ITERATIONS):
        root = np.sqrt(weights)
        found = np.linalg.lstsq(matrix * root[:, None], goal * root, rcond=None)[0]
        error = np.abs(matrix @ found - goal)
        if error.max() < least:
            best, least = found, float(error.max())
        weights = weights * error
        weights /= weights.sum()
    return best


def fit(powers: list[Floats], target: Floats, scale: Floats) -> tuple[list[np.float32], float]:
    """float32 coefficients of ``powers`` (lowest order first) and the relative error of the polynomial in float64."""
    rounded: list[np.float32] = []
    rest = target.copy()
    for index in range(len(powers)):
        rounded.append(np.float32(minimax(powers[index:], rest, scale)[0]))
        rest = rest - np.float64(rounded[-1]) * powers[index]
    return rounded, float(np.max(np.abs(rest) / scale))


def exp2() -> tuple[list[np.float32], float]:
    """c1 … c6 of 2^f = 1 + c1·f + … + c6·f^6 on [-0.5, 0.5]."""
    f = chebyshev(-0.5, 0.5)
    return fit([f**power for power in range(1, 7)], np.exp2(f) - 1.0, np.exp2(f))


def tanh() -> tuple[list[np.float32], float]:
    """q0 … q4 of tanh(a) = a + a^3·Q(a^2) for 0 <= a < 0.625."""
    a = chebyshev(0.0, 0.625)
    return fit([a ** (3 + 2 * power) for power in range(5)], np.tanh(a) - a, np.tanh(a))


def main() -> None:
    for name, (coefficients, error) in {"exp2": exp2(), "tanh": tanh()}.items():
        print(f"{name}: relative error {error:.2e}")
        for coefficient in coefficients:
            print(f"  {float(coefficient)!r}  {float(coefficient).hex()}  {coefficient!s}")


if __name__ == "__main__":
    main()
