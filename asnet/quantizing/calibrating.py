"""Choosing the range of a tensor that its integers cover: what lies beyond saturates.

Sources: entropy: S. Migacz, "8-bit Inference with TensorRT", GTC 2017 (Kullback-Leibler divergence over the thresholds
of a histogram). propagated: C. De la Parra, A. Guntoro, A. Kumar, "ProxSim: GPU-based Simulation Framework for
Cross-Layer Approximate DNN Optimization", DATE 2020, equation 4 (layer by layer, the step sizes for which the layer's
output, computed from the quantised values that reach it, is nearest to its float output).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from asnet.quantizing.numbers import IntegerFormat, Scale
from asnet.types import AnyArray

__all__ = ["CALIBRATIONS", "Float32", "Make", "calibrate", "search"]

Float32: TypeAlias = NDArray[np.float32]
Make: TypeAlias = Callable[[AnyArray | float, AnyArray | float], Scale]
"""(low, high) → the scale of that range."""

_FRACTIONS = np.geomspace(1.0, 0.02, 100)
"""Parts of the whole range that a search tries."""

_SAMPLE = 1 << 17
"""Elements of a tensor that a search looks at, evenly spread."""

_BINS = 2048


def search(make: Make, low: AnyArray | float, high: AnyArray | float, error: Callable[[Scale], AnyArray]) -> Scale:
    """Of the ranges that are a part of ``low`` … ``high``, the one with the least error, for each position."""
    best = make(low, high)
    least = error(best)
    for fraction in _FRACTIONS[1:]:
        candidate = make(np.multiply(low, fraction), np.multiply(high, fraction))
        found = error(candidate)
        best, least = candidate.where(found < least, best), np.minimum(found, least)
    return best


def calibrate(
    name: str, values: Float32, reached: Float32, make: Make, kind: IntegerFormat, percentile: float
) -> Scale:
    """The scale of an activation by the calibration ``name``.

    ``values`` are the float network's, ``reached`` what the layers quantised before give in their place.
    """
    return CALIBRATIONS[name](values, reached, make, kind, percentile)


def _max(values: Float32, reached: Float32, make: Make, kind: IntegerFormat, percentile: float) -> Scale:
    return make(float(values.min()), float(values.max()))


def _within(values: Float32, threshold: float, make: Make) -> Scale:
    return make(max(float(values.min()), -threshold), min(float(values.max()), threshold))


def _percentile(values: Float32, reached: Float32, make: Make, kind: IntegerFormat, percentile: float) -> Scale:
    return _within(values, float(np.percentile(np.abs(values), percentile)), make)


def _sampled(array: Float32) -> Float32:
    flat = array.reshape(-1)
    return flat[:: max(1, -(-flat.size // _SAMPLE)) | 1]  # odd: not always the same columns of an image


def _least_error(values: Float32, reached: Float32, make: Make) -> Scale:
    wanted, given = _sampled(values), _sampled(reached)
    low, high = float(values.min()), float(values.max())
    return search(make, low, high, lambda s: np.square(s.nearest(given) - wanted, dtype=np.float64).mean())


def _mse(values: Float32, reached: Float32, make: Make, kind: IntegerFormat, percentile: float) -> Scale:
    return _least_error(values, values, make)


def _propagated(values: Float32, reached: Float32, make: Make, kind: IntegerFormat, percentile: float) -> Scale:
    return _least_error(values, reached, make)


def _entropy(values: Float32, reached: Float32, make: Make, kind: IntegerFormat, percentile: float) -> Scale:
    """The threshold for which the histogram of absolute values loses least information when quantised."""
    sizes = np.abs(values)
    top = float(sizes.max())
    counts = np.histogram(sizes, bins=_BINS, range=(0.0, top))[0].astype(np.float64) if top > 0 else np.zeros(_BINS)
    counts[0] = counts[1]  # the zeros that a Relu leaves say nothing about the scale
    levels = kind.high - kind.low + 1 if values.min() >= 0 and not kind.signed else 1 << (kind.bits - 1)
    if levels >= _BINS or not counts.any():
        return make(float(values.min()), float(values.max()))
    ends = range(max(levels, _BINS // 16), _BINS + 1, 8)
    divergences = [_divergence(counts, end, levels) for end in ends]
    return _within(values, (ends[int(np.argmin(divergences))]) * top / _BINS, make)


def _divergence(counts: NDArray[np.float64], end: int, levels: int) -> float:
    """Kullback-Leibler divergence of the first ``end`` bins, the others saturated, from their ``levels`` numbers."""
    reference = counts[:end].copy()
    reference[-1] += counts[end:].sum()
    level = np.arange(end) * levels // end
    occupied = counts[:end] > 0
    totals = np.bincount(level, weights=counts[:end], minlength=levels)
    shares = np.bincount(level, weights=occupied, minlength=levels)
    quantised = np.where(occupied, (totals / np.maximum(shares, 1))[level], 0.0)
    if not quantised.any():
        return np.inf
    p, q = reference / reference.sum(), quantised / quantised.sum()
    known = p > 0
    return float(np.sum(p[known] * np.log(p[known] / np.maximum(q[known], 1e-12))))


_Calibration: TypeAlias = Callable[[Float32, Float32, Make, IntegerFormat, float], Scale]

CALIBRATIONS: Mapping[str, _Calibration] = {
    "max": _max,
    "percentile": _percentile,
    "mse": _mse,
    "entropy": _entropy,
    "propagated": _propagated,
}
"""Name → how it chooses the range of an activation."""
