"""float32 arrays as bits, all NaNs being one: which of them it is, neither processors nor units agree about."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asnet.types import Array

__all__ = ["bits_differ", "bits_of"]

_NAN = 0x7FC00000


def bits_of(values: Array) -> NDArray[np.uint32]:
    """A copy of the bits of float32 ``values``, every NaN being the canonical quiet one."""
    bits = np.array(values).view(np.uint32)
    bits[np.isnan(values)] = _NAN
    return bits


def bits_differ(a: Array, b: Array) -> NDArray[np.bool_]:
    """Where two float32 arrays of one shape (or integers of 32 bits) differ in a bit."""
    different = np.asarray(a.view(np.uint32) != b.view(np.uint32))
    if different.any():
        different &= ~(np.isnan(a) & np.isnan(b))
    return different
