"""The oracle's DFT and STFT: term by term from 0.0, the direct sum."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.network.elementary import Float32
from asnet.network.fourier import Fourier, frames, transform
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator

__all__ = ["OPERATORS"]


def _transformed(frame: Frame, fourier: Fourier, x: Float32) -> Float32:
    """``[terms or more, ..., parts]`` to ``[bins, ..., results]``.

    With the root ``c + s·i``: ``re = re + (xr·c - xi·s)``, ``im = im + (xr·s + xi·c)``, only the first products of a
    real x; of half a spectrum ``re = re + (xr·c - xi·s)·count``.
    """
    cosine, sine = (frame.flush(array) for array in fourier.table())
    counts = fourier.counts()
    k = np.arange(fourier.bins).reshape(-1, *(1,) * (x.ndim - 2))
    re = np.zeros((fourier.bins, *x.shape[1:-1]), np.float32)
    im = np.zeros_like(re)
    for t in range(fourier.terms):
        c, s = cosine[(k * t) % fourier.length], sine[(k * t) % fourier.length]
        first = x[t, ..., 0]
        real, imaginary = np.multiply(first, c), np.multiply(first, s)
        if x.shape[-1] == 2:
            real = np.subtract(real, np.multiply(x[t, ..., 1], s))
            imaginary = np.add(imaginary, np.multiply(x[t, ..., 1], c))
        re = np.add(re, np.multiply(real, counts[t]) if fourier.real else real)
        im = np.add(im, imaginary)
    result = re[..., None] if fourier.real else np.stack([re, im], axis=-1)
    return np.divide(result, np.float32(fourier.length)) if fourier.inverse else result


def _dft(frame: Frame, layer: Layer) -> Float32:
    found = transform(layer, frame.network)
    x = frame.operand(layer, 0).reshape(found.inputs)
    return np.moveaxis(_transformed(frame, found.fourier, np.moveaxis(x, 1, 0)), 0, 1)


def _stft(frame: Frame, layer: Layer) -> Float32:
    """Each frame times the window, then its transform."""
    found = frames(layer, frame.network)
    x, length = frame.operand(layer, 0).reshape(found.signal), found.fourier.length
    parts = np.stack([x[:, number * found.step :][:, :length] for number in range(found.count)], axis=1)
    if found.windowed:
        parts = np.multiply(parts, frame.operand(layer, 2)[:, None])
    return np.moveaxis(_transformed(frame, found.fourier, np.moveaxis(parts, 2, 0)), 0, 2)


OPERATORS: Mapping[str, Operator] = {"DFT": _dft, "STFT": _stft}
