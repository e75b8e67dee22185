"""The oracle's quantised operators: integers by their definition, scales in float32 as onnxruntime applies them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from asnet.network.model import Layer
from asnet.network.narrowing import Range, type_range
from asnet.network.oracle_frame import Frame, Operator
from asnet.network.quantisation import (
    OPERANDS,
    accumulator,
    axis_shapes,
    integer_conv_geometry,
    integer_matmul_geometry,
    output_range,
    per_channel_shape,
    per_matrix_shape,
)
from asnet.network.quantiser import quantiser
from asnet.types import AnyArray

__all__ = ["OPERATORS", "saturate"]

Int32 = NDArray[np.int32]


def saturate(value: AnyArray, zero: AnyArray, dtype: str, limits: Range | None = None) -> AnyArray:
    """``saturate(round(value) + zero)`` to the ``limits``, those of the type by default; a NaN becomes the least."""
    base = zero.astype(np.int32)
    low, high = (np.subtract(np.int32(limit), base).astype(np.float32) for limit in limits or type_range(dtype))
    bounded = np.where(np.greater(value, low), value, low)
    bounded = np.where(np.less(bounded, high), bounded, high)
    return np.add(np.rint(bounded).astype(np.int32), base).astype(dtype)


def quantize_linear(frame: Frame, layer: Layer) -> AnyArray:
    """``saturate(round(x / scale) + zero)``; integers are divided as float32."""
    view, shape = axis_shapes(layer, frame.network)
    output = frame.network.tensors[layer.outputs[0]]
    scale = frame.operand(layer, 1).reshape(shape)
    zero = frame.optional(layer, 2)
    zero = np.zeros(shape, np.int32) if zero is None else zero.reshape(shape)
    quotient = np.divide(frame.operand(layer, 0).astype(np.float32).reshape(view), scale)
    limits = output_range(layer, output.dtype)
    return saturate(quotient, zero, output.dtype, limits).reshape(output.shape)


def dequantize_linear(frame: Frame, layer: Layer) -> AnyArray:
    """``float32(x - zero)·scale``."""
    view, shape = axis_shapes(layer, frame.network)
    x = frame.operand(layer, 0).reshape(view)
    x = x if x.dtype == np.int64 else x.astype(np.int32)
    zero = frame.optional(layer, 2)
    if zero is not None:
        x = np.subtract(x, zero.astype(np.int32).reshape(shape))
    y = np.multiply(x.astype(np.float32), frame.operand(layer, 1).reshape(shape))
    return y.reshape(frame.network.shape(layer.outputs[0]))


def dynamic_quantize_linear(frame: Frame, layer: Layer) -> tuple[AnyArray, ...]:
    """uint8 of the range of x that includes 0: ``scale = (max - min) / 255``, 1 for an empty range."""
    x = frame.operand(layer, 0)
    low, high = np.float32(0), np.float32(0)
    for value in x.ravel():
        low = value if value < low else low
        high = value if value > high else high
    low, high = (np.asarray(bound, np.float32) for bound in (low, high))
    extent = np.divide(np.subtract(high, low), np.float32(255))
    scale = np.where(np.equal(high, low), np.float32(1), extent)
    zero = saturate(np.subtract(np.float32(0), np.divide(low, scale)), np.zeros((), np.int32), "uint8")
    return saturate(np.divide(x, scale), zero, "uint8"), scale, zero


def _zero(frame: Frame, layer: Layer, position: int) -> Int32:
    zero = frame.optional(layer, position)
    return np.zeros((), np.int32) if zero is None else zero.astype(np.int32)


def _accumulator(frame: Frame, layer: Layer) -> type[np.generic]:
    where, tensors = OPERANDS[layer.op_type], frame.network.tensors
    return np.dtype(accumulator(*(tensors[layer.inputs[position]].dtype for position in (where.a, where.b)))).type


def _conv(frame: Frame, layer: Layer) -> AnyArray:
    """``Σ (x - x_zero)·(w - w_zero) + bias``: padding is 0 then."""
    kind = _accumulator(frame, layer)
    where, geometry = OPERANDS[layer.op_type], integer_conv_geometry(layer, frame.network)
    window, groups, members = geometry.window, geometry.groups, geometry.group_outputs
    ones = (1,) * len(window.kernel)
    zero = _zero(frame, layer, where.a_zero)
    if zero.size != 1:
        zero = zero.reshape(per_channel_shape(layer, zero.shape, 1, len(ones)))
    x = np.zeros((geometry.batch, geometry.in_channels, *window.padded), kind)
    inner = tuple(slice(b, b + i) for b, i in zip(window.pads_begin, window.inputs, strict=True))
    x[(..., *inner)] = np.subtract(frame.operand(layer, where.a).astype(kind), zero.reshape(()))
    x = x.reshape(geometry.batch, groups, 1, geometry.group_inputs, *window.padded)
    zeros = _zero(frame, layer, where.b_zero)
    zeros = zeros.reshape(per_channel_shape(layer, zeros.shape, geometry.out_channels, len(ones)))
    w = np.subtract(frame.operand(layer, where.b).astype(kind), zeros[..., None] if zeros.size > 1 else zeros)
    w = w.reshape(groups, members, geometry.group_inputs, *window.kernel)
    total = np.zeros((geometry.batch, groups, members, *window.outputs), kind)
    if geometry.bias:
        total += frame.operand(layer, where.bias).reshape(1, groups, members, *ones)
    for channel in range(geometry.group_inputs):
        for tap in window.positions():
            operand = x[(slice(None), slice(None), slice(None), channel, *window.slices(tap))]
            total += operand * w[(slice(None), slice(None), channel, *tap)].reshape(1, groups, members, *ones)
    return total.reshape(geometry.batch, geometry.out_channels, *window.outputs)


def qlinear_conv(frame: Frame, layer: Layer) -> AnyArray:
    """QLinearConv."""
    where, geometry = OPERANDS[layer.op_type], integer_conv_geometry(layer, frame.network)
    spatial = len(geometry.window.kernel)

    def parameter(position: int, channels: int) -> AnyArray:
        array = frame.operand(layer, position)
        return array.reshape(per_channel_shape(layer, array.shape, channels, spatial))

    scales = parameter(where.a_scale, 1), parameter(where.b_scale, geometry.out_channels), parameter(where.y_scale, 1)
    return _requantise(frame, layer, _conv(frame, layer), scales, parameter(where.y_zero, 1))


def _matmul(frame: Frame, layer: Layer) -> AnyArray:
    kind = _accumulator(frame, layer)
    where, g = OPERANDS[layer.op_type], integer_matmul_geometry(layer, frame.network)
    matrix = (*g.batch, g.m, g.n)
    a_zero, b_zero = _zero(frame, layer, where.a_zero), _zero(frame, layer, where.b_zero)
    a = frame.operand(layer, where.a).astype(kind).reshape(*g.a_batch, g.m, g.k)
    b = frame.operand(layer, where.b).astype(kind).reshape(*g.b_batch, g.k, g.n)
    a = np.subtract(a, a_zero.reshape(per_matrix_shape(layer, a_zero.shape, (*matrix[:-1], 1), -2)))
    b = np.subtract(b, b_zero.reshape(per_matrix_shape(layer, b_zero.shape, (*matrix[:-2], 1, g.n), -1)))
    bias = frame.optional(layer, where.bias) if where.bias >= 0 else None
    return np.matmul(a, b) if bias is None else np.add(np.matmul(a, b), bias.astype(kind))


def qlinear_matmul(frame: Frame, layer: Layer) -> AnyArray:
    """QLinearMatMul."""
    where, g = OPERANDS[layer.op_type], integer_matmul_geometry(layer, frame.network)

    def parameter(position: int, axis: int) -> AnyArray:
        array = frame.operand(layer, position)
        return array.reshape(per_matrix_shape(layer, array.shape, (*g.batch, g.m, g.n), axis))

    scales = parameter(where.a_scale, -2), parameter(where.b_scale, -1), parameter(where.y_scale, -2)
    return _requantise(frame, layer, _matmul(frame, layer), scales, parameter(where.y_zero, -2))


def _requantise(
    frame: Frame, layer: Layer, total: AnyArray, scales: tuple[AnyArray, AnyArray, AnyArray], zero: AnyArray
) -> AnyArray:
    a, b, y = scales
    scale = np.divide(np.multiply(a, b), y)
    value = np.multiply(total.astype(np.float32), scale)
    dtype = frame.network.tensors[layer.outputs[0]].dtype
    return saturate(value, zero, dtype, output_range(layer, dtype))


def _away(value: AnyArray) -> AnyArray:
    return np.where(np.less(value, 0), np.floor(value), np.ceil(value))


_ROUNDINGS: Mapping[str, Callable[[AnyArray], AnyArray]] = {
    "ROUND": np.rint,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "UP": _away,
    "DOWN": np.trunc,
}


def quant(frame: Frame, layer: Layer) -> AnyArray:
    """QONNX's quantiser; a NaN becomes the least number."""
    found = quantiser(layer, frame.network)
    dtype = frame.network.tensors[layer.outputs[0]].dtype
    x = frame.operand(layer, 0)
    if found.rounding == "BIPOLAR":
        return np.where(np.greater_equal(x, np.float32(0)), 1, -1).astype(dtype)
    value = np.divide(x, frame.operand(layer, 1).reshape(found.shape))
    value = np.add(value, frame.operand(layer, 2).astype(np.float32).reshape(found.shape))
    low, high = np.float32(found.low), np.float32(found.high)
    value = np.where(np.greater(value, low), value, low)
    value = np.where(np.less(value, high), value, high)
    rounded = _ROUNDINGS[found.rounding](value)
    return np.clip(rounded.astype(np.int64), found.low, found.high).astype(dtype)


OPERATORS: Mapping[str, Operator] = {
    "Quant": quant,
    "QuantizeLinear": quantize_linear,
    "DequantizeLinear": dequantize_linear,
    "DynamicQuantizeLinear": dynamic_quantize_linear,
    "ConvInteger": _conv,
    "MatMulInteger": _matmul,
    "QLinearConv": qlinear_conv,
    "QLinearMatMul": qlinear_matmul,
}
