"""Reading an array between its elements, as steps: one definition for the oracle and the lowering.

Positions are float32 in elements of an axis. Whatever they are, NaN and infinities too, the elements read lie inside
the axis: a NaN lies before the first element.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Generic

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.attributes import integer, text
from asnet.network.functions import Steps
from asnet.network.functions.steps import V
from asnet.network.model import Layer, Network

__all__ = ["Axis", "GridSample", "Tap", "axis_taps", "floor_of", "from_normalized", "grid_sample", "interpolate"]

_FAR = 2.0**24
"""Positions beyond lie here, farther than any element; up to here every whole number is a float32."""

_SLOPE = -0.75
"""Parameter of the cubic kernel (R. Keys, 1981)."""


@dataclass(frozen=True)
class Axis:
    """An axis of ``extent`` elements: how it is read (``mode`` nearest, linear or cubic), what lies around it
    (``padding`` zeros, border or reflection), and whether its ends are the centres of its last elements (``aligned``)
    or their edges.
    """

    extent: int
    mode: str
    padding: str
    aligned: bool

    @property
    def ends(self) -> tuple[float, float]:
        """Positions of the two ends."""
        return (0.0, self.extent - 1.0) if self.aligned else (-0.5, self.extent - 0.5)


@dataclass(frozen=True)
class Tap(Generic[V]):
    """An element that is read: its ``index`` inside the axis (32 bits), its ``weight`` (None: 1), and whether it is an
    element at all (None: always) or zero.
    """

    index: V
    weight: V | None = None
    inside: V | None = None


def floor_of(s: Steps[V], x: V) -> tuple[V, V]:
    """The greatest whole number not greater than ``x`` as a 32-bit integer, and what remains of ``x``."""
    x = s.choose(s.compare(">", x, s.number(-_FAR)), x, s.number(-_FAR))
    x = s.choose(s.compare("<", x, s.number(_FAR)), x, s.number(_FAR))
    whole = s.to_integer(x)
    above = s.compare("<", x, s.to_number(whole))
    whole = s.choose(above, s.integer("sub", whole, s.word(1)), whole)
    return whole, s.sub(x, s.to_number(whole))


def _nearest(s: Steps[V], x: V) -> V:
    """The nearest whole number as a float, of two the even one."""
    whole, rest = floor_of(s, x)
    up = s.choose(s.compare(">", rest, s.number(0.5)), s.word(1), s.word(0))
    up = s.choose(s.compare("==", rest, s.number(0.5)), s.integer("and", whole, s.word(1)), up)
    return s.to_number(s.integer("add", whole, up))


def from_normalized(s: Steps[V], x: V, axis: Axis) -> V:
    """The position of ``x``, which is -1 at one end of the axis and 1 at the other."""
    x = s.add(x, s.number(1.0))
    if axis.aligned:
        return s.mul(x, s.number((axis.extent - 1) / 2))
    return s.mul(s.sub(s.mul(x, s.number(axis.extent)), s.number(1.0)), s.number(0.5))


def _clamped(s: Steps[V], x: V, axis: Axis) -> V:
    low, high = axis.ends
    x = s.choose(s.compare("<", x, s.number(low)), s.number(0.0), x)
    return s.choose(s.compare(">", x, s.number(high)), s.number(axis.extent - 1), x)


def _reflected(s: Steps[V], x: V, axis: Axis) -> V:
    """``x`` thrown back by the ends until it is between them."""
    low, high = (s.number(end) for end in axis.ends)
    width = axis.ends[1] - axis.ends[0]
    if width == 0:
        return low
    below, above = s.compare("<", x, low), s.compare(">", x, high)
    beyond = s.choose(below, s.sub(low, x), s.sub(x, high))
    times, _ = floor_of(s, s.div(beyond, s.number(width)))
    rest = s.sub(beyond, s.mul(s.to_number(times), s.number(width)))
    even = s.compare_integer("==", s.integer("and", times, s.word(1)), s.word(0))
    up, down = s.add(low, rest), s.sub(high, rest)
    x = s.choose(below, s.choose(even, up, down), x)
    return s.choose(above, s.choose(even, down, up), x)


def _bounded(s: Steps[V], index: V, extent: int) -> V:
    index = s.choose(s.compare_integer("<", index, s.word(0)), s.word(0), index)
    return s.choose(s.compare_integer(">", index, s.word(extent - 1)), s.word(extent - 1), index)


def _thrown_back(s: Steps[V], index: V, axis: Axis) -> V:
    """``index``, at most two elements outside, reflected by the ends."""
    edge = 0 if axis.aligned else 1
    for side in ("<", ">", "<"):
        end, sum_ = (0, -edge) if side == "<" else (axis.extent - 1, 2 * (axis.extent - 1) + edge)
        outside = s.compare_integer(side, index, s.word(end))
        index = s.choose(outside, s.integer("sub", s.word(sum_), index), index)
    return index


def _weights(s: Steps[V], mode: str, t: V) -> list[tuple[int, V | None]]:
    """Offsets from the element before a position and their weights, ``t`` the distance from there."""
    if mode == "nearest":
        return [(0, None)]
    rest = s.sub(s.number(1.0), t)
    if mode == "linear":
        return [(0, rest), (1, t)]
    a = _SLOPE

    def near(x: V) -> V:
        inner = s.sub(s.mul(s.number(a + 2), x), s.number(a + 3))
        return s.add(s.mul(s.mul(inner, x), x), s.number(1.0))

    def far(x: V) -> V:
        inner = s.mul(s.sub(s.mul(s.number(a), x), s.number(5 * a)), x)
        return s.sub(s.mul(s.add(inner, s.number(8 * a)), x), s.number(4 * a))

    one = s.number(1.0)
    return [(-1, far(s.add(t, one))), (0, near(t)), (1, near(rest)), (2, far(s.add(rest, one)))]


def axis_taps(s: Steps[V], position: V, axis: Axis) -> list[Tap[V]]:
    """The elements whose weighted sum is the value at ``position``, ascending."""
    if axis.mode == "nearest":
        position = _nearest(s, position)
    if axis.padding == "border":
        position = _clamped(s, position, axis)
    elif axis.padding == "reflection":
        position = _reflected(s, position, axis)
    first, t = floor_of(s, position)
    taps: list[Tap[V]] = []
    for offset, weight in _weights(s, axis.mode, t):
        index = s.integer("add", first, s.word(offset)) if offset else first
        if axis.padding == "reflection":
            index = _thrown_back(s, index, axis)
        inside = None
        if axis.padding == "zeros":
            inside = s.both(
                s.compare_integer(">=", index, s.word(0)), s.compare_integer("<", index, s.word(axis.extent))
            )
        taps.append(Tap(_bounded(s, index, axis.extent), weight, inside))
    return taps


def interpolate(s: Steps[V], taps: Sequence[Sequence[Tap[V]]], load: Callable[[Sequence[V]], V], zero: V) -> V:
    """The weighted sum of the elements that ``taps`` (per axis) meet; the last axis is summed first.

    A sum starts with its first product.
    """

    def along(chosen: Sequence[Tap[V]]) -> V:
        if len(chosen) == len(taps):
            value = load([tap.index for tap in chosen])
            conditions = [tap.inside for tap in chosen if tap.inside is not None]
            return s.choose(reduce(s.both, conditions), value, zero) if conditions else value
        parts: list[V] = []
        for tap in taps[len(chosen)]:
            part = along([*chosen, tap])
            parts.append(part if tap.weight is None else s.mul(part, tap.weight))
        return reduce(s.add, parts)

    return along([])


@dataclass(frozen=True)
class GridSample:
    """A GridSample of ``[batch, channels, *extents]`` at ``[batch, *points, rank]``: ``axes`` in their order;
    coordinate ``k`` of a point is that of axis ``rank - 1 - k``.
    """

    axes: tuple[Axis, ...]
    points: tuple[int, ...]

    @property
    def nearest(self) -> bool:
        """Whether elements are copied, whatever their type."""
        return self.axes[0].mode == "nearest"

    def taps(self, s: Steps[V], coordinates: Sequence[V]) -> list[list[Tap[V]]]:
        """Per axis what the point at these normalised ``coordinates`` reads."""
        return [
            axis_taps(s, from_normalized(s, x, axis), axis)
            for x, axis in zip(reversed(coordinates), self.axes, strict=True)
        ]


_MODES = {"bilinear": "linear", "bicubic": "cubic"}
"""Names of before opset 20."""


def grid_sample(layer: Layer, network: Network) -> GridSample:
    """Shapes and modes of a GridSample.

    Raises:
        NetworkError: the grid does not fit the tensor.
        UnsupportedError: an unknown mode or padding.
    """
    shape, grid = network.shape(layer.inputs[0]), network.shape(layer.inputs[1])
    rank = len(shape) - 2
    if rank < 1 or len(grid) != len(shape) or grid[0] != shape[0] or grid[-1] != rank or 0 in shape[2:]:
        raise NetworkError(f"{layer}: a grid of shape {list(grid)} does not fit a tensor of shape {list(shape)}")
    mode = text(layer, "mode", "linear")
    mode = _MODES.get(mode, mode)
    padding = text(layer, "padding_mode", "zeros")
    for name, found, known in (
        ("mode", mode, ("nearest", "linear", "cubic")),
        ("padding_mode", padding, ("zeros", "border", "reflection")),
    ):
        if found not in known:
            raise UnsupportedError(f"{layer}: {name} {found!r} is not supported; supported: {', '.join(known)}")
    if mode != "nearest" and network.tensors[layer.inputs[0]].dtype != "float32":
        raise UnsupportedError(f"{layer}: mode {mode!r} is supported for float32 only; cast before")
    aligned = integer(layer, "align_corners", 0) != 0
    return GridSample(tuple(Axis(extent, mode, padding, aligned) for extent in shape[2:]), grid[1:-1])
