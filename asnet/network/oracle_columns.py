"""The oracle's Col2Im."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.network.columns import columns
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.types import AnyArray

__all__ = ["OPERATORS"]


def col2im(frame: Frame, layer: Layer) -> AnyArray:
    """Col2Im: element by element, tap after tap, block after block."""
    found = columns(layer, frame.network)
    x = frame.operand(layer, 0)
    x = x.reshape(found.batch, found.channels, *found.block, *found.counts)
    padded = np.zeros((found.batch, found.channels, *found.padded), x.dtype)
    for tap in np.ndindex(*found.block):
        for block in np.ndindex(*found.counts):
            place = tuple(
                i * stride + t * dilation
                for i, stride, t, dilation in zip(block, found.strides, tap, found.dilations, strict=True)
            )
            padded[(..., *place)] = np.add(padded[(..., *place)], x[(slice(None), slice(None), *tap, *block)])
    inside = (slice(begin, begin + extent) for begin, extent in zip(found.begins, found.image, strict=True))
    return np.ascontiguousarray(padded[(..., *inside)])


OPERATORS: Mapping[str, Operator] = {"Col2Im": col2im}
