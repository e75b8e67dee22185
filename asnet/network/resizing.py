"""What Resize and Upsample mean: one table of taps per axis that changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.attributes import integer, integers, real, text
from asnet.network.model import Layer, Network
from asnet.network.semantics import constant_input, has_input, normalize_axis
from asnet.types import AnyArray

__all__ = ["Resize", "Taps", "resize"]

_Float64: TypeAlias = NDArray[np.float64]

_Coordinates = Callable[[_Float64, "_Axis"], _Float64]


@dataclass(frozen=True)
class Taps:
    """Resizing one axis: element ``o`` is ``Σ_t weights[o, t] · x[positions[o, t]]``.

    The sum starts with the first product, t ascending; one tap without ``weights`` is a copy. Where ``outside[o]``, the
    element is the extrapolation value.
    """

    axis: int
    positions: NDArray[np.int64]
    weights: NDArray[np.float32] | None
    outside: NDArray[np.bool_] | None


@dataclass(frozen=True)
class Resize:
    """A Resize: the axes one after the other; ``value`` is for what lies outside."""

    axes: tuple[Taps, ...]
    value: np.float32


@dataclass(frozen=True)
class _Axis:
    """An axis: elements before and after, output per input element, the part of the input (``tf_crop_and_resize``)."""

    before: int
    after: int
    scale: float
    start: float
    end: float

    @property
    def width(self) -> float:
        """The exact extent of the output."""
        return self.scale * self.before


def _align_corners(o: _Float64, axis: _Axis) -> _Float64:
    return o * 0 if axis.width == 1 else o * (axis.before - 1) / (axis.width - 1)


def _half_pixel(o: _Float64, axis: _Axis) -> _Float64:
    return (o + 0.5) / axis.scale - 0.5


def _pytorch_half_pixel(o: _Float64, axis: _Axis) -> _Float64:
    return o * 0 - 0.5 if axis.width == 1 else _half_pixel(o, axis)


def _half_pixel_symmetric(o: _Float64, axis: _Axis) -> _Float64:
    return axis.before / 2 * (1 - axis.after / axis.width) + _half_pixel(o, axis)


def _crop(o: _Float64, axis: _Axis) -> _Float64:
    last, part = axis.before - 1, axis.end - axis.start
    return axis.start * last + (o * 0 + part * last / 2 if axis.width == 1 else o * part * last / (axis.width - 1))


_COORDINATES: Mapping[str, _Coordinates] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "pytorch_half_pixel": _pytorch_half_pixel,
    "align_corners": _align_corners,
    "asymmetric": lambda o, axis: o / axis.scale,
    "tf_crop_and_resize": _crop,
}
"""coordinate_transformation_mode → the input's coordinate of an output index (ONNX operator Resize)."""

