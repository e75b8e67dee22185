"""Operators on quantised tensors as onnxruntime's com.microsoft domain has them: their parameters and tables.

They compute what onnxruntime's kernels for x86-64 with AVX2 compute, bit for bit, where those are integers and single
float32 operations. Scales and zero points are constants, one per tensor.

QLinearAdd is there ``y = saturate(round(fma(a, a_ratio, fma(b, b_ratio, fixed))))`` with ``ratio = scale / y_scale``,
``fixed = y_zero - fma(a_ratio, a_zero, b_ratio·b_zero)``. A fused multiplication rounds once: its three numbers are
multiples of a power of two 2⁻ᶠ, so that the sum is an int64, which becomes a float32 by one rounding. The inner one is
a table of the 256 values of its operand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.attributes import integer, real
from asnet.network.model import Layer, Network
from asnet.network.semantics import constant_input, has_input, normalize_axis
from asnet.network.windows import Window
from asnet.types import Array

__all__ = [
    "Exponentials",
    "SumTable",
    "averages_all",
    "concat_tables",
    "exponentials",
    "lookup_table",
    "mean_scale",
    "scale",
    "sum_table",
    "zero_point",
]


def scale(layer: Layer, network: Network, position: int) -> np.float32:
    """The constant scale at input ``position``.

    Raises:
        UnsupportedError: it is computed by the network, or one of many.
        NetworkError: it is no positive number.
    """
    if not has_input(layer, position):
        raise NetworkError(f"{layer}: input {position}, a scale, is missing; mend the model")
    found = constant_input(layer, network, position, "scale")
    if found.size != 1:
        raise UnsupportedError(f"{layer}: a scale of shape {list(found.shape)}; only one per tensor is supported")
    value = np.float32(found.reshape(-1)[0])
    if not (np.isfinite(value) and value > 0):
        raise NetworkError(f"{layer}: a scale of {value} is no positive number; quantise again")
    return value


def zero_point(layer: Layer, network: Network, position: int) -> int:
    """The constant zero point at input ``position``, 0 if there is none.

    Raises:
        UnsupportedError: it is computed by the network, or one of many.
    """
    if not has_input(layer, position):
        return 0
    found = constant_input(layer, network, position, "zero point")
    if found.size != 1:
        raise UnsupportedError(f"{layer}: a zero point of shape {list(found.shape)}; only one per tensor is supported")
    return int(found.reshape(-1)[0])


def _bytes(dtype: str) -> NDArray[np.int64]:
    """The numbers of an 8-bit type in the order of their bits."""
    return np.arange(256, dtype=np.uint8).view(dtype).astype(np.int64)


@dataclass(frozen=True)
class SumTable:
    """A QLinearAdd: ``float32(table[bits of one operand] + factor·other)·2^-exponent``, rounded and saturated.

    ``swapped``: the operand of the table is a, else b.
    """

    table: NDArray[np.int64]
    factor: int
    exponent: int
    swapped: bool


def sum_table(layer: Layer, network: Network) -> SumTable:
    """The parameters of a QLinearAdd.

    Raises:
        UnsupportedError: a parameter is no constant, or the scales are too far apart for 64 bits.
    """
    a, b = (network.tensors[layer.inputs[position]] for position in (0, 3))
    a_scale, b_scale, y_scale = (scale(layer, network, position) for position in (1, 4, 6))
    a_zero, b_zero, y_zero = (zero_point(layer, network, position) for position in (2, 5, 7))
    a_ratio, b_ratio = np.divide(a_scale, y_scale), np.divide(b_scale, y_scale)
    product = np.multiply(b_ratio, np.float32(b_zero))
    (ratio, rest), lowest = _fixed(a_ratio, product)
    zeros = _float32(ratio * a_zero + rest, lowest)
    fixed = np.subtract(np.float32(y_zero), zeros)
    (a_factor, b_factor, start), exponent = _fixed(a_ratio, b_ratio, fixed)
    swapped = _is_scalar(a.shape, b.shape)
    inner, outer = (a_factor, b_factor) if swapped else (b_factor, a_factor)
    values = _bytes(a.dtype)
    limit = (max(abs(inner), abs(outer)) << 10) + abs(start)
    if exponent > 100 or limit.bit_length() > 62:
        raise UnsupportedError(f"{layer}: the scales {a_scale}, {b_scale}, {y_scale} are too far apart; quantise again")
    table = (values * inner + start).astype(np.float32).astype(np.int64)
    return SumTable(table, outer, exponent, swapped)


def _fixed(*values: np.floating) -> tuple[tuple[int, ...], int]:
    """Integers and e such that each value is its integer times 2^-e."""
    ratios = [float(value).as_integer_ratio() for value in values]
    exponent = max(bottom.bit_length() - 1 for _, bottom in ratios)
    return tuple((top << exponent) // bottom for top, bottom in ratios), exponent


def _float32(number: int, exponent: int) -> np.float32:
    """``number·2^-exponent`` rounded once."""
    shift = max(0, abs(number).bit_length() - 62)
    if shift:  # the bits below the lowest decide ties only
        kept = number >> shift
        number, exponent = kept | int(number != kept << shift), exponent - shift
    return np.float32(math.ldexp(float(np.array(number, np.int64).astype(np.float32)), -exponent))


def _is_scalar(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether one element of a meets a run of elements of b, or both are single."""
    rank = max(len(a), len(b))
    pairs = zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True)
    inner = next(((left, right) for left, right in reversed(list(pairs)) if max(left, right) > 1), (1, 1))
    return inner[0] == 1


