"""The oracle's operators on quantised tensors of onnxruntime's com.microsoft domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.network.oracle_pooling import padded
from asnet.network.oracle_quantised import saturate
from asnet.network.qlinear import (
    averages_all,
    concat_tables,
    exponentials,
    lookup_table,
    mean_scale,
    scale,
    sum_table,
    zero_point,
)
from asnet.network.semantics import concat_axis
from asnet.network.windows import pool_geometry
from asnet.types import AnyArray

__all__ = ["OPERATORS"]


_NO_ZERO = np.zeros((), np.int32)
"""The zero point of values that hold theirs already."""


def _output(frame: Frame, layer: Layer) -> str:
    return frame.network.tensors[layer.outputs[0]].dtype


def qlinear_add(frame: Frame, layer: Layer) -> AnyArray:
    """The sum as a multiple of a power of two, which one conversion rounds."""
    found = sum_table(layer, frame.network)
    a, b = frame.operand(layer, 0), frame.operand(layer, 3)
    inner, outer = (a, b) if found.swapped else (b, a)
    total = found.table[inner.view(np.uint8)] + outer.astype(np.int64) * found.factor
    value = np.multiply(total.astype(np.float32), np.float32(2.0**-found.exponent))
    return saturate(value, _NO_ZERO, _output(frame, layer))


def qlinear_mul(frame: Frame, layer: Layer) -> AnyArray:
    """``saturate(round(float32((a - a_zero)·(b - b_zero))·(a_scale·b_scale / y_scale) + y_zero))``."""
    network = frame.network
    a = np.subtract(frame.operand(layer, 0).astype(np.int32), np.int32(zero_point(layer, network, 2)))
    b = np.subtract(frame.operand(layer, 3).astype(np.int32), np.int32(zero_point(layer, network, 5)))
    a_scale, b_scale, y_scale = (scale(layer, network, position) for position in (1, 4, 6))
    factor = np.divide(np.multiply(a_scale, b_scale), y_scale)
    value = np.multiply(np.multiply(a, b).astype(np.float32), factor)
    return saturate(np.add(value, np.float32(zero_point(layer, network, 7))), _NO_ZERO, _output(frame, layer))


def qlinear_global_average_pool(frame: Frame, layer: Layer) -> AnyArray:
    """``saturate(round(float32(Σ (x - x_zero))·scale) + y_zero)``."""
    g = pool_geometry(replace(layer, op_type="GlobalAveragePool"), frame.network)
    x = frame.operand(layer, 0).astype(np.int32).reshape(g.batch * g.channels, -1)
    total = (x - np.int32(zero_point(layer, frame.network, 2))).sum(axis=1, dtype=np.int32)
    value = np.multiply(total.astype(np.float32), mean_scale(layer, frame.network, x.shape[1]))
    dtype, zero = _output(frame, layer), zero_point(layer, frame.network, 4)
    limits = np.iinfo(dtype)
    low, high = (np.float32(limit - zero) for limit in (limits.min, limits.max))
    bounded = np.where(np.greater(value, low), value, low)
    return (np.rint(np.where(np.less(bounded, high), bounded, high)).astype(np.int32) + zero).astype(dtype)


def qlinear_average_pool(frame: Frame, layer: Layer) -> AnyArray:
    """The mean of dequantised numbers, then ``saturate(round(mean / y_scale + y_zero))``; integers for one window."""
    network = frame.network
    g = pool_geometry(replace(layer, op_type="AveragePool"), network)
    if averages_all(g.window):
        return qlinear_global_average_pool(frame, layer)
    x = np.subtract(frame.operand(layer, 0).astype(np.int32), np.int32(zero_point(layer, network, 2)))
    real = padded(np.multiply(x.astype(np.float32), scale(layer, network, 1)), g.window, 0.0)
    real = real.reshape(g.batch, g.channels, *g.window.padded)
    total = np.zeros((g.batch, g.channels, *g.window.outputs), np.float32)
    for tap in g.window.positions():
        total = np.add(total, real[(slice(None), slice(None), *g.window.slices(tap))])
    mean = np.divide(np.divide(total, g.divisors()), scale(layer, network, 3))
    return saturate(np.add(mean, np.float32(zero_point(layer, network, 4))), _NO_ZERO, _output(frame, layer))


def qlinear_concat(frame: Frame, layer: Layer) -> AnyArray:
    """Each tensor through its table."""
    parts: list[AnyArray] = []
    for position, table in zip(range(2, len(layer.inputs), 3), concat_tables(layer, frame.network), strict=True):
        x = frame.operand(layer, position)
        parts.append(x if table is None else np.asarray(table)[x.view(np.uint8)])
    return np.concatenate(parts, axis=concat_axis(layer, frame.network))


def qlinear_lookup(frame: Frame, layer: Layer) -> AnyArray:
    """A table of 256 results."""
    return np.asarray(lookup_table(layer, frame.network))[frame.operand(layer, 0).view(np.uint8)]


def qlinear_softmax(frame: Frame, layer: Layer) -> AnyArray:
    """Quotients of a table of exponentials."""
    found = exponentials(layer, frame.network)
    x = frame.operand(layer, 0).astype(np.int64).reshape(found.shape)
    table = frame.flush(found.table)
    powers = table[255 - (x.max(axis=1, keepdims=True) - x)]
    total = np.zeros((found.shape[0], 1, found.shape[2]), np.float32)
    for k in range(found.shape[1]):
        total = np.add(total, powers[:, k : k + 1])
    whole = np.rint(np.divide(np.multiply(powers, found.factor), total)).astype(np.int32) + found.zero
    dtype = _output(frame, layer)
    return np.minimum(whole, np.iinfo(dtype).max).astype(dtype)


OPERATORS: Mapping[str, Operator] = {
    "QLinearAdd": qlinear_add,
    "QLinearMul": qlinear_mul,
    "QLinearGlobalAveragePool": qlinear_global_average_pool,
    "QLinearAveragePool": qlinear_average_pool,
    "QLinearConcat": qlinear_concat,
    "QLinearLeakyRelu": qlinear_lookup,
    "QLinearSigmoid": qlinear_lookup,
    "QLinearSoftmax": qlinear_softmax,
}
