"""The oracle's operators that reduce by products: matrix products, convolution. Each adds in the IR's order.

A reduction is a Python loop; each pass is one float32 ufunc over independent outputs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.network.elementary import Float32
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.network.oracle_pooling import padded
from asnet.network.semantics import gemm_parameters, matmul_geometry
from asnet.network.windows import conv_geometry

__all__ = ["OPERATORS"]

_ZERO = np.float32(0.0)


def _product(a: Float32, b: Float32, accumulator: Float32) -> Float32:
    """``accumulator + Σ_k a[..., m, k]·b[..., k, n]``, k ascending, a the first operand."""
    for k in range(a.shape[-1]):
        accumulator = np.add(accumulator, np.multiply(a[..., :, k, None], b[..., None, k, :]))
    return accumulator


def gemm(frame: Frame, layer: Layer) -> Float32:
    """Gemm; with alpha = beta = 1 the accumulator starts with c, else ``alpha·acc + beta·c`` without factors of 1."""
    geometry = gemm_parameters(layer, frame.network)
    a, b = frame.operand(layer, 0), frame.operand(layer, 1)
    a = a.T if geometry.trans_a else a
    b = b.T if geometry.trans_b else b
    shape = geometry.m, geometry.n
    c = np.broadcast_to(frame.operand(layer, 2) if geometry.bias else _ZERO, shape)
    if geometry.fused:
        return _product(a, b, c)
    result = _product(a, b, np.zeros(shape, np.float32))
    if geometry.alpha != 1:
        result = np.multiply(result, geometry.alpha)
    if geometry.bias:
        result = np.add(result, np.multiply(c, geometry.beta) if geometry.beta != 1 else c)
    return result


def matmul(frame: Frame, layer: Layer) -> Float32:
    """MatMul with numpy's broadcasting of batch axes."""
    geometry = matmul_geometry(layer, frame.network)
    a = frame.operand(layer, 0).reshape(*geometry.a_batch, geometry.m, geometry.k)
    b = frame.operand(layer, 1).reshape(*geometry.b_batch, geometry.k, geometry.n)
    return _product(a, b, np.zeros((*geometry.batch, geometry.m, geometry.n), np.float32))


def conv(frame: Frame, layer: Layer) -> Float32:
    """Conv in any number of dimensions: bias, then input channel, then kernel positions."""
    geometry = conv_geometry(layer, frame.network)
    window, groups = geometry.window, geometry.groups
    x = padded(frame.operand(layer, 0), window, 0.0)
    x = x.reshape(geometry.batch, groups, 1, geometry.group_inputs, *window.padded)
    w = frame.operand(layer, 1)
    ones = (1,) * len(window.kernel)
    w = w.reshape(groups, geometry.group_outputs, geometry.group_inputs, *window.kernel)
    bias = frame.operand(layer, 2) if geometry.bias else np.zeros(geometry.out_channels, np.float32)
    shape = geometry.batch, groups, geometry.group_outputs, *window.outputs
    accumulator = np.broadcast_to(bias.reshape(1, groups, geometry.group_outputs, *ones), shape)
    for channel in range(geometry.group_inputs):
        for tap in window.positions():
            operand = x[(slice(None), slice(None), slice(None), channel, *window.slices(tap))]
            weight = w[(slice(None), slice(None), channel, *tap)].reshape(1, groups, geometry.group_outputs, *ones)
            accumulator = np.add(accumulator, np.multiply(operand, weight))
    return accumulator


OPERATORS: Mapping[str, Operator] = {
    "Gemm": gemm,
    "MatMul": matmul,
    "Conv": conv,
}
