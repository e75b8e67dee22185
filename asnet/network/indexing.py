"""What operators mean that pick or replace elements by indices known at run time.

An index below 0 counts from the end of its axis. ONNX leaves an index beyond the axis open; it is an error where the
indices are constants, and the nearest one inside where they are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.attributes import integer, text
from asnet.network.model import Layer, Network
from asnet.network.semantics import has_input, normalize_axis

__all__ = [
    "INDEX_TYPES",
    "Coordinates",
    "Writing",
    "gather_axis",
    "gather_coordinates",
    "gather_elements_axis",
    "scatter_coordinates",
    "scatter_elements",
    "tensor_scatter",
]

INDEX_TYPES = ("int32", "int64")

_REDUCTIONS = ("none", "add", "mul", "max", "min")


@dataclass(frozen=True)
class Coordinates:
    """A GatherND or ScatterND: ``indices[.., :]`` are ``depth`` coordinates behind ``batch`` leading axes."""

    batch: int
    depth: int
    reduction: str = "none"


def gather_axis(layer: Layer, network: Network) -> int:
    """Axis of a Gather."""
    axis = _axis(layer, network, 0)
    _check_indices(layer, network, [network.shape(layer.inputs[0])[axis]])
    return axis


def gather_elements_axis(layer: Layer, network: Network) -> int:
    """Axis of a GatherElements.

    Raises:
        NetworkError: the indices have another number of axes, or more elements along another axis, than the data.
    """
    axis = _axis(layer, network, 0)
    _check_elements(layer, network, axis)
    return axis


def scatter_elements(layer: Layer, network: Network) -> tuple[int, str]:
    """Axis and reduction of a ScatterElements or Scatter.

    Raises:
        NetworkError: data, indices and updates do not fit each other.
        UnsupportedError: an unknown reduction.
    """
    axis = _axis(layer, network, 0)
    _check_elements(layer, network, axis)
    indices, updates = (network.shape(layer.inputs[position]) for position in (1, 2))
    if indices != updates:
        raise NetworkError(f"{layer}: indices of shape {list(indices)} and updates of shape {list(updates)} differ")
    return axis, _reduction(layer, network)


def gather_coordinates(layer: Layer, network: Network) -> Coordinates:
    """A GatherND.

    Raises:
        NetworkError: data and indices do not fit each other.
    """
    return _coordinates(layer, network, integer(layer, "batch_dims", 0), "none")


def scatter_coordinates(layer: Layer, network: Network) -> Coordinates:
    """A ScatterND.

    Raises:
        NetworkError: data, indices and updates do not fit each other.
        UnsupportedError: an unknown reduction.
    """
    found = _coordinates(layer, network, 0, _reduction(layer, network))
    data, indices, updates = (network.shape(name) for name in layer.inputs[:3])
    if updates != (*indices[:-1], *data[found.depth :]):
        raise NetworkError(
            f"{layer}: updates of shape {list(updates)} do not fit data of shape {list(data)} and indices of shape "
            f"{list(indices)}"
        )
    return found


@dataclass(frozen=True)
class Writing:
    """A TensorScatter: element ``s`` of the update along ``axis`` goes to the batch's start plus ``s``, modulo the
    extent if ``circular``, else the nearest place inside.
    """

    axis: int
    circular: bool


def tensor_scatter(layer: Layer, network: Network) -> Writing:
    """Where a TensorScatter writes.

    Raises:
        NetworkError: cache, update and starts do not fit each other, or constant starts reach beyond the cache.
        UnsupportedError: an unknown mode.
    """
    cache, update = network.shape(layer.inputs[0]), network.shape(layer.inputs[1])
    axis, mode = _axis(layer, network, -2), text(layer, "mode", "linear")
    if mode not in {"linear", "circular"}:
        raise UnsupportedError(f"{layer}: mode {mode!r} is not supported; supported: linear, circular")
    smaller = (*cache[:axis], update[axis] if len(update) == len(cache) else 0, *cache[axis + 1 :])
    if axis == 0 or update != smaller or update[axis] > cache[axis]:
        raise NetworkError(
            f"{layer}: an update of shape {list(update)} does not fit a cache of shape {list(cache)} along axis {axis}"
        )
    if has_input(layer, 2):
        starts = network.shape(layer.inputs[2])
        if starts != cache[:1]:
            raise NetworkError(f"{layer}: write_indices of shape {list(starts)} must be one for each of {cache[0]}")
        values = network.constants.get(layer.inputs[2])
        if values is not None and values.size and mode == "linear":
            low, high = int(values.min()), int(values.max())
            if low < 0 or high + update[axis] > cache[axis]:
                raise NetworkError(
                    f"{layer}: {update[axis]} elements from {low if low < 0 else high} on are outside the "
                    f"{cache[axis]} elements of the cache; mend the indices"
                )
    return Writing(axis, circular=mode == "circular")


def _axis(layer: Layer, network: Network, default: int) -> int:
    return normalize_axis(layer, integer(layer, "axis", default), len(network.shape(layer.inputs[0])))


def _coordinates(layer: Layer, network: Network, batch: int, reduction: str) -> Coordinates:
    data, indices = network.shape(layer.inputs[0]), network.shape(layer.inputs[1])
    depth = indices[-1] if indices else 0
    if (
        not indices
        or not 1 <= depth <= len(data) - batch
        or not 0 <= batch < len(indices)
        or (data[:batch] != indices[:batch])
    ):
        raise NetworkError(
            f"{layer}: indices of shape {list(indices)} do not fit data of shape {list(data)} behind {batch} batch axes"
        )
    _check_indices(layer, network, data[batch : batch + depth])
    return Coordinates(batch, depth, reduction)


def _reduction(layer: Layer, network: Network) -> str:
    reduction = text(layer, "reduction", "none")
    if reduction not in _REDUCTIONS:
        raise UnsupportedError(
            f"{layer}: reduction {reduction!r} is not supported; supported: {', '.join(_REDUCTIONS)}"
        )
    if reduction != "none" and network.tensors[layer.inputs[0]].dtype == "bool":
        raise UnsupportedError(f"{layer}: reduction {reduction!r} of bool is not supported; use 'none'")
    return reduction


def _check_elements(layer: Layer, network: Network, axis: int) -> None:
    data, indices = network.shape(layer.inputs[0]), network.shape(layer.inputs[1])
    if len(data) != len(indices) or any(indices[other] > data[other] for other in range(len(data)) if other != axis):
        raise NetworkError(f"{layer}: indices of shape {list(indices)} do not fit data of shape {list(data)}")
    _check_indices(layer, network, [data[axis]])


def _check_indices(layer: Layer, network: Network, extents: Sequence[int]) -> None:
    """Constant indices, whose last axis goes over ``extents`` (or all are for the only extent), lie within them."""
    tensor, values = network.tensors[layer.inputs[1]], network.constants.get(layer.inputs[1])
    if tensor.size and 0 in extents:
        raise NetworkError(f"{layer}: indices into an axis without elements; there is nothing to pick")
    if values is None:
        return
    wide, limits = values.astype(np.int64), np.array(extents)
    wrong = np.ravel(wide)[np.ravel((wide < -limits) | (wide >= limits))]
    if wrong.size:
        raise NetworkError(
            f"{layer}: index {int(wrong[0])} is outside the {' x '.join(map(str, extents))} elements; mend the indices"
        )
