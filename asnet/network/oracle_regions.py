"""The oracle's RoiAlign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from asnet.network.elementary import Float32
from asnet.network.functions import ArraySteps
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.network.regions import roi_align
from asnet.types import AnyArray

__all__ = ["OPERATORS"]


def _roi_align(frame: Frame, layer: Layer) -> Float32:
    """Sample by sample, row-major: the sum from 0.0 divided by their number, or the greatest from -inf on."""
    found = roi_align(layer, frame.network)
    x, regions = frame.operand(layer, 0), frame.operand(layer, 1)
    images = frame.operand(layer, 2).astype(np.int64)
    batch, depth, *_ = frame.network.shape(layer.inputs[0])
    images = np.clip(np.where(images < 0, images + batch, images), 0, batch - 1).reshape(-1, 1, 1, 1)
    channels = np.arange(depth).reshape(-1, 1, 1)
    steps = ArraySteps(frame.flush)

    def load(places: Sequence[AnyArray]) -> AnyArray:
        return x[(images, channels, *places)]

    corners = regions[:, 0], regions[:, 1], regions[:, 2], regions[:, 3]
    bins = [(a.reshape(-1, 1, 1, 1), b.reshape(-1, 1, 1, 1)) for a, b in found.bins(steps, corners)]
    cells = [
        np.arange(extent, dtype=np.int32).reshape(-1, *(1,) * (1 - axis)) for axis, extent in enumerate(found.outputs)
    ]
    result = np.full((len(regions), depth, *found.outputs), found.start, np.float32)
    for row in range(found.samples):
        for column in range(found.samples):
            axes = [
                found.around(steps, found.position(steps, *bins[axis], cells[axis], steps.word(number)), extent)
                for axis, (number, extent) in enumerate(zip((row, column), found.extents, strict=True))
            ]
            result = found.step(steps, result, axes, load)
    return result if found.maximum else np.divide(result, np.float32(found.samples**2))


OPERATORS: Mapping[str, Operator] = {"RoiAlign": _roi_align}