_NEAREST: Mapping[str, Callable[[_Float64], _Float64]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def resize(layer: Layer, network: Network) -> Resize:
    """Taps of a Resize or Upsample.

    Raises:
        NetworkError: scales or sizes do not fit the tensor.
        UnsupportedError: an unknown mode, or scales, sizes or the region computed by the network.
    """
    shape, goal = network.shape(layer.inputs[0]), network.shape(layer.outputs[0])
    legacy = layer.op_type == "Upsample" or network.opset < 11
    chosen = integers(layer, "axes", tuple(range(len(shape))))
    axes = tuple(normalize_axis(layer, axis, len(shape)) for axis in chosen)
    scales = _scales(layer, network, axes)
    transformation = "asymmetric" if legacy else text(layer, "coordinate_transformation_mode", "half_pixel")
    if transformation not in _COORDINATES:
        raise UnsupportedError(
            f"{layer}: coordinate_transformation_mode {transformation!r} is not supported; supported: "
            + ", ".join(_COORDINATES)
        )
    crops = transformation == "tf_crop_and_resize"
    if crops and not has_input(layer, 1):
        raise NetworkError(f"{layer}: tf_crop_and_resize has no roi; give the input")
    region = constant_input(layer, network, 1, "roi").ravel().tolist() if crops else [0.0, 1.0]
    if crops and len(region) != 2 * len(axes):
        raise NetworkError(f"{layer}: roi of {len(region)} numbers must have {2 * len(axes)}, starts then ends")
    taps: list[Taps] = []
    for number, axis in enumerate(axes):
        start, end = (region[number], region[number + len(axes)]) if crops else region
        one = _Axis(shape[axis], goal[axis], scales[number], float(start), float(end))
        if one.before == one.after and one.scale == 1 and (one.start, one.end) == (0, 1):
            continue
        if one.before == 0:
            raise NetworkError(f"{layer}: axis {axis} has no elements to resize")
        places = _COORDINATES[transformation](np.arange(one.after, dtype=np.float64), one)
        outside = (places < 0) | (places > one.before - 1) if crops else None
        taps.append(_taps(layer, network, axis, one, places, outside, legacy))
    return Resize(tuple(taps), np.float32(real(layer, "extrapolation_value", 0.0)))


def _scales(layer: Layer, network: Network, axes: tuple[int, ...]) -> list[float]:
    shape, goal = network.shape(layer.inputs[0]), network.shape(layer.outputs[0])
    position = 2 if layer.op_type == "Resize" and network.opset >= 11 else 1
    if has_input(layer, position) and network.tensors[layer.inputs[position]].size:
        scales = [float(scale) for scale in constant_input(layer, network, position, "scales").ravel()]
    elif "scales" in layer.attributes:
        found = layer.attributes["scales"]
        scales = [float(scale) for scale in found] if isinstance(found, tuple) else []
    elif not has_input(layer, 3):
        raise NetworkError(f"{layer}: has neither scales nor sizes; give one of them")
    else:
        sizes = constant_input(layer, network, 3, "sizes").ravel().tolist()
        if len(sizes) != len(axes):
            raise NetworkError(f"{layer}: sizes {sizes} must be {len(axes)} extents")
        scales = [size / max(shape[axis], 1) for size, axis in zip(sizes, axes, strict=True)]
        policy = text(layer, "keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            scales = [min(scales) if policy == "not_larger" else max(scales)] * len(scales)
    if len(scales) != len(axes) or min(scales, default=1) <= 0:
        raise NetworkError(f"{layer}: scales {scales} must be {len(axes)} positive numbers")
    for scale, axis in zip(scales, axes, strict=True):
        if abs(goal[axis] - scale * shape[axis]) > 1:
            raise NetworkError(f"{layer}: scale {scale:g} of axis {axis} does not make {shape[axis]} {goal[axis]}")
    return scales


def _taps(
    layer: Layer,
    network: Network,
    axis: int,
    one: _Axis,
    places: _Float64,
    outside: NDArray[np.bool_] | None,
    legacy: bool,
) -> Taps:
    mode = text(layer, "mode", "nearest")
    if mode == "nearest":
        rounding = "floor" if legacy else text(layer, "nearest_mode", "round_prefer_floor")
        if rounding not in _NEAREST:
            raise UnsupportedError(
                f"{layer}: nearest_mode {rounding!r} is not supported; supported: {', '.join(_NEAREST)}"
            )
        nearest = np.clip(_NEAREST[rounding](places), 0, one.before - 1).astype(np.int64)
        return Taps(axis, nearest[:, None], None, outside)
    if mode not in {"linear", "bilinear", "trilinear", "cubic"}:
        raise UnsupportedError(f"{layer}: mode {mode!r} is not supported; supported: nearest, linear, cubic")
    if network.tensors[layer.inputs[0]].dtype != "float32":
        raise UnsupportedError(f"{layer}: mode {mode!r} is supported for float32 only; cast before")
    reach = 2 if mode == "cubic" else 1
    shrink = min(one.scale, 1.0) if integer(layer, "antialias", 0) else 1.0
    begin = int(np.floor(-reach / shrink)) + 1
    left = np.floor(places)
    offsets = np.arange(begin, 2 - begin)
    distances = np.abs(offsets[None, :] - (places - left)[:, None]) * shrink
    slope = float(np.float32(real(layer, "cubic_coeff_a", -0.75)))
    weights = _cubic(distances, slope) if mode == "cubic" else np.clip(1 - distances, 0, 1)
    positions = (left[:, None] + offsets).astype(np.int64)
    if integer(layer, "exclude_outside", 0):
        weights = np.where((positions < 0) | (positions >= one.before), 0, weights)
    total = weights.sum(axis=1, keepdims=True)
    weights = np.divide(weights, np.where(total == 0, 1, total))
    return Taps(axis, np.clip(positions, 0, one.before - 1), weights.astype(np.float32), outside)


def _cubic(distance: _Float64, a: float) -> AnyArray:
    """Keys' kernel with parameter ``a`` (R. Keys, 1981)."""
    x = distance
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))
