"""The images of a test set cut into chunks, each with the memory it runs in."""

from __future__ import annotations

from dataclasses import dataclass

from asnet.ir import MemoryKind, Module
from asnet.ir.state import State

__all__ = ["Chunk", "chunks_of"]

_CALLS_PER_CHUNK = 20_000_000  # about a second of golden calls: how long Ctrl-C may wait


@dataclass(frozen=True)
class Chunk:
    """Some of the images. A ``resident`` chunk has ``state`` to itself and keeps it from evaluation to evaluation."""

    images: slice
    state: State
    resident: bool


def chunks_of(module: Module, images: int, memory: int) -> list[Chunk]:
    """``images`` images in order; as many chunks resident as ``memory`` bytes hold beside one shared state."""
    per_image = sum(module.blob_size(kind) for kind in MemoryKind if kind is not MemoryKind.CONSTANT)
    calls = sum(slot.count for slot in module.slots)
    size = max(1, min(images, _CALLS_PER_CHUNK // max(1, calls), memory // per_image))
    fits = images if images * per_image <= memory else (memory // (size * per_image) - 1) * size
    shared: dict[int, State] = {}
    found: list[Chunk] = []
    for low in range(0, images, size):
        piece = slice(low, min(low + size, images))
        count = piece.stop - low
        if piece.stop <= fits:
            found.append(Chunk(piece, State(module, count), resident=True))
        else:
            if count not in shared:
                shared[count] = State(module, count)
            found.append(Chunk(piece, shared[count], resident=False))
    return found
