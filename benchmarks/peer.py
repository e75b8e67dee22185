"""A table emulator in the manner of today's: 256 x 256 int32, im2col, gathers; compiled by the C++ compiler."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from enum import IntEnum
from functools import cache
from pathlib import Path

import numpy as np

from asnet.cache import default_cache, digest
from asnet.host import processor_name
from asnet.tools import cxx

__all__ = ["Way", "layer", "products"]

SOURCE = Path(__file__).with_name("peer.cpp")


class Way(IntEnum):
    """How products are looked up, as peer.cpp says."""

    LOOP = 0
    GATHERS = 1
    ROWS = 2

    @property
    def label(self) -> str:
        """In tables."""
        return ("table, loop", "table, gathers", "table rows, gathers")[self]


@cache
def _library() -> ctypes.CDLL:
    """The compiled emulator."""
    compiler = cxx.find()
    key = digest(["peer", SOURCE.read_text(encoding="utf-8"), compiler.version, processor_name()])

    def build(folder: Path) -> None:
        compiler.compile(["-O3", "-march=native", "-shared", "-fPIC", "-o", folder / "peer.so", SOURCE], folder)

    return ctypes.CDLL(str(default_cache().get("benchmarks", key, build) / "peer.so"))


def _lookup(table: np.ndarray, way: Way) -> np.ndarray:
    """``table[a, b]`` as ``way`` wants it."""
    return np.ascontiguousarray(table.T if way is Way.ROWS else table, np.int32)


def products(table: np.ndarray, v: np.ndarray, s: np.ndarray, *, way: Way) -> Callable[[], np.ndarray]:
    """Adds ``table[v, s]`` (by bit patterns) for operands v (depth, columns) and s (rows, depth); what it adds to."""
    lookup = _lookup(table, way)
    x = np.ascontiguousarray(v if way is Way.ROWS else v.T).astype(np.uint8)
    w, y = np.ascontiguousarray(s).astype(np.uint8), np.zeros((s.shape[0], v.shape[1]), np.int32)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (x, w, lookup, y)]
    sizes = [ctypes.c_long(size) for size in (s.shape[0], v.shape[1], v.shape[0], way)]

    def call() -> np.ndarray:
        _library().lut_products(*pointers, *sizes)
        return y

    call.keep = (x, w, lookup)  # type: ignore[attr-defined]
    return call


def layer(
    table: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    bias: np.ndarray,
    scale: float,
    pad: int,
    stride: int,
    *,
    way: Way,
) -> Callable[[], np.ndarray]:
    """A convolution of int8 image ``x`` (channels, height, width) with ``w`` (rows, channels, kernel, kernel)."""
    channels, height, width = x.shape
    rows, _, kernel, _ = w.shape
    high, wide = ((size + 2 * pad - kernel) // stride + 1 for size in (height, width))
    s = np.ascontiguousarray(w.reshape(rows, -1)).astype(np.uint8)
    x, out = np.ascontiguousarray(x, np.int8), np.zeros((rows, high, wide), np.int8)
    v, y = np.zeros((s.shape[1], high * wide), np.uint8), np.zeros((rows, high * wide), np.int32)
    arrays = [x, s, _lookup(table, way), np.ascontiguousarray(bias, np.int32)]
    numbers = [channels, height, width, rows, kernel, pad, stride, way]
    arguments = [
        *(ctypes.c_void_p(array.ctypes.data) for array in arrays),
        ctypes.c_float(scale),
        *(ctypes.c_void_p(array.ctypes.data) for array in (out, v, y)),
        *(ctypes.c_long(number) for number in numbers),
    ]

    def call() -> np.ndarray:
        _library().lut_layer(*arguments)
        return out

    call.keep = (*arrays, v, y)  # type: ignore[attr-defined]
    return call