def averages_all(window: Window) -> bool:
    """Whether a QLinearAveragePool is computed like a QLinearGlobalAveragePool: one window, no padding."""
    return window.kernel == window.inputs and not window.needs_padding


def mean_scale(layer: Layer, network: Network, count: int) -> np.float32:
    """``x_scale / (y_scale·count)`` of a QLinearGlobalAveragePool."""
    x_scale, y_scale = scale(layer, network, 1), scale(layer, network, 3)
    return np.float32(np.divide(x_scale, np.multiply(y_scale, np.float32(count))))


def _requantised(
    layer: Layer, network: Network, values: NDArray[np.float32], y_scale: np.float32, y_zero: int, dtype: str
) -> Array:
    limits = np.iinfo(dtype)
    with np.errstate(over="ignore"):
        whole = np.rint(np.divide(values, y_scale)).astype(np.float64) + y_zero
    return np.clip(whole, limits.min, limits.max).astype(dtype)


def _dequantised(dtype: str, x_scale: np.float32, x_zero: int) -> NDArray[np.float32]:
    return np.multiply(x_scale, (_bytes(dtype) - x_zero).astype(np.float32))


def lookup_table(layer: Layer, network: Network) -> Array:
    """The 256 results of a QLinearLeakyRelu or QLinearSigmoid in the order of the operand's bits.

    The sigmoid is the rounded real one; onnxruntime's polynomial may differ in its last bits, which the rounding to 8
    bits hides but for near ties.
    """
    dtype = network.tensors[layer.inputs[0]].dtype
    x = _dequantised(dtype, scale(layer, network, 1), zero_point(layer, network, 2))
    if layer.op_type == "QLinearLeakyRelu":
        alpha = np.float32(real(layer, "alpha", 0.01))
        y = np.where(x >= 0, x, np.multiply(alpha, x))
    else:
        with np.errstate(over="ignore"):
            y = (1 / (1 + np.exp(-x.astype(np.float64)))).astype(np.float32)
    return _requantised(layer, network, y, scale(layer, network, 3), zero_point(layer, network, 4), dtype)


def concat_tables(layer: Layer, network: Network) -> tuple[Array | None, ...]:
    """For each tensor of a QLinearConcat (inputs 2, 5, 8 …) the table of its results; None if it is copied.

    Raises:
        UnsupportedError: a parameter is no constant.
    """
    y_scale, y_zero = scale(layer, network, 0), zero_point(layer, network, 1)
    tables: list[Array | None] = []
    for position in range(2, len(layer.inputs), 3):
        x_scale, x_zero = scale(layer, network, position + 1), zero_point(layer, network, position + 2)
        dtype = network.tensors[layer.inputs[position]].dtype
        same = (x_scale, x_zero) == (y_scale, y_zero)
        x = _dequantised(dtype, x_scale, x_zero)
        tables.append(None if same else _requantised(layer, network, x, y_scale, y_zero, dtype))
    return tuple(tables)


@dataclass(frozen=True)
class Exponentials:
    """A QLinearSoftmax over the middle axis of ``shape``: e(x) = ``table[255 - (greatest - x)]``,
    ``y = round(e(x)·factor / Σe) + zero``."""

    shape: tuple[int, int, int]
    table: NDArray[np.float32]
    factor: np.float32
    zero: int


def exponentials(layer: Layer, network: Network) -> Exponentials:
    """The parameters of a QLinearSoftmax.

    Raises:
        UnsupportedError: a parameter is no constant.
    """
    shape = network.shape(layer.inputs[0])
    flattens = integer(layer, "opset", 13) < 13
    axis = normalize_axis(layer, integer(layer, "axis", 1 if flattens else -1), len(shape))
    end = len(shape) if flattens else axis + 1
    view = math.prod(shape[:axis]), math.prod(shape[axis:end]), math.prod(shape[end:])
    x_scale = float(scale(layer, network, 1))
    room = max(0.0, math.log(float(np.finfo(np.float32).max) / view[1]) - 5) / x_scale
    table = np.exp((np.arange(256, dtype=np.float64) - 255 + room) * x_scale).astype(np.float32)
    factor = np.floor(np.divide(np.float32(1), scale(layer, network, 3)))
    return Exponentials(view, table, np.float32(factor), zero_point(layer, network, 4))
