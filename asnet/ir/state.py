"""The memory a run works on: one blob per kind and image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asnet.errors import DataError, UnsupportedError
from asnet.host import memory_bytes
from asnet.ir.module import Memory, MemoryKind, Module
from asnet.ir.program import constant_order
from asnet.types import Array

__all__ = ["Constants", "Layout", "State", "aligned"]

_ALIGNMENT = 64
_SMALL = 1 << 14  # constants of so many bytes are used where they are


def aligned(nbytes: int) -> NDArray[np.uint8]:
    """``nbytes`` zero bytes that start at a multiple of 64."""
    raw = np.zeros(nbytes + _ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + nbytes]


class Constants:
    """The constants of a module where its functions find them: large ones in place, small ones copied side by side."""

    def __init__(self, module: Module) -> None:
        self._keep: list[Array] = []
        names = constant_order(module)
        small = [name for name in names if module.memories[name].nbytes < _SMALL]
        sizes = [-(-module.memories[name].nbytes // _ALIGNMENT) * _ALIGNMENT for name in small]
        blob = aligned(sum(sizes))
        begin = 0
        places: dict[str, Array] = {}
        for name, size in zip(small, sizes, strict=True):
            memory = module.memories[name]
            part = blob[begin : begin + memory.nbytes]
            part[:] = _bytes(module.constants[name], memory)
            places[name] = part
            begin += size
        for name in names:
            if name not in places:
                places[name] = _bytes(module.constants[name], module.memories[name])
        for what in module.products.values():
            name = what.constant or ""
            if name in places and not what.constant_is_s and places[name].ctypes.data % _ALIGNMENT:
                places[name] = _moved(places[name])
        self._keep = [blob, *places.values()]
        self._table = np.array([places[name].ctypes.data for name in names] or [0], np.uint64)
        self._address = self._table.ctypes.data

    @property
    def address(self) -> int:
        """Address of the table of their addresses, in the order of :func:`asnet.ir.program.constant_order`."""
        return self._address


def _moved(values: Array) -> Array:
    found = aligned(values.size)
    found[:] = values
    return found


def _bytes(values: Array, memory: Memory) -> NDArray[np.uint8]:
    array = np.require(values, dtype=memory.dtype, requirements=["C", "A"])
    return array.reshape(-1).view(np.uint8)


@dataclass(frozen=True)
class Layout:
    """What a state has in common with the modules that run on it: sizes of an image's blobs, and their reuse."""

    strides: Mapping[MemoryKind, int]
    reused: bool

    @staticmethod
    def of(module: Module) -> Layout:
        """The layout of a module's memories."""
        kinds = (kind for kind in MemoryKind if kind is not MemoryKind.CONSTANT)
        return Layout({kind: module.blob_size(kind) for kind in kinds}, module.reused)


class State:
    """Inputs, outputs and activations of ``images`` images; belongs to one run at a time.

    Raises:
        UnsupportedError: they take more memory than there is.
    """

    def __init__(self, module: Module, images: int) -> None:
        self.images = images
        self.layout = Layout.of(module)
        self._reused = self.layout.reused
        self._strides = self.layout.strides
        kept = [kind for kind in self._strides if not (self._reused and kind is MemoryKind.ACTIVATION)]
        nbytes = module.blob_size(MemoryKind.ACTIVATION) + sum(self._strides[kind] for kind in kept) * images
        if nbytes > memory_bytes():
            raise UnsupportedError(
                f"network {module.name!r} takes {nbytes / 2**30:.1f} GiB for {images} images, this machine has "
                f"{memory_bytes() / 2**30:.1f}; run fewer images, or a smaller network"
            )
        self.blobs: Mapping[MemoryKind, NDArray[np.uint8]] = {
            kind: aligned(self._strides[kind] * images) for kind in kept
        }
        self._addresses = {kind: blob.ctypes.data for kind, blob in self.blobs.items()}
        self._scratch: list[NDArray[np.uint8]] = []

    def reserve(self, workers: int) -> None:
        """Make room for as many workers that each reuse their own activations."""
        while self._reused and len(self._scratch) < workers:
            self._scratch.append(aligned(self._strides[MemoryKind.ACTIVATION]))

    def address(self, kind: MemoryKind, image: int, worker: int) -> int:
        """Where ``worker`` finds the blob of ``kind`` of an image."""
        if self._reused and kind is MemoryKind.ACTIVATION:
            return self._scratch[worker].ctypes.data
        return self._addresses[kind] + image * self._strides[kind]

    def view(self, memory: Memory) -> Array:
        """The contents of ``memory`` for every image, ``(images, *memory.shape)``, without a copy.

        Raises:
            DataError: the memory is a constant, which all images share, or an activation that is not kept.
        """
        if memory.kind is MemoryKind.CONSTANT:
            raise DataError(f"memory {memory.name!r} is a constant; find it in Module.constants")
        if memory.kind not in self.blobs:
            raise DataError(f"memory {memory.name!r} is not kept: activations share places; run the module as lowered")
        rows = self.blobs[memory.kind].reshape(self.images, self._strides[memory.kind])
        values = rows[:, memory.offset : memory.offset + memory.nbytes].view(memory.dtype)
        return values.reshape(self.images, *memory.shape)
