"""The oracle's GridSample and AffineGrid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from asnet.network.functions import ArraySteps
from asnet.network.grids import affine_grid
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.network.sampling import grid_sample, interpolate
from asnet.types import AnyArray

__all__ = ["OPERATORS"]


def _grid_sample(frame: Frame, layer: Layer) -> AnyArray:
    """Weighted sums of the elements around each point, the last axis first."""
    found = grid_sample(layer, frame.network)
    x, grid = frame.operand(layer, 0), frame.operand(layer, 1)
    steps = ArraySteps(frame.flush)
    taps = found.taps(steps, [grid[:, None, ..., k] for k in range(grid.shape[-1])])
    ones = (1,) * len(found.points)
    batch, depth, *_ = frame.network.shape(layer.inputs[0])
    images, channels = np.arange(batch).reshape(-1, 1, *ones), np.arange(depth).reshape(-1, *ones)

    def load(places: Sequence[AnyArray]) -> AnyArray:
        return x[(images, channels, *places)]

    return interpolate(steps, taps, load, np.zeros(1, x.dtype))


def _affine_grid(frame: Frame, layer: Layer) -> AnyArray:
    """Product after product, then the last column of theta."""
    found = affine_grid(layer, frame.network)
    rank = len(found.extents)
    theta = frame.operand(layer, 0).reshape(found.batch, *(1,) * rank, rank, rank + 1)
    shape = found.batch, *found.extents, rank
    total = np.zeros(shape, np.float32)
    for k, coordinate in enumerate(reversed(found.coordinates())):
        along = frame.flush(coordinate).reshape(-1, *(1,) * (k + 1))
        product = np.broadcast_to(np.multiply(theta[..., k], along), shape)
        total = product if k == 0 else np.add(total, product)
    return np.add(total, theta[..., rank])


OPERATORS: Mapping[str, Operator] = {"GridSample": _grid_sample, "AffineGrid": _affine_grid}
