"""What quantised operators mean: where their operands are, how parameters broadcast, and which unit serves.

An operand is ``scale·(q - zero point)`` with a ``q`` of 8 or 16 bits. A product of two operands is, as onnxruntime
computes it,

``acc = Σ (a - a_zero)·(b - b_zero) + bias`` in int32 (int64 if an operand has 16 bits), which wraps, and
``y = saturate(round(float32(acc)·((a_scale·b_scale) / y_scale)) + y_zero)``, round half to even.

A unit sees raw operands: ``Σ (a - a_zero)·(b - b_zero) = Σ a·b - a_zero·Σb - b_zero·Σa + N·a_zero·b_zero``, and a
padded position is one whose raw value is ``a_zero``. The unit has the width of the numbers that the operands are
declared to hold (:mod:`asnet.network.narrowing`): a Clip to 4 bits and 4-bit weights make it a 4 x 4 unit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.attributes import integer
from asnet.network.model import Layer, Network
from asnet.network.narrowing import Range, bits, integer_range, type_range
from asnet.network.semantics import MatMul, has_input, matmul_geometry, normalize_axis
from asnet.network.windows import ConvGeometry, conv_geometry

__all__ = [
    "OPERANDS",
    "QUANTISED_TYPES",
    "Operands",
    "UnitOperands",
    "accumulator",
    "axis_shapes",
    "integer_conv_geometry",
    "integer_matmul_geometry",
    "layer_unit",
    "output_range",
    "per_channel_shape",
    "per_matrix_shape",
    "unit_operands",
]

QUANTISED_TYPES = ("int8", "uint8", "int16", "uint16")
"""Types that QuantizeLinear may give."""


@dataclass(frozen=True)
class Operands:
    """Input numbers of an integer product; -1 for an input that the operator does not have."""

    a: int
    b: int
    a_zero: int
    b_zero: int
    a_scale: int = -1
    b_scale: int = -1
    y_scale: int = -1
    y_zero: int = -1
    bias: int = -1


_INTEGER = Operands(a=0, b=1, a_zero=2, b_zero=3, bias=4)  # the bias is not ONNX's: what patterns are rewritten to
_QLINEAR = Operands(a=0, a_scale=1, a_zero=2, b=3, b_scale=4, b_zero=5, y_scale=6, y_zero=7)

OPERANDS: Mapping[str, Operands] = {
    "ConvInteger": _INTEGER,
    "MatMulInteger": _INTEGER,
    "QLinearConv": replace(_QLINEAR, bias=8),
    "QLinearMatMul": _QLINEAR,
}
"""Operator → its inputs."""


@dataclass(frozen=True)
class UnitOperands:
    """How raw operands become those of an n x n unit of ``type``: ``a - a_shift`` and ``b - b_shift``."""

    type: str
    a_shift: int
    b_shift: int


def unit_operands(a: str, b: str, a_range: Range | None = None, b_range: Range | None = None) -> UnitOperands:
    """The unit for operands of types ``a`` and ``b`` (8 or 16 bits) that hold numbers in the ranges; default: all.

    Its width n is the least that holds both. Of types of equal signs, it takes the operands as they are. Of unequal
    ones, the unsigned operand is shifted by 2ⁿ⁻¹ into signed n bits together with its zero point, which changes no sum.
    """
    signs = [dtype.startswith("int") for dtype in (a, b)]
    ranges = (a_range or type_range(a), b_range or type_range(b))
    widths = [bits(*held, signed=signed) for held, signed in zip(ranges, signs, strict=True)]
    width = max(2, *widths)
    if signs[0] == signs[1]:
        return UnitOperands(f"{'i' if signs[0] else 'u'}{width}", 0, 0)
    half = 1 << (width - 1)
    return UnitOperands(f"i{width}", 0 if signs[0] else half, 0 if signs[1] else half)


def layer_unit(layer: Layer, network: Network, padded: bool) -> UnitOperands:
    """:func:`unit_operands` of an integer product. ``padded``: the unit sees the first operand's zero point too."""
    where = OPERANDS[layer.op_type]
    a, b = layer.inputs[where.a], layer.inputs[where.b]
    a_type, b_type = network.tensors[a].dtype, network.tensors[b].dtype
    least, greatest = integer_range(network, a)
    if padded:
        zero = layer.inputs[where.a_zero] if has_input(layer, where.a_zero) else ""
        low, high = integer_range(network, zero) if zero else (0, 0)
        least, greatest = min(least, low), max(greatest, high)
    return unit_operands(a_type, b_type, (least, greatest), integer_range(network, b))


