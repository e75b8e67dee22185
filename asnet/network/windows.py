"""Geometry of sliding windows (convolution and pooling): resolved padding, output extents, counts of elements.

The oracle and the lowering both take their windows from here, so that they cannot disagree. All tuples have one entry
per spatial axis (any number of them). Formulas: ONNX operator documentation of Conv, MaxPool and AveragePool.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.attributes import integer, integers, text
from asnet.network.model import Layer, Network
from asnet.network.semantics import has_input

__all__ = [
    "ConvGeometry",
    "PoolGeometry",
    "Window",
    "check_spatial",
    "conv_geometry",
    "pool_geometry",
    "pool_window",
    "positive",
]


@dataclass(frozen=True)
class Window:
    """A window sliding over ``inputs`` with everything resolved: output ``o`` at tap ``t`` of one axis reads the padded
    position ``o*stride + t*dilation``, which is the input position minus ``pads_begin``.

    ``pads_begin`` and ``pads_end`` are the declared padding (``auto_pad`` resolved); the last windows under
    ``ceil_mode`` may reach beyond it, see :attr:`padded`.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads_begin: tuple[int, ...]
    pads_end: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def span(self) -> tuple[int, ...]:
        """Extent from the first to the last tap, dilation included."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    @property
    def padded(self) -> tuple[int, ...]:
        """Extents of the padded input that holds every window; the input lies in it at ``pads_begin``.

        End padding that no window reads is left out, end padding that only ``ceil_mode`` reads is included.
        """
        reach = ((o - 1) * s + span for o, s, span in zip(self.outputs, self.strides, self.span, strict=True))
        return tuple(max(r, b + i) for r, b, i in zip(reach, self.pads_begin, self.inputs, strict=True))

    @property
    def needs_padding(self) -> bool:
        """Whether any window reads outside the input."""
        return self.padded != self.inputs

    @property
    def taps(self) -> int:
        """Number of elements of the window."""
        return math.prod(self.kernel)

    def positions(self) -> Iterator[tuple[int, ...]]:
        """The taps in order: the last axis runs fastest."""
        return itertools.product(*(range(extent) for extent in self.kernel))

    def slices(self, tap: tuple[int, ...]) -> tuple[slice, ...]:
        """Which part of the padded input ``tap`` reads, one element per output position."""
        starts = (t * d for t, d in zip(tap, self.dilations, strict=True))
        return tuple(
            slice(start, start + (out - 1) * stride + 1, stride)
            for start, out, stride in zip(starts, self.outputs, self.strides, strict=True)
        )

    def counts(self, include_pad: bool) -> NDArray[np.int64]:
        """Taps of each output position (shape ``outputs``) in the input, or in the input and its declared padding."""
        total = np.ones((), np.int64)
        for axis, extent in enumerate(self.inputs):
            low = 0 if include_pad else self.pads_begin[axis]
            high = self.pads_begin[axis] + extent + (self.pads_end[axis] if include_pad else 0)
            starts = np.arange(self.outputs[axis])[:, None] * self.strides[axis]
            reads = starts + np.arange(self.kernel[axis])[None, :] * self.dilations[axis]
            inside = np.count_nonzero((reads >= low) & (reads < high), axis=1)
            total = total[..., None] * inside
        return total


@dataclass(frozen=True)
class ConvGeometry:
    """A convolution of ``[batch, in_channels, *inputs]`` with ``[out_channels, in_channels/groups, *kernel]``."""

    batch: int
    groups: int
    in_channels: int
    out_channels: int
    bias: bool
    window: Window

    @property
    def group_inputs(self) -> int:
        """Input channels that one output channel reads."""
        return self.in_channels // self.groups

    @property
    def terms(self) -> int:
        """Products that one output is the sum of."""
        return self.group_inputs * self.window.taps

    @property
    def group_outputs(self) -> int:
        """Output channels of one group."""
        return self.out_channels // self.groups


@dataclass(frozen=True)
class PoolGeometry:
    """A pooling over ``[batch, channels, *inputs]``; ``include_pad``: padding counts in the mean (AveragePool)."""

    batch: int
    channels: int
    window: Window
    include_pad: bool

    def divisors(self) -> NDArray[np.float32]:
        """The mean's divisor of each output position, shape ``window.outputs``."""
        return self.window.counts(self.include_pad).astype(np.float32)

    @property
    def divisor(self) -> np.float32 | None:
        """The divisor if it is the same everywhere, else None."""
        divisors = self.divisors().ravel()
        return np.float32(divisors[0]) if np.all(divisors == divisors[0]) else None


