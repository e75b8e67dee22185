"""The oracle's Resize and Upsample: one axis after the other, tap by tap."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.network.resizing import resize
from asnet.types import AnyArray

__all__ = ["OPERATORS"]


def resize_(frame: Frame, layer: Layer) -> AnyArray:
    """Resize, Upsample."""
    found = resize(layer, frame.network)
    x = frame.operand(layer, 0)
    for taps in found.axes:
        along = (-1, *(1,) * (x.ndim - taps.axis - 1))
        parts = [np.take(x, taps.positions[:, t], axis=taps.axis) for t in range(taps.positions.shape[1])]
        y = parts[0]
        if taps.weights is not None:
            weights = frame.flush(taps.weights)
            y = np.multiply(parts[0], weights[:, 0].reshape(along))
            for t in range(1, len(parts)):
                y = np.add(y, np.multiply(parts[t], weights[:, t].reshape(along)))
        if taps.outside is not None:
            value = frame.flush(found.value).astype(x.dtype)
            y = np.where(taps.outside.reshape(along), value, y)
        x = y
    return x


OPERATORS: Mapping[str, Operator] = {"Resize": resize_, "Upsample": resize_}
