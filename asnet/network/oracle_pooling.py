"""The oracle's pooling: element by element in window order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.network.elementary import Float32
from asnet.network.functions import ArraySteps
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.network.pooling import lowest, lp_pooling, max_pooling, unpooling
from asnet.network.windows import PoolGeometry, Window, pool_geometry
from asnet.types import AnyArray

__all__ = ["OPERATORS", "padded"]


def padded(x: AnyArray, window: Window, fill: float) -> AnyArray:
    """``x`` in the middle of an array of ``fill`` that holds every window."""
    result = np.full((*x.shape[:2], *window.padded), fill, x.dtype)
    inner = tuple(slice(b, b + i) for b, i in zip(window.pads_begin, window.inputs, strict=True))
    result[(..., *inner)] = x
    return result


def _max(frame: Frame, layer: Layer, pool: PoolGeometry, strides: tuple[int, ...]) -> tuple[AnyArray, AnyArray]:
    """``m`` starts at the lowest number, ``m = x > m ? x : m``; a NaN is never the maximum. And its index."""
    window = pool.window
    x = frame.operand(layer, 0)
    start = lowest(x.dtype.name)
    x = padded(x, window, start)
    shape = pool.batch, pool.channels, *window.outputs
    best, index = np.full(shape, start, x.dtype), np.full(shape, -1, np.int64)
    planes = np.arange(pool.batch * pool.channels).reshape(*shape[:2], *(1,) * len(window.outputs))
    for tap in window.positions():
        place, inside = planes * np.prod(window.inputs, dtype=np.int64), np.True_
        for axis, (begin, extent) in enumerate(zip(window.pads_begin, window.inputs, strict=True)):
            reads = np.arange(window.outputs[axis]) * window.strides[axis] + tap[axis] * window.dilations[axis] - begin
            reads = reads.reshape(-1, *(1,) * (len(window.outputs) - axis - 1))
            place, inside = place + reads * strides[axis], inside & (reads >= 0) & (reads < extent)
        candidate = x[(..., *window.slices(tap))]
        greater = np.greater(candidate, best)
        index = np.where(greater | ((index < 0) & inside), place, index)
        best = np.where(greater, candidate, best)
    return best, index


def max_pool(frame: Frame, layer: Layer) -> tuple[AnyArray, AnyArray]:
    """MaxPool."""
    found = max_pooling(layer, frame.network)
    return _max(frame, layer, found.pool, found.strides)


def global_max_pool(frame: Frame, layer: Layer) -> AnyArray:
    """GlobalMaxPool."""
    pool = pool_geometry(layer, frame.network)
    return _max(frame, layer, pool, (0,) * len(pool.window.inputs))[0]


def average_pool(frame: Frame, layer: Layer) -> Float32:
    """AveragePool and GlobalAveragePool: the sum in window order (padding adds 0.0), divided by the count."""
    geometry = pool_geometry(layer, frame.network)
    x = padded(frame.operand(layer, 0), geometry.window, 0.0)
    total = np.zeros((*x.shape[:2], *geometry.window.outputs), np.float32)
    for tap in geometry.window.positions():
        total = np.add(total, x[(..., *geometry.window.slices(tap))])
    return np.divide(total, geometry.divisors())


def lp_pool(frame: Frame, layer: Layer) -> Float32:
    """LpPool and GlobalLpPool."""
    found = lp_pooling(layer, frame.network)
    window, steps = found.pool.window, ArraySteps(frame.flush)
    x = padded(frame.operand(layer, 0), window, 0.0)
    total = np.zeros((*x.shape[:2], *window.outputs), np.float32)
    for tap in window.positions():
        total = np.add(total, found.term(steps, x[(..., *window.slices(tap))]))
    return found.root(steps, total)


def max_unpool(frame: Frame, layer: Layer) -> AnyArray:
    """MaxUnpool: the elements one after the other, row-major."""
    found = unpooling(layer, frame.network)
    x, indices = frame.operand(layer, 0), frame.operand(layer, 1)
    inner = np.zeros(found.inner, x.dtype)
    places = np.where(indices < 0, indices + inner.size, indices)
    for place, value in zip(np.clip(places, 0, inner.size - 1).ravel(), x.ravel(), strict=True):
        inner.reshape(-1)[place] = value
    y = np.zeros(found.shape, x.dtype)
    common = tuple(slice(min(a, b)) for a, b in zip(found.inner, found.shape, strict=True))
    y[common] = inner[common]
    return y


OPERATORS: Mapping[str, Operator] = {
    "MaxPool": max_pool,
    "GlobalMaxPool": global_max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": average_pool,
    "LpPool": lp_pool,
    "GlobalLpPool": lp_pool,
    "MaxUnpool": max_unpool,
}
