"""The oracle's operators that move elements to static places."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.network.model import Layer
from asnet.network.moving import (
    block_axes,
    center_positions,
    expand_shape,
    eye,
    one_hot,
    reverse_axes,
    slice_positions,
    split_sections,
    tile_repeats,
    trilu_diagonal,
)
from asnet.network.oracle_frame import Frame, Operator
from asnet.types import AnyArray

__all__ = ["OPERATORS"]


def slice_(frame: Frame, layer: Layer) -> AnyArray:
    """Slice, with any step."""
    return frame.operand(layer, 0)[np.ix_(*slice_positions(layer, frame.network))]


def split(frame: Frame, layer: Layer) -> tuple[AnyArray, ...]:
    """Split."""
    axis, sections = split_sections(layer, frame.network)
    return tuple(np.split(frame.operand(layer, 0), np.cumsum(sections)[:-1].tolist(), axis=axis))


def expand(frame: Frame, layer: Layer) -> AnyArray:
    """Expand."""
    return np.broadcast_to(frame.operand(layer, 0), expand_shape(layer, frame.network))


def tile(frame: Frame, layer: Layer) -> AnyArray:
    """Tile."""
    return np.tile(frame.operand(layer, 0), tile_repeats(layer, frame.network))


def center_crop_pad(frame: Frame, layer: Layer) -> AnyArray:
    """CenterCropPad."""
    source, target, extents = center_positions(layer, frame.network)
    x = frame.operand(layer, 0)
    y = np.zeros(frame.network.shape(layer.outputs[0]), x.dtype)
    inside, taken = (
        tuple(slice(begin, begin + extent) for begin, extent in zip(begins, extents, strict=True))
        for begins in (target, source)
    )
    y[inside] = x[taken]
    return y


def blocks(frame: Frame, layer: Layer) -> AnyArray:
    """DepthToSpace, SpaceToDepth."""
    shape, permutation = block_axes(layer, frame.network)
    return np.ascontiguousarray(frame.operand(layer, 0).reshape(shape).transpose(permutation))


def one_hot_(frame: Frame, layer: Layer) -> AnyArray:
    """OneHot; indices outside [-depth, depth) give the off value everywhere."""
    axis, depth = one_hot(layer, frame.network)
    indices, values = frame.operand(layer, 0), frame.operand(layer, 2)
    number = np.arange(depth).reshape(depth, *(1,) * (indices.ndim - axis))
    places = np.expand_dims(indices, axis).astype(np.int64)
    return np.where(np.equal(places, number) | np.equal(places, number - depth), values[1], values[0])  # pyright: ignore[reportUnknownVariableType]


def trilu(frame: Frame, layer: Layer) -> AnyArray:
    """Trilu."""
    upper, k = trilu_diagonal(layer, frame.network)
    return (np.triu if upper else np.tril)(frame.operand(layer, 0), k)


def reverse_sequence(frame: Frame, layer: Layer) -> AnyArray:
    """ReverseSequence; a length above the extent counts as the extent."""
    time, batch = reverse_axes(layer, frame.network)
    x = np.moveaxis(frame.operand(layer, 0), (time, batch), (0, 1))
    y = x.copy()
    for number, length in enumerate(frame.operand(layer, 1)):
        length = min(max(int(length), 0), x.shape[0])
        y[:length, number] = x[:length, number][::-1]
    return np.ascontiguousarray(np.moveaxis(y, (0, 1), (time, batch)))


def range_(frame: Frame, layer: Layer) -> AnyArray:
    """Range of constants; the loader folds it."""
    start, limit, delta = (frame.operand(layer, position).reshape(()) for position in range(3))
    count = max(int(np.ceil((limit.astype(np.float64) - start) / delta)), 0)
    return np.add(start, np.multiply(np.arange(count).astype(start.dtype), delta))


OPERATORS: Mapping[str, Operator] = {
    "Slice": slice_,
    "Split": split,
    "Expand": expand,
    "Tile": tile,
    "CenterCropPad": center_crop_pad,
    "DepthToSpace": blocks,
    "SpaceToDepth": blocks,
    "OneHot": one_hot_,
    "EyeLike": lambda frame, layer: eye(layer, frame.network),
    "Trilu": trilu,
    "Range": range_,
    "ReverseSequence": reverse_sequence,
}
