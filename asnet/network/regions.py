"""What a RoiAlign computes: samples of regions of an image, as steps for the oracle and the lowering."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.attributes import integer, real, text
from asnet.network.functions import Steps
from asnet.network.functions.steps import V
from asnet.network.model import Layer, Network
from asnet.network.sampling import Tap, floor_of, interpolate
from asnet.network.semantics import check_output

__all__ = ["Around", "RoiAlign", "roi_align"]


@dataclass(frozen=True)
class Around(Generic[V]):
    """Elements of an axis around a position with their weights, and whether the position counts."""

    elements: tuple[tuple[V, V], tuple[V, V]]
    inside: V


@dataclass(frozen=True)
class RoiAlign:
    """Regions ``[regions, 4]`` (x and y of the start, then of the end) of images of ``extents``, each pooled to
    ``outputs`` cells of ``samples`` x ``samples`` samples, of which the mean or (``maximum``) the greatest counts.
    """

    extents: tuple[int, int]
    outputs: tuple[int, int]
    samples: int
    scale: float
    centred: bool
    maximum: bool

    def bins(self, s: Steps[V], region: tuple[V, V, V, V]) -> list[tuple[V, V]]:
        """Of y and x the start of the region and the extent of a cell."""
        left, top, right, bottom = (self._placed(s, coordinate) for coordinate in region)
        result: list[tuple[V, V]] = []
        for start, end, cells in ((top, bottom, self.outputs[0]), (left, right, self.outputs[1])):
            size = s.sub(end, start)
            if not self.centred:
                size = s.choose(s.compare(">", size, s.number(1.0)), size, s.number(1.0))
            result.append((start, s.div(size, s.number(cells))))
        return result

    def _placed(self, s: Steps[V], coordinate: V) -> V:
        scaled = s.mul(coordinate, s.number(self.scale))
        return s.sub(scaled, s.number(0.5)) if self.centred else scaled

    def position(self, s: Steps[V], start: V, size: V, cell: V, sample: V) -> V:
        """``start + cell·size + (sample + 0.5)·size / samples``; ``cell`` and ``sample`` are 32-bit integers."""
        corner = s.add(start, s.mul(s.to_number(cell), size))
        inner = s.mul(s.add(s.to_number(sample), s.number(0.5)), size)
        return s.add(corner, s.div(inner, s.number(self.samples)))

    def around(self, s: Steps[V], position: V, extent: int) -> Around[V]:
        """The two elements of an axis around ``position``: none beyond one element outside (and at a NaN)."""
        inside = s.both(s.compare(">=", position, s.number(-1.0)), s.compare("<=", position, s.number(extent)))
        x = s.choose(s.compare(">", position, s.number(0.0)), position, s.number(0.0))
        x = s.choose(s.compare("<", x, s.number(extent - 1)), x, s.number(extent - 1))
        low, rest = floor_of(s, x)
        last = s.word(extent - 1)
        low = s.choose(s.compare_integer("<", low, s.word(0)), s.word(0), low)
        low = s.choose(s.compare_integer(">", low, last), last, low)
        high = s.choose(s.compare_integer("<", low, last), s.integer("add", low, s.word(1)), last)
        return Around(((low, s.sub(s.number(1.0), rest)), (high, rest)), inside)

    @property
    def start(self) -> float:
        """What the mean's sum or the maximum starts from."""
        return -np.inf if self.maximum else 0.0

    def step(self, s: Steps[V], total: V, axes: Sequence[Around[V]], load: Callable[[Sequence[V]], V]) -> V:
        """``total`` and one more sample: its interpolated value is added; of its four weighted elements (not of their
        sum, as ONNX's reference and onnxruntime have it) each may be the maximum.
        """
        rows, columns = axes
        inside, zero = s.both(rows.inside, columns.inside), s.number(0.0)
        if not self.maximum:
            taps = [[Tap(index, weight) for index, weight in axis.elements] for axis in axes]
            return s.add(total, s.choose(inside, interpolate(s, taps, load, zero), zero))
        for y, y_weight in rows.elements:
            for x, x_weight in columns.elements:
                value = s.choose(inside, s.mul(load([y, x]), s.mul(y_weight, x_weight)), zero)
                total = s.choose(s.compare(">", value, total), value, total)
        return total


def roi_align(layer: Layer, network: Network) -> RoiAlign:
    """Shapes and modes of a RoiAlign.

    Raises:
        NetworkError: shapes or attributes contradict each other.
        UnsupportedError: an unknown mode, or a number of samples that depends on the regions.
    """
    shape, regions, images = (network.shape(name) for name in layer.inputs[:3])
    outputs = integer(layer, "output_height", 1), integer(layer, "output_width", 1)
    if len(shape) != 4 or 0 in shape or len(regions) != 2 or regions[1] != 4 or images != regions[:1]:
        raise NetworkError(
            f"{layer}: regions of shape {list(regions)} and their images of shape {list(images)} do not fit a tensor "
            f"of shape {list(shape)}"
        )
    if min(outputs) < 1:
        raise NetworkError(f"{layer}: outputs of {outputs[0]} x {outputs[1]} cells; give at least one of each")
    check_output(layer, network, (regions[0], shape[1], *outputs))
    samples = integer(layer, "sampling_ratio", 0)
    if samples < 1:
        raise UnsupportedError(
            f"{layer}: sampling_ratio {samples} takes a number of samples that depends on the regions, which is not "
            "supported; give it, e.g. 2"
        )
    mode = text(layer, "mode", "avg").lower()
    transformation = text(
        layer, "coordinate_transformation_mode", "half_pixel" if network.opset >= 16 else "output_half_pixel"
    )
    for name, found, known in (
        ("mode", mode, ("avg", "max")),
        ("coordinate_transformation_mode", transformation, ("half_pixel", "output_half_pixel")),
    ):
        if found not in known:
            raise UnsupportedError(f"{layer}: {name} {found!r} is not supported; supported: {', '.join(known)}")
    return RoiAlign(
        extents=(shape[2], shape[3]),
        outputs=outputs,
        samples=samples,
        scale=real(layer, "spatial_scale", 1.0),
        centred=transformation == "half_pixel",
        maximum=mode == "max",
    )
