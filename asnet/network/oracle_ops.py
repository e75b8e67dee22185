"""The oracle's operators that keep or rearrange elements: normalisation, layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from asnet.network.elementary import Float32, exp
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.network.semantics import (
    batchnorm_scale_shift,
    concat_axis,
    pad_amounts,
    softmax_axes,
    transpose_permutation,
)
from asnet.types import AnyArray

__all__ = ["OPERATORS"]


def softmax(frame: Frame, layer: Layer) -> Float32:
    """``e_i = exp(x_i - max)``, ``y_i = e_i / Σ e_i``, maximum and sum along the axis in order."""
    x = frame.operand(layer, 0).reshape(softmax_axes(layer, frame.network))
    maximum = x[:, 0]
    for index in range(1, x.shape[1]):
        maximum = np.where(np.greater(x[:, index], maximum), x[:, index], maximum)
    powers = exp(np.subtract(x, maximum[:, None]))
    total = np.zeros_like(maximum)
    for index in range(x.shape[1]):
        total = np.add(total, powers[:, index])
    return np.divide(powers, total[:, None])


def batch_normalization(frame: Frame, layer: Layer) -> Float32:
    """``x·a + b`` with the folded scale and shift of the channel."""
    folded = batchnorm_scale_shift(layer, frame.network)
    x = frame.operand(layer, 0)
    ones = (1,) * (x.ndim - folded.axis - 1)
    a, b = (frame.flush(array).reshape(-1, *ones) for array in (folded.a, folded.b))
    return np.add(np.multiply(x, a), b)


def _copy(frame: Frame, layer: Layer) -> AnyArray:
    """The elements in their order; the output's shape is the network's."""
    return frame.operand(layer, 0)


def transpose(frame: Frame, layer: Layer) -> AnyArray:
    """Transpose."""
    return np.ascontiguousarray(frame.operand(layer, 0).transpose(transpose_permutation(layer, frame.network)))


def concat(frame: Frame, layer: Layer) -> AnyArray:
    """Concat of any number of operands."""
    operands = [frame.operand(layer, index) for index in range(len(layer.inputs))]
    return np.concatenate(operands, axis=concat_axis(layer, frame.network))


def pad(frame: Frame, layer: Layer) -> AnyArray:
    """Pad with a constant, the edge, a reflection without the edge, or what follows on the other side."""
    padding = pad_amounts(layer, frame.network)
    x = frame.operand(layer, 0)
    x = x[tuple(slice(kept.start, kept.stop) for kept in padding.kept(x.shape))]
    value = frame.boundary(np.asarray(padding.value))
    options: dict[str, Any] = {"constant_values": value} if padding.mode == "constant" else {}
    amounts = [(max(begin, 0), max(end, 0)) for begin, end in zip(padding.begins, padding.ends, strict=True)]
    return np.pad(x, amounts, mode=padding.mode, **options)  # pyright: ignore


OPERATORS: Mapping[str, Operator] = {
    "Softmax": softmax,
    "BatchNormalization": batch_normalization,
    **dict.fromkeys(("Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"), _copy),
    "Transpose": transpose,
    "Concat": concat,
    "Pad": pad,
}
