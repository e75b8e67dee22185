"""The memory a run works on: one blob per kind and image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from asnet.errors import DataError
from asnet.ir.module import Memory, MemoryKind, Module
from asnet.types import Array

__all__ = ["State", "aligned", "constant_blob"]

_ALIGNMENT = 64


def aligned(nbytes: int) -> NDArray[np.uint8]:
    """``nbytes`` zero bytes that start at a multiple of 64."""
    raw = np.zeros(nbytes + _ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + nbytes]


def constant_blob(module: Module) -> NDArray[np.uint8]:
    """The constants of ``module`` as its functions expect them."""
    blob = aligned(module.blob_size(MemoryKind.CONSTANT))
    for name, values in module.constants.items():
        memory = module.memories[name]
        data = np.ascontiguousarray(values, dtype=memory.dtype).view(np.uint8).reshape(-1)
        blob[memory.offset : memory.offset + memory.nbytes] = data
    return blob


class State:
    """Inputs, outputs and activations of ``images`` images; belongs to one thread at a time."""

    def __init__(self, module: Module, images: int) -> None:
        self.images = images
        self._strides = {kind: module.blob_size(kind) for kind in MemoryKind if kind is not MemoryKind.CONSTANT}
        self.blobs: Mapping[MemoryKind, NDArray[np.uint8]] = {
            kind: aligned(stride * images) for kind, stride in self._strides.items()
        }

    def view(self, memory: Memory) -> Array:
        """The contents of ``memory`` for every image, ``(images, *memory.shape)``, without a copy.

        Raises:
            DataError: the memory is a constant, which all images share.
        """
        if memory.kind is MemoryKind.CONSTANT:
            raise DataError(f"memory {memory.name!r} is a constant; find it in Module.constants")
        rows = self.blobs[memory.kind].reshape(self.images, self._strides[memory.kind])
        values = rows[:, memory.offset : memory.offset + memory.nbytes].view(memory.dtype)
        return values.reshape(self.images, *memory.shape)
