"""Geometry of ConvTranspose: where the product of an input element and a tap is added.

All tuples have one entry per spatial axis. Formulas: ONNX operator documentation of ConvTranspose.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.attributes import integer, integers, text
from asnet.network.model import Layer, Network
from asnet.network.semantics import has_input
from asnet.network.windows import check_spatial, positive

__all__ = ["TransposedConv", "transposed_geometry"]


@dataclass(frozen=True)
class TransposedConv:
    """A transposed convolution of ``[batch, groups*group_inputs, *inputs]`` with ``[groups*group_inputs,
    group_outputs, *kernel]``.

    Input ``i`` and tap ``t`` of one axis are added at ``i*stride + t*dilation`` of an array of extent ``full``, of
    which the output is the part of extent ``outputs`` that begins at ``begins``.
    """

    batch: int
    groups: int
    group_inputs: int
    group_outputs: int
    bias: bool
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    begins: tuple[int, ...]
    full: tuple[int, ...]

    @property
    def cropped(self) -> bool:
        """Whether the output is not all of the array."""
        return self.full != self.outputs

    def positions(self) -> Iterator[tuple[int, ...]]:
        """The taps in order: the last axis runs fastest."""
        return itertools.product(*(range(extent) for extent in self.kernel))

    def slices(self, tap: tuple[int, ...]) -> tuple[slice, ...]:
        """Where the products of all inputs with ``tap`` are added."""
        starts = (t * d for t, d in zip(tap, self.dilations, strict=True))
        return tuple(
            slice(start, start + (extent - 1) * stride + 1, stride)
            for start, extent, stride in zip(starts, self.inputs, self.strides, strict=True)
        )


def transposed_geometry(layer: Layer, network: Network) -> TransposedConv:
    """Geometry of a ConvTranspose.

    Raises:
        NetworkError: shapes or attributes contradict each other.
        UnsupportedError: negative padding.
    """
    shape = network.shape(layer.inputs[0])
    check_spatial(layer, shape)
    batch, channels, *inputs = shape
    rank = len(inputs)
    weight = network.shape(layer.inputs[1])
    if len(weight) != len(shape):
        raise NetworkError(f"{layer}: a weight of shape {list(weight)} does not fit the input's number of axes")
    in_channels, group_outputs, *kernel = weight
    groups = integer(layer, "group", 1)
    if groups < 1 or in_channels != channels or channels % groups:
        raise NetworkError(
            f"{layer}: group {groups} does not fit {channels} input channels and a weight of shape {list(weight)}"
        )
    if integers(layer, "kernel_shape", tuple(kernel)) != tuple(kernel):
        raise NetworkError(f"{layer}: kernel_shape {layer.attributes['kernel_shape']!r} is not the weight's {kernel}")
    bias = has_input(layer, 2)
    found = network.shape(layer.inputs[2]) if bias else (groups * group_outputs,)
    if found != (groups * group_outputs,):
        raise NetworkError(
            f"{layer}: a bias of shape {list(found)} does not fit {groups * group_outputs} output channels"
        )
    strides = positive(layer, "strides", integers(layer, "strides", (1,) * rank), rank)
    dilations = positive(layer, "dilations", integers(layer, "dilations", (1,) * rank), rank)
    reach = tuple((i - 1) * s + (k - 1) * d + 1 for i, s, k, d in zip(inputs, strides, kernel, dilations, strict=True))
    begins, outputs = _outputs(layer, tuple(inputs), strides, reach)
    expected = network.shape(layer.outputs[0])
    if (batch, groups * group_outputs, *outputs) != expected:
        raise NetworkError(
            f"{layer}: the attributes give {list(outputs)} outputs, the model says {list(expected[2:])}; mend the model"
        )
    full = tuple(max(r, b + o) for r, b, o in zip(reach, begins, outputs, strict=True))
    return TransposedConv(
        batch=batch,
        groups=groups,
        group_inputs=channels // groups,
        group_outputs=group_outputs,
        bias=bias,
        kernel=tuple(kernel),
        strides=strides,
        dilations=dilations,
        inputs=tuple(inputs),
        outputs=outputs,
        begins=begins,
        full=full,
    )


def _outputs(
    layer: Layer, inputs: tuple[int, ...], strides: tuple[int, ...], reach: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Where the output begins in the sums, and its extents: by ``pads``, ``output_shape`` or ``auto_pad``."""
    rank = len(inputs)
    auto_pad = text(layer, "auto_pad", "NOTSET")
    if auto_pad not in {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"}:
        raise NetworkError(f"{layer}: auto_pad {auto_pad!r} is unknown; known: NOTSET, SAME_LOWER, SAME_UPPER, VALID")
    extra = integers(layer, "output_padding", (0,) * rank)
    if len(extra) != rank or min(extra) < 0:
        raise NetworkError(f"{layer}: output_padding {list(extra)} must be {rank} integers that are not negative")
    goal = integers(layer, "output_shape", ())[-rank:]
    if not goal and auto_pad.startswith("SAME"):
        goal = tuple(i * s for i, s in zip(inputs, strides, strict=True))
    if goal:
        if len(goal) != rank or min(goal) < 1:
            raise NetworkError(f"{layer}: output_shape {list(goal)} must be {rank} positive integers")
        totals = [max(r + e - g, 0) for r, e, g in zip(reach, extra, goal, strict=True)]
        upper = auto_pad == "SAME_UPPER"
        return tuple(total // 2 if upper else total - total // 2 for total in totals), goal
    pads = integers(layer, "pads", (0,) * (2 * rank)) if auto_pad == "NOTSET" else (0,) * (2 * rank)
    if len(pads) != 2 * rank:
        raise NetworkError(f"{layer}: pads {list(pads)} must be {2 * rank} integers, begins then ends")
    if min(pads) < 0:
        raise UnsupportedError(f"{layer}: negative pads {list(pads)} are not supported; pad the output instead")
    outputs = tuple(r + e - b - c for r, e, b, c in zip(reach, extra, pads[:rank], pads[rank:], strict=True))
    return pads[:rank], outputs
