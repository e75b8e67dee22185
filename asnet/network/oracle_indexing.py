"""The oracle's operators that pick or replace elements by indices."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from asnet.network.indexing import (
    gather_axis,
    gather_coordinates,
    gather_elements_axis,
    scatter_coordinates,
    scatter_elements,
    tensor_scatter,
)
from asnet.network.model import Layer
from asnet.network.oracle_elementwise import maximum, minimum
from asnet.network.oracle_frame import Frame, Operator
from asnet.types import AnyArray

__all__ = ["OPERATORS"]

_REDUCTIONS: Mapping[str, Callable[[AnyArray, AnyArray], AnyArray]] = {
    "none": lambda old, new: new,
    "add": np.add,
    "mul": np.multiply,
    "max": maximum,
    "min": minimum,
}


def _inside(indices: AnyArray, extent: int) -> AnyArray:
    """Indices counted from the front, the nearest one inside for what is outside."""
    wide = indices.astype(np.int64)
    return np.clip(np.where(wide < 0, wide + extent, wide), 0, max(extent - 1, 0))


def gather(frame: Frame, layer: Layer) -> AnyArray:
    """Gather."""
    axis = gather_axis(layer, frame.network)
    x = frame.operand(layer, 0)
    return np.take(x, _inside(frame.operand(layer, 1), x.shape[axis]), axis=axis)


def gather_elements(frame: Frame, layer: Layer) -> AnyArray:
    """GatherElements."""
    axis = gather_elements_axis(layer, frame.network)
    x = frame.operand(layer, 0)
    places = _inside(frame.operand(layer, 1), x.shape[axis])
    grid = list(np.ogrid[tuple(slice(extent) for extent in places.shape)])
    grid[axis] = places
    return x[tuple(grid)]


def gather_nd(frame: Frame, layer: Layer) -> AnyArray:
    """GatherND."""
    found = gather_coordinates(layer, frame.network)
    x, indices = frame.operand(layer, 0), frame.operand(layer, 1)
    batch = np.ogrid[tuple(slice(extent) for extent in indices.shape[:-1])][: found.batch]
    places = [_inside(indices[..., k], x.shape[found.batch + k]) for k in range(found.depth)]
    return x[(*batch, *places)]


def scatter(frame: Frame, layer: Layer) -> AnyArray:
    """ScatterElements, Scatter: the updates one after the other, row-major."""
    axis, reduction = scatter_elements(layer, frame.network)
    y, updates = frame.operand(layer, 0).copy(), frame.operand(layer, 2)
    places = _inside(frame.operand(layer, 1), y.shape[axis])
    for index in np.ndindex(*updates.shape):
        place = (*index[:axis], int(places[index]), *index[axis + 1 :])
        y[place] = _REDUCTIONS[reduction](y[place], updates[index])
    return y


def scatter_nd(frame: Frame, layer: Layer) -> AnyArray:
    """ScatterND: the updates one after the other, row-major."""
    found = scatter_coordinates(layer, frame.network)
    y, indices, updates = frame.operand(layer, 0).copy(), frame.operand(layer, 1), frame.operand(layer, 2)
    places = [_inside(indices[..., k], y.shape[k]) for k in range(found.depth)]
    for index in np.ndindex(*indices.shape[:-1]):
        place = tuple(int(part[index]) for part in places)
        y[place] = _REDUCTIONS[found.reduction](y[place], updates[index])
    return y


def update_cache(frame: Frame, layer: Layer) -> AnyArray:
    """TensorScatter: element by element along the axis."""
    found = tensor_scatter(layer, frame.network)
    y, update = frame.operand(layer, 0).copy(), frame.operand(layer, 1)
    given = frame.optional(layer, 2)
    starts = np.zeros(y.shape[0], np.int64) if given is None else given
    extent = y.shape[found.axis]
    for image, start in enumerate(starts):
        for element in range(update.shape[found.axis]):
            place = int(start) + element
            place = place % extent if found.circular else min(max(place, 0), extent - 1)
            front = (image, *(slice(None),) * (found.axis - 1))
            y[(*front, place)] = update[(*front, element)]
    return y


OPERATORS: Mapping[str, Operator] = {
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "Scatter": scatter,
    "ScatterElements": scatter,
    "ScatterND": scatter_nd,
    "TensorScatter": update_cache,
}
