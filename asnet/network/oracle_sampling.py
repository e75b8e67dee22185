"""The oracle's GridSample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from asnet.network.functions import ArraySteps
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


OPERATORS: Mapping[str, Operator] = {"GridSample": _grid_sample}
