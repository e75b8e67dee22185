"""What operators that move elements mean: which element of the input each element of the output is.

Where axes are independent, an operator is one list of positions per axis: element ``(i, j, ..)`` of the output is
element ``(lists[0][i], lists[1][j], ..)`` of the input.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.attributes import integer, integers, text
from asnet.network.model import Layer, Network
from asnet.network.semantics import constant_input, has_input, normalize_axis
from asnet.types import AnyArray

__all__ = [
    "Positions",
    "block_axes",
    "center_positions",
    "constant_integers",
    "expand_shape",
    "eye",
    "one_hot",
    "reverse_axes",
    "slice_positions",
    "split_sections",
    "tile_repeats",
    "trilu_diagonal",
]

_LARGEST_EYE = 1 << 24
"""Elements of the largest matrix that an EyeLike may give; it is stored."""

Positions = Sequence[int]
"""For each index along an axis of the output the index along the input's axis."""


def constant_integers(layer: Layer, network: Network, index: int, role: str) -> tuple[int, ...]:
    """The constant input ``index`` as integers.

    Raises:
        UnsupportedError: it is computed by the network.
    """
    return tuple(int(value) for value in constant_input(layer, network, index, role).ravel())


def slice_positions(layer: Layer, network: Network) -> tuple[Positions, ...]:
    """Positions per axis of a Slice: attributes before opset 10, constant inputs since.

    Raises:
        NetworkError: the parameters do not fit each other or the tensor.
    """
    shape = network.shape(layer.inputs[0])
    if network.opset < 10:
        starts, ends = integers(layer, "starts", ()), integers(layer, "ends", ())
        axes = integers(layer, "axes", tuple(range(len(starts))))
        steps = (1,) * len(starts)
    else:
        starts, ends = (constant_integers(layer, network, i, role) for i, role in ((1, "starts"), (2, "ends")))
        whole = tuple(range(len(starts)))
        axes = constant_integers(layer, network, 3, "axes") if has_input(layer, 3) else whole
        steps = constant_integers(layer, network, 4, "steps") if has_input(layer, 4) else (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise NetworkError(
            f"{layer}: starts {list(starts)}, ends {list(ends)}, axes {list(axes)} and steps {list(steps)} must be "
            "equally many, and no step 0"
        )
    result: list[Positions] = [range(extent) for extent in shape]
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        place = normalize_axis(layer, axis, len(shape))
        result[place] = range(*slice(start, end, step).indices(shape[place]))
    return tuple(result)


def split_sections(layer: Layer, network: Network) -> tuple[int, tuple[int, ...]]:
    """Axis of a Split and the extent of each output along it.

    From the attribute (before opset 13) or constant input ``split``; without, equal parts, the last one smaller.

    Raises:
        NetworkError: the parts do not add up to the axis.
    """
    shape = network.shape(layer.inputs[0])
    axis = normalize_axis(layer, integer(layer, "axis", 0), len(shape))
    if has_input(layer, 1):
        sections = constant_integers(layer, network, 1, "split")
    elif "split" in layer.attributes:
        sections = integers(layer, "split", ())
    else:
        count = integer(layer, "num_outputs", len(layer.outputs))
        part = -(-shape[axis] // max(count, 1))
        sections = (*(part,) * (count - 1), shape[axis] - part * (count - 1))
    if len(sections) < len(layer.outputs) or min(sections, default=0) < 0 or sum(sections) != shape[axis]:
        raise NetworkError(
            f"{layer}: parts {list(sections)} must be {len(layer.outputs)} and add up to the {shape[axis]} elements "
            f"of axis {axis}"
        )
    for name, extent in zip(layer.outputs, sections, strict=False):
        if name and network.shape(name)[axis] != extent:
            raise NetworkError(f"{layer}: output {name!r} has {network.shape(name)[axis]} elements, not {extent}")
    return axis, sections


def expand_shape(layer: Layer, network: Network) -> tuple[int, ...]:
    """Shape that an Expand gives: the constant's and the input's, broadcast.

    Raises:
        NetworkError: they do not fit each other.
    """
    shape, goal = network.shape(layer.inputs[0]), constant_integers(layer, network, 1, "shape")
    try:
        return np.broadcast_shapes(shape, goal)
    except ValueError:
        raise NetworkError(f"{layer}: shape {list(shape)} does not broadcast with {list(goal)}") from None


def tile_repeats(layer: Layer, network: Network) -> tuple[int, ...]:
    """How often a Tile repeats each axis.

    Raises:
        NetworkError: a number of repeats is missing or negative.
    """
    rank = len(network.shape(layer.inputs[0]))
    repeats = constant_integers(layer, network, 1, "repeats")
    if len(repeats) != rank or min(repeats, default=0) < 0:
        raise NetworkError(f"{layer}: repeats {list(repeats)} must be {rank} numbers of at least 0")
    return repeats


def center_positions(layer: Layer, network: Network) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """``(source, target, extent)`` per axis of a CenterCropPad: the part that stays; around it the output is 0.

    Raises:
        NetworkError: the shape does not fit the axes.
    """
    shape = network.shape(layer.inputs[0])
    goal = constant_integers(layer, network, 1, "shape")
    axes = tuple(normalize_axis(layer, a, len(shape)) for a in integers(layer, "axes", tuple(range(len(shape)))))
    if len(goal) != len(axes) or min(goal, default=0) < 0:
        raise NetworkError(f"{layer}: shape {list(goal)} must be {len(axes)} extents, one per axis of {list(axes)}")
    source, target, extents = [0] * len(shape), [0] * len(shape), list(shape)
    for axis, extent in zip(axes, goal, strict=True):
        source[axis] = max(shape[axis] - extent, 0) // 2
        target[axis] = max(extent - shape[axis], 0) // 2
        extents[axis] = min(shape[axis], extent)
    return tuple(source), tuple(target), tuple(extents)


def block_axes(layer: Layer, network: Network) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """``(shape, permutation)`` of a DepthToSpace or SpaceToDepth: the input seen in that shape, its axes permuted.

    Raises:
        NetworkError: the block size does not divide the axes that it must.
        UnsupportedError: another mode than DCR and CRD.
    """
    shape = network.shape(layer.inputs[0])
    if len(shape) != 4:
        raise NetworkError(f"{layer}: its input of shape {list(shape)} must have 4 axes")
    n, c, h, w = shape
    block = integer(layer, "blocksize", 0)
    mode = text(layer, "mode", "DCR")
    if mode not in {"DCR", "CRD"}:
        raise UnsupportedError(f"{layer}: mode {mode!r} is not supported; supported: DCR, CRD")
    if layer.op_type == "SpaceToDepth":
        if block < 1 or h % block or w % block:
            raise NetworkError(f"{layer}: blocksize {block} does not divide height and width of {list(shape)}")
        return (n, c, h // block, block, w // block, block), (
            (0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4)
        )
    if block < 1 or c % (block * block):
        raise NetworkError(f"{layer}: blocksize {block} squared does not divide the channels of {list(shape)}")
    if mode == "DCR":
        return (n, block, block, c // block**2, h, w), (0, 3, 4, 1, 5, 2)
    return (n, c // block**2, block, block, h, w), (0, 1, 4, 2, 5, 3)


def one_hot(layer: Layer, network: Network) -> tuple[int, int]:
    """``(axis, depth)`` of a OneHot; the axis is the output's."""
    depth = constant_integers(layer, network, 1, "depth")
    if len(depth) != 1 or depth[0] < 1:
        raise NetworkError(f"{layer}: depth {list(depth)} must be one number of at least 1")
    rank = len(network.shape(layer.inputs[0])) + 1
    return normalize_axis(layer, integer(layer, "axis", -1), rank), depth[0]


def trilu_diagonal(layer: Layer, network: Network) -> tuple[bool, int]:
    """``(upper, k)`` of a Trilu: elements with column - row >= k (upper) or <= k stay."""
    k = constant_integers(layer, network, 1, "k")[0] if has_input(layer, 1) else 0
    return integer(layer, "upper", 1) != 0, k


def eye(layer: Layer, network: Network) -> AnyArray:
    """What an EyeLike gives: 1 where column - row = k, else 0."""
    tensor = network.tensors[layer.outputs[0]]
    if len(tensor.shape) != 2:
        raise NetworkError(f"{layer}: its input of shape {list(tensor.shape)} must have 2 axes")
    if tensor.size > _LARGEST_EYE:
        raise UnsupportedError(f"{layer}: a matrix of shape {list(tensor.shape)} is too large to be a constant")
    return np.eye(*tensor.shape, k=integer(layer, "k", 0), dtype=tensor.dtype)


def reverse_axes(layer: Layer, network: Network) -> tuple[int, int]:
    """``(time, batch)`` axis of a ReverseSequence.

    Raises:
        NetworkError: they are not 0 and 1 in some order, or there is not one length per batch.
    """
    time, batch = integer(layer, "time_axis", 0), integer(layer, "batch_axis", 1)
    shape, lengths = (network.shape(name) for name in layer.inputs[:2])
    if {time, batch} != {0, 1} or len(shape) < 2 or lengths != (shape[batch],):
        raise NetworkError(
            f"{layer}: time_axis {time}, batch_axis {batch} and lengths of shape {list(lengths)} do not fit an input "
            f"of shape {list(shape)}; the axes are 0 and 1, with a length per batch"
        )
    return time, batch
