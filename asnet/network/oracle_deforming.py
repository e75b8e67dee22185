"""The oracle's DeformConv: the elements that each tap reads, then a convolution in Conv's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from asnet.network.deforming import deformation
from asnet.network.elementary import Float32
from asnet.network.functions import ArraySteps
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.network.sampling import Tap, axis_taps, interpolate
from asnet.types import AnyArray

__all__ = ["OPERATORS"]


def deform_conv(frame: Frame, layer: Layer) -> Float32:
    """``acc = acc + (read · factor)·weight``: bias, then input channel, then taps."""
    found = deformation(layer, frame.network)
    g, window, steps = found.conv, found.conv.window, ArraySteps(frame.flush)
    rank = len(window.kernel)
    x = frame.operand(layer, 0).reshape(g.batch, found.groups, g.in_channels // found.groups, *window.inputs)
    offsets = frame.operand(layer, 2).reshape(found.offsets)
    mask = frame.operand(layer, 4).reshape(found.factors) if found.masked else None
    images = np.arange(g.batch).reshape(-1, 1, 1, *(1,) * rank)
    groups = np.arange(found.groups).reshape(-1, 1, *(1,) * rank)
    channels = np.arange(g.in_channels // found.groups).reshape(-1, *(1,) * rank)

    def load(places: Sequence[AnyArray]) -> AnyArray:
        return x[(images, groups, channels, *places)]

    columns: dict[tuple[int, ...], AnyArray] = {}
    for tap in window.positions():
        taps: list[list[Tap[AnyArray]]] = []
        for k, axis in enumerate(found.axes):
            start = tap[k] * window.dilations[k] - window.pads_begin[k]
            base = (np.arange(window.outputs[k]) * window.strides[k] + start).astype(np.float32)
            moved = np.add(base.reshape(-1, *(1,) * (rank - k - 1)), offsets[(slice(None), slice(None), *tap, k)])
            taps.append(axis_taps(steps, moved[:, :, None], axis))
        value = interpolate(steps, taps, load, np.zeros(1, np.float32))
        if mask is not None:
            value = np.multiply(value, mask[(slice(None), slice(None), *tap)][:, :, None])
        columns[tap] = value.reshape(g.batch, g.groups, 1, g.group_inputs, *window.outputs)
    w = frame.operand(layer, 1).reshape(1, g.groups, g.group_outputs, g.group_inputs, *window.kernel)
    bias = frame.operand(layer, 3) if g.bias else np.zeros(g.out_channels, np.float32)
    ones = (1,) * rank
    shape = g.batch, g.groups, g.group_outputs, *window.outputs
    accumulator = np.broadcast_to(bias.reshape(1, g.groups, g.group_outputs, *ones), shape)
    for channel in range(g.group_inputs):
        for tap in window.positions():
            weight = w[(slice(None), slice(None), slice(None), channel, *tap)].reshape(*w.shape[:3], *ones)
            accumulator = np.add(accumulator, np.multiply(columns[tap][:, :, :, channel], weight))
    return accumulator


OPERATORS: Mapping[str, Operator] = {"DeformConv": deform_conv}