def positive(layer: Layer, name: str, values: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """``values`` of attribute ``name``, which must be ``rank`` positive integers."""
    if len(values) != rank or min(values, default=1) < 1:
        raise NetworkError(f"{layer}: {name} {list(values)} must be {rank} positive integers, one per spatial axis")
    return values


def _pads(
    layer: Layer, inputs: tuple[int, ...], strides: tuple[int, ...], span: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Padding before and after each axis: ``pads``, or what ``auto_pad`` stands for."""
    rank = len(inputs)
    auto_pad = text(layer, "auto_pad", "NOTSET")
    if auto_pad == "NOTSET":
        pads = integers(layer, "pads", (0,) * (2 * rank))
        if len(pads) != 2 * rank:
            raise NetworkError(f"{layer}: pads {list(pads)} must be {2 * rank} integers, begins then ends")
        if min(pads, default=0) < 0:
            raise UnsupportedError(f"{layer}: negative pads {list(pads)} are not supported; slice the input instead")
        return pads[:rank], pads[rank:]
    if auto_pad == "VALID":
        return (0,) * rank, (0,) * rank
    if auto_pad not in {"SAME_UPPER", "SAME_LOWER"}:
        raise NetworkError(f"{layer}: auto_pad {auto_pad!r} is unknown; known: NOTSET, SAME_LOWER, SAME_UPPER, VALID")
    totals = [max((-(-i // s) - 1) * s + w - i, 0) for i, s, w in zip(inputs, strides, span, strict=True)]
    smaller = tuple(total // 2 for total in totals)
    larger = tuple(total - total // 2 for total in totals)
    return (smaller, larger) if auto_pad == "SAME_UPPER" else (larger, smaller)


def _window(layer: Layer, shape: tuple[int, ...], kernel: tuple[int, ...], *, ceil_mode: bool = False) -> Window:
    inputs = shape[2:]
    rank = len(inputs)
    kernel = positive(layer, "kernel_shape", kernel, rank)
    strides = positive(layer, "strides", integers(layer, "strides", (1,) * rank), rank)
    dilations = positive(layer, "dilations", integers(layer, "dilations", (1,) * rank), rank)
    span = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    begins, ends = _pads(layer, inputs, strides, span)
    outputs: list[int] = []
    for i, s, w, b, e in zip(inputs, strides, span, begins, ends, strict=True):
        room = i + b + e - w
        if room < 0:
            raise NetworkError(f"{layer}: a window of {w} does not fit an input of {i} padded by {b} and {e}")
        out = (-(-room // s) if ceil_mode else room // s) + 1
        if ceil_mode and (out - 1) * s >= i + b:  # the last window would start in the end padding
            out -= 1
        outputs.append(out)
    return Window(kernel, strides, dilations, begins, ends, inputs, tuple(outputs))


def _check_outputs(layer: Layer, network: Network, window: Window) -> None:
    expected = network.shape(next(name for name in layer.outputs if name))[2:]
    if window.outputs != expected:
        raise NetworkError(
            f"{layer}: the windows give {list(window.outputs)} outputs, the model says {list(expected)}; mend the model"
        )


def check_spatial(layer: Layer, shape: tuple[int, ...]) -> None:
    """Refuse an input without spatial axes."""
    if len(shape) < 3:
        raise NetworkError(f"{layer}: an input of shape {list(shape)} must be batch, channels and spatial axes")


def conv_geometry(layer: Layer, network: Network, bias_input: int = 2) -> ConvGeometry:
    """Geometry of a Conv, or of another convolution whose bias is input number ``bias_input``.

    Raises:
        NetworkError: shapes or attributes contradict each other.
        UnsupportedError: negative padding.
    """
    shape = network.shape(layer.inputs[0])
    check_spatial(layer, shape)
    batch, channels, *_ = shape
    weight = network.shape(layer.inputs[1])
    if len(weight) != len(shape):
        raise NetworkError(f"{layer}: a weight of shape {list(weight)} does not fit the input's number of axes")
    out_channels, group_inputs, *kernel = weight
    groups = integer(layer, "group", 1)
    if groups < 1 or group_inputs * groups != channels or out_channels % groups:
        raise NetworkError(
            f"{layer}: group {groups} does not fit {channels} input channels and a weight of shape {list(weight)}"
        )
    if integers(layer, "kernel_shape", tuple(kernel)) != tuple(kernel):
        raise NetworkError(f"{layer}: kernel_shape {layer.attributes['kernel_shape']!r} is not the weight's {kernel}")
    bias = has_input(layer, bias_input)
    found = network.shape(layer.inputs[bias_input]) if bias else (out_channels,)
    if found != (out_channels,):
        raise NetworkError(f"{layer}: a bias of shape {list(found)} does not fit {out_channels} output channels")
    window = _window(layer, shape, tuple(kernel))
    _check_outputs(layer, network, window)
    return ConvGeometry(batch, groups, channels, out_channels, bias, window)


def pool_window(layer: Layer, shape: tuple[int, ...]) -> Window:
    """The window of a pooling over an input of ``shape``; raises as :func:`pool_geometry`.

    ``auto_pad`` says where the windows are, ``ceil_mode`` has no say then.
    """
    check_spatial(layer, shape)
    if layer.op_type.startswith("Global"):
        return _window(layer, shape, shape[2:])
    ceil_mode = integer(layer, "ceil_mode", 0) != 0 and text(layer, "auto_pad", "NOTSET") == "NOTSET"
    return _window(layer, shape, integers(layer, "kernel_shape", ()), ceil_mode=ceil_mode)


def pool_geometry(layer: Layer, network: Network) -> PoolGeometry:
    """Geometry of a MaxPool, AveragePool, LpPool or of their Global forms (one window over the whole input).

    Raises:
        NetworkError: shapes or attributes contradict each other, or a window reads padding only.
        UnsupportedError: negative padding.
    """
    shape = network.shape(layer.inputs[0])
    window = pool_window(layer, shape)
    _check_outputs(layer, network, window)
    batch, channels, *_ = shape
    if layer.op_type.startswith("Global"):
        return PoolGeometry(batch, channels, window, include_pad=False)
    if not window.counts(include_pad=False).all():
        raise NetworkError(f"{layer}: pads {list(window.pads_begin + window.pads_end)} make windows of padding only")
    include_pad = integer(layer, "count_include_pad", 0) != 0
    return PoolGeometry(batch, channels, window, include_pad)
