"""The oracle's ConvTranspose."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.network.elementary import Float32
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.network.transposed import transposed_geometry

__all__ = ["OPERATORS"]


def _conv_transpose(frame: Frame, layer: Layer) -> Float32:
    """Every sum starts with the bias; products are added by input channel, then tap."""
    g = transposed_geometry(layer, frame.network)
    ones = (1,) * len(g.kernel)
    x = frame.operand(layer, 0).reshape(g.batch, g.groups, g.group_inputs, 1, *g.inputs)
    w = frame.operand(layer, 1).reshape(g.groups, g.group_inputs, g.group_outputs, *g.kernel)
    bias = frame.operand(layer, 2) if g.bias else np.zeros(g.groups * g.group_outputs, np.float32)
    sums = np.empty((g.batch, g.groups, g.group_outputs, *g.full), np.float32)
    sums[...] = bias.reshape(g.groups, g.group_outputs, *ones)
    for channel in range(g.group_inputs):
        for tap in g.positions():
            place = (..., *g.slices(tap))
            weight = w[(slice(None), channel, slice(None), *tap)].reshape(g.groups, g.group_outputs, *ones)
            sums[place] = np.add(sums[place], np.multiply(x[:, :, channel], weight))
    return sums[(..., *(slice(begin, begin + out) for begin, out in zip(g.begins, g.outputs, strict=True)))]


OPERATORS: Mapping[str, Operator] = {"ConvTranspose": _conv_transpose}
