"""What DFT and STFT compute: sums over a table of the roots of unity."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from asnet.errors import NetworkError
from asnet.network.attributes import integer
from asnet.network.elementary import Float32
from asnet.network.model import Layer, Network
from asnet.network.semantics import check_output, constant_input, has_input, normalize_axis, scalar

__all__ = ["Fourier", "Frames", "Transform", "frames", "transform"]


@dataclass(frozen=True)
class Fourier:
    """``y[k] = Σ_t x[t]·e^(∓2πi·k·t/length)`` for ``bins`` values of k over ``terms`` elements, plus in the exponent
    and divided by ``length`` if ``inverse``.

    ``real``: the terms are one half of a spectrum whose other half is its mirror image; the result is real.
    """

    length: int
    terms: int
    bins: int
    inverse: bool = False
    real: bool = False

    def table(self) -> tuple[Float32, Float32]:
        """Real and imaginary parts of the ``length`` roots, from 1 on."""
        number = np.arange(self.length)
        angle = number * (2 * np.pi / self.length)
        cosine = np.where((4 * number) % (2 * self.length) == self.length, 0.0, np.cos(angle))
        sine = np.where((2 * number) % self.length == 0, 0.0, np.sin(angle))
        return cosine.astype(np.float32), (sine if self.inverse else 0.0 - sine).astype(np.float32)

    def counts(self) -> Float32:
        """How often each term of half a spectrum is in the whole one."""
        number = np.arange(self.terms)
        return np.where((number == 0) | (2 * number == self.length), 1, 2).astype(np.float32)


def _fourier(layer: Layer, length: int, given: int, *, inverse: bool, onesided: bool) -> Fourier:
    if length < 1:
        raise NetworkError(f"{layer}: a transform of length {length} has no result; give at least 1")
    half = length // 2 + 1
    if inverse and onesided:
        return Fourier(length, min(given, half), length, inverse=True, real=True)
    return Fourier(length, min(given, length), half if onesided else length, inverse)


def _scalar(layer: Layer, network: Network, position: int, role: str) -> int:
    return int(scalar(layer, constant_input(layer, network, position, role), role))


@dataclass(frozen=True)
class Transform:
    """A DFT along the middle axis of ``[outer, elements, inner, parts]``, giving ``[outer, bins, inner, results]``."""

    fourier: Fourier
    outer: int
    elements: int
    inner: int
    parts: int

    @property
    def inputs(self) -> tuple[int, ...]:
        """Shape of the input, seen so."""
        return self.outer, self.elements, self.inner, self.parts

    @property
    def outputs(self) -> tuple[int, ...]:
        """Shape of the output, seen so."""
        return self.outer, self.fourier.bins, self.inner, 1 if self.fourier.real else 2


def transform(layer: Layer, network: Network) -> Transform:
    """What a DFT transforms: the axis is an attribute before opset 20, an input since.

    Raises:
        NetworkError: shapes, length and axis do not fit each other.
        UnsupportedError: length or axis are computed by the network.
    """
    shape = network.shape(layer.inputs[0])
    _check_parts(layer, shape)
    axis = integer(layer, "axis", 1) if network.opset < 20 else -2
    if has_input(layer, 2):
        axis = _scalar(layer, network, 2, "axis")
    axis = normalize_axis(layer, axis, len(shape))
    if axis == len(shape) - 1:
        raise NetworkError(f"{layer}: axis {axis} holds the real and imaginary parts; choose another")
    inverse, onesided = integer(layer, "inverse", 0) != 0, integer(layer, "onesided", 0) != 0
    length = 2 * (shape[axis] - 1) if inverse and onesided else shape[axis]
    if has_input(layer, 1):
        length = _scalar(layer, network, 1, "dft_length")
    fourier = _fourier(layer, length, shape[axis], inverse=inverse, onesided=onesided)
    found = Transform(fourier, math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 : -1]), shape[-1])
    check_output(layer, network, (*shape[:axis], fourier.bins, *shape[axis + 1 : -1], found.outputs[-1]))
    return found


def _check_parts(layer: Layer, shape: tuple[int, ...]) -> None:
    if len(shape) < 2 or shape[-1] not in {1, 2}:
        raise NetworkError(
            f"{layer}: the last axis of the shape {list(shape)} must be 1 (real) or 2 (real and imaginary part)"
        )


@dataclass(frozen=True)
class Frames:
    """An STFT: ``count`` frames, each ``step`` elements after the one before, of ``signal`` ``[batch, elements,
    parts]`` (with one part also ``[batch, elements]``).
    """

    fourier: Fourier
    signal: tuple[int, ...]
    count: int
    step: int
    windowed: bool


def frames(layer: Layer, network: Network) -> Frames:
    """Frames and window of an STFT.

    Raises:
        NetworkError: signal, window and frames do not fit each other.
        UnsupportedError: step or length are computed by the network.
    """
    shape = network.shape(layer.inputs[0])
    if len(shape) == 2:  # as PyTorch exports it
        shape = (*shape, 1)
    _check_parts(layer, shape)
    step, windowed = _scalar(layer, network, 1, "frame_step"), has_input(layer, 2)
    elements = shape[1]
    window = network.shape(layer.inputs[2]) if windowed else ()
    length = window[0] if len(window) == 1 else elements
    if has_input(layer, 3):
        length = _scalar(layer, network, 3, "frame_length")
    if len(shape) != 3 or step < 1 or not 1 <= length <= elements or (windowed and window != (length,)):
        raise NetworkError(
            f"{layer}: frames of {length} elements every {step} and a window of shape {list(window)} do not fit a "
            f"signal of shape {list(shape)}"
        )
    fourier = _fourier(layer, length, length, inverse=False, onesided=integer(layer, "onesided", 1) != 0)
    count = (elements - length) // step + 1
    check_output(layer, network, (shape[0], count, fourier.bins, 2))
    return Frames(fourier, shape, count, step, windowed)
