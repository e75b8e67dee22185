"""Counting correct answers and fingerprinting outputs, chunk by chunk in the order of the images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asnet.testbed.judging import GREATEST, Judge
from asnet.types import Array

__all__ = ["Tally", "canonical_bits"]


class Tally:
    """``correct`` answers so far as ``judge`` sees them, and the digest of ``outputs`` outputs of the network."""

    def __init__(self, outputs: int, judge: Judge = GREATEST) -> None:
        self.correct = 0
        self._judge = judge
        self._digests = [hashlib.sha256() for _ in range(outputs)]

    def add(self, values: Sequence[Array], classes: NDArray[np.int64]) -> None:
        """Count the images whose first output answers their class; ``values`` holds ``(runs, …)`` for each output."""
        self.count(self._judge.correct(values[0], classes), [canonical_bits(array) for array in values])

    def count(self, correct: int, bits: Sequence[Array]) -> None:
        """Count images that were judged: ``bits`` holds the canonical bits of each output."""
        self.correct += correct
        for total, array in zip(self._digests, bits, strict=True):
            total.update(array.data)

    @property
    def digest(self) -> str:
        """SHA-256 of all outputs, whatever the chunks were."""
        return hashlib.sha256(b"".join(total.digest() for total in self._digests)).hexdigest()


def canonical_bits(values: Array) -> Array:
    """The raw bits of ``values``; every NaN is the canonical quiet one."""
    if values.dtype != np.float32:
        return np.ascontiguousarray(values)
    bits = np.array(values, order="C").view(np.uint32)
    bits[values != values] = 0x7FC00000
    return bits
