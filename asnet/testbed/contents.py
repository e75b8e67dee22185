"""Numbers for the contents of blobs: equal numbers mean equal bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Final

import numpy as np

from asnet.ir.staged import Blob

__all__ = ["Contents"]

_LARGE: Final = 4 << 20
"""Bytes from which on hashing all of a blob takes a noticeable part of the time that computing it took."""
_LINE: Final = 64
_EVERY: Final = 61  # lines; a prime, so that samples do not stay in one column of an image
_COMPARED: Final = 1 << 20  # bytes at a time


class Contents:
    """Gives each content a number from 1.

    Small blobs are told apart by their SHA-256. Of large ones a sample of lines is hashed, and those that agree in it
    are compared byte by byte with what is still there; a content that cannot be compared any more gets a new number.
    """

    def __init__(self) -> None:
        self._numbers: dict[bytes, list[int]] = {}
        self._next = 1

    def number(self, blob: Blob, there: Mapping[int, Blob]) -> int:
        """The number of what ``blob`` holds; ``there``: the blobs by number that can be compared."""
        large = blob.nbytes >= _LARGE
        sample = (
            np.ascontiguousarray(blob[: blob.nbytes // _LINE * _LINE].reshape(-1, _LINE)[::_EVERY]) if large else blob
        )
        known = self._numbers.setdefault(hashlib.sha256(sample.data).digest() + blob.nbytes.to_bytes(8), [])
        for number in known:
            other = there.get(number)
            if not large or (other is not None and _equal(blob, other)):
                return number
        known.append(self._next)
        self._next += 1
        return known[-1]

    def forget(self, used: Collection[int]) -> None:
        """Forget all numbers but ``used``."""
        left = {key: [number for number in numbers if number in used] for key, numbers in self._numbers.items()}
        self._numbers = {key: numbers for key, numbers in left.items() if numbers}


def _equal(one: Blob, other: Blob) -> bool:
    parts = range(0, len(one), _COMPARED)
    return len(one) == len(other) and all(
        np.array_equal(one[start : start + _COMPARED], other[start : start + _COMPARED]) for start in parts
    )
