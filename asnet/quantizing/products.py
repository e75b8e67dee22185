"""Products as matrix products over the calibration images: fast, in float64, for choosing scales only.

A product is ``y[group] = weights[group] @ columns[group]``: Conv by its windows, Gemm and MatMul by their rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from asnet.network import Layer, Network
from asnet.network.windows import ConvGeometry, conv_geometry
from asnet.quantizing.calibrating import Float32
from asnet.types import AnyArray

__all__ = ["Matrix", "columns", "correlations", "multiply", "weight_axis", "weight_matrix"]

Matrix = NDArray[np.float64]

_CHUNK = 1 << 22
"""Elements of the columns that are in memory at once."""

_CORRELATED = 1 << 15
"""Columns from which correlations are computed, evenly spread."""


def weight_axis(op_type: str) -> int:
    """The axis of the weights that counts output channels; Gemm is transposed (``transB`` = 1)."""
    return 1 if op_type == "MatMul" else 0


def weight_matrix(op_type: str, weights: AnyArray, groups: int = 1) -> Matrix:
    """Weights as [group, output channel of the group, k]."""
    matrix = weights.T if op_type == "MatMul" else weights.reshape(len(weights), -1)
    return matrix.astype(np.float64).reshape(groups, -1, matrix.shape[-1])


def columns(layer: Layer, network: Network, x: Float32) -> Iterator[Matrix]:
    """The columns [group, k, position] that ``x`` (runs, *shape of the layer's input) gives, a few images at a time."""
    if layer.op_type != "Conv":
        rows = x.reshape(-1, x.shape[-1])
        step = max(1, _CHUNK // rows.shape[-1])
        for start in range(0, len(rows), step):
            yield rows[start : start + step].T.astype(np.float64)[None]
        return
    geometry = conv_geometry(layer, network)
    images = x.reshape(-1, geometry.in_channels, *geometry.window.inputs)
    per_image = geometry.in_channels * geometry.window.taps * int(np.prod(geometry.window.outputs))
    step = max(1, _CHUNK // per_image)
    for start in range(0, len(images), step):
        yield _windows(geometry, images[start : start + step])


def _windows(geometry: ConvGeometry, images: Float32) -> Matrix:
    window, count = geometry.window, len(images)
    padded = np.zeros((count, geometry.in_channels, *window.padded))
    inner = tuple(slice(b, b + i) for b, i in zip(window.pads_begin, window.inputs, strict=True))
    padded[(..., *inner)] = images
    taps = np.stack([padded[(..., *window.slices(tap))] for tap in window.positions()], axis=2)
    taps = taps.reshape(count, geometry.groups, geometry.group_inputs * window.taps, -1)
    return taps.transpose(1, 2, 0, 3).reshape(geometry.groups, taps.shape[2], -1)


def multiply(layer: Layer, network: Network, x: Float32, weights: AnyArray, bias: AnyArray | None) -> Float32:
    """The layer's output (runs, *shape) for inputs ``x``, in float64 rounded once."""
    shape = (len(x), *network.shape(layer.outputs[0]))
    if layer.op_type != "Conv":
        matrix = weight_matrix(layer.op_type, weights)[0]
        parts = [(matrix @ part[0]).T for part in columns(layer, network, x)]
        result = np.concatenate(parts)
        return (result if bias is None else result + bias).astype(np.float32).reshape(shape)
    geometry = conv_geometry(layer, network)
    matrix = weight_matrix(layer.op_type, weights, geometry.groups)
    outputs = int(np.prod(geometry.window.outputs))
    result = np.empty((len(x) * geometry.batch, geometry.out_channels, outputs), np.float32)
    start = 0
    for part in columns(layer, network, x):
        images = part.shape[-1] // outputs
        y = (matrix @ part).reshape(geometry.out_channels, images, outputs).transpose(1, 0, 2)
        result[start : start + images] = y if bias is None else y + bias[:, None]
        start += images
    return result.reshape(shape)


def correlations(
    layer: Layer, network: Network, reached: Float32, real: Float32, weights: Matrix
) -> tuple[Matrix, Matrix]:
    """``Σ x̂·x̂ᵀ`` [group, k, k] and ``Σ x̂·yᵀ`` [group, k, m] over some of the columns, evenly spread.

    ``x̂`` are the columns of what reaches the layer, ``y = weights·x`` the layer's float output. With them the squared
    error of the output is a quadratic form of the weights, see :func:`output_error`.
    """
    total = network.tensors[layer.outputs[0]].size * len(reached)
    channels = network.shape(layer.outputs[0])[1 if layer.op_type == "Conv" else -1]
    step = max(1, total // channels // _CORRELATED) | 1  # odd: not always the same columns of an image
    own, cross = np.zeros(()), np.zeros(())
    for left, right in zip(columns(layer, network, reached), columns(layer, network, real), strict=True):
        x, y = left[..., ::step], weights @ right[..., ::step]
        own = own + x @ x.transpose(0, 2, 1)
        cross = cross + x @ y.transpose(0, 2, 1)
    return own, cross


def output_error(weights: Matrix, own: Matrix, cross: Matrix) -> Matrix:
    """Per output channel ``Σ (ŵ·x̂ - y)² - Σ y²`` for the weights ``ŵ`` [group, m, k]."""
    squares = np.einsum("gmk,gmk->gm", weights @ own, weights)
    return (squares - 2 * np.einsum("gmk,gkm->gm", weights, cross)).reshape(-1)