def output_range(layer: Layer, dtype: str) -> Range:
    """The numbers to which a layer with an output of type ``dtype`` saturates: all, or its ``low`` to its ``high``."""
    low, high = type_range(dtype)
    return integer(layer, "low", low), integer(layer, "high", high)


def accumulator(a: str, b: str) -> str:
    """The type in which products of operands of types ``a`` and ``b`` are summed."""
    return "int64" if "16" in a + b else "int32"


def integer_conv_geometry(layer: Layer, network: Network) -> ConvGeometry:
    """Geometry of a ConvInteger or QLinearConv; raises as :func:`asnet.network.windows.conv_geometry`."""
    where = OPERANDS[layer.op_type]
    bias = (layer.inputs[where.bias],) if where.bias >= 0 and has_input(layer, where.bias) else ()
    return conv_geometry(replace(layer, inputs=(layer.inputs[where.a], layer.inputs[where.b], *bias)), network)


def integer_matmul_geometry(layer: Layer, network: Network) -> MatMul:
    """Shapes of a MatMulInteger or QLinearMatMul; raises as :func:`asnet.network.semantics.matmul_geometry`."""
    where = OPERANDS[layer.op_type]
    return matmul_geometry(replace(layer, inputs=(layer.inputs[where.a], layer.inputs[where.b])), network)


def per_channel_shape(layer: Layer, shape: tuple[int, ...], channels: int, spatial: int) -> tuple[int, ...]:
    """A parameter of a convolution as it broadcasts to ``[batch, channels, *spatial axes]``.

    Raises:
        NetworkError: it has neither one element nor one per output channel.
    """
    if math.prod(shape) == 1:
        return (1,)
    if shape != (channels,):
        raise NetworkError(f"{layer}: a scale or zero point of shape {list(shape)} does not fit {channels} channels")
    return (channels, *(1,) * spatial)


def per_matrix_shape(layer: Layer, shape: tuple[int, ...], matrix: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """A parameter of a matrix product as it broadcasts to the product ``matrix`` (``[..., m, n]``).

    A vector has one element per row (``axis`` -2) or column (``axis`` -1).

    Raises:
        NetworkError: it does not fit.
    """
    if math.prod(shape) == 1:
        return (1, 1)
    view = shape if len(shape) > 1 else (*shape, 1) if axis == -2 else (1, *shape)
    goal = matrix[len(matrix) - len(view) :]
    if len(view) > len(matrix) or any(extent not in (1, whole) for extent, whole in zip(view, goal, strict=True)):
        raise NetworkError(
            f"{layer}: a scale or zero point of shape {list(shape)} does not fit a product of shape {list(matrix)}"
        )
    return view


def axis_shapes(layer: Layer, network: Network) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The input of a QuantizeLinear or DequantizeLinear, and its scale and zero point, as they broadcast.

    With ``block_size`` the axis is two: blocks, and positions in a block.

    Raises:
        NetworkError: the scale has neither one element nor one per position or block of ``axis``, or the zero point
            another shape.
        UnsupportedError: the axis is no multiple of the block, or division in another type than float32.
    """
    shape, scale = network.shape(layer.inputs[0]), network.shape(layer.inputs[1])
    if integer(layer, "precision", 0) not in (0, 1):
        raise UnsupportedError(f"{layer}: precision is not supported but for float32; leave it out")
    if has_input(layer, 2) and network.shape(layer.inputs[2]) != scale:
        zero = list(network.shape(layer.inputs[2]))
        raise NetworkError(f"{layer}: a zero point of shape {zero} is not of the scale's shape {list(scale)}")
    block = integer(layer, "block_size", 0)
    if math.prod(scale) == 1 and len(scale) < 2 and not block:
        return shape, (1,) * len(shape)
    axis = normalize_axis(layer, integer(layer, "axis", 1), len(shape))
    if block:
        return _block_shapes(layer, shape, scale, axis, block)
    if scale != (shape[axis],):
        raise NetworkError(f"{layer}: a scale of shape {list(scale)} does not fit axis {axis} of shape {list(shape)}")
    return shape, (*(1,) * axis, shape[axis], *(1,) * (len(shape) - axis - 1))


def _block_shapes(
    layer: Layer, shape: tuple[int, ...], scale: tuple[int, ...], axis: int, block: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    before, after = shape[:axis], shape[axis + 1 :]
    if block < 0 or scale != (*before, -(-shape[axis] // block), *after):
        raise NetworkError(
            f"{layer}: a scale of shape {list(scale)} does not fit blocks of {block} along axis {axis} of shape "
            f"{list(shape)}"
        )
    if shape[axis] % block:
        raise UnsupportedError(f"{layer}: block_size {block} must divide the {shape[axis]} positions of axis {axis}")
    return (*before, scale[axis], block, *after), (*before, scale[axis], 1, *after)
