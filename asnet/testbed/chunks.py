"""The images of a test set cut into chunks, each with the memory it runs in."""

from __future__ import annotations

from dataclasses import dataclass

from asnet.ir import MemoryKind, Module
from asnet.ir.state import State

__all__ = ["Chunk", "bytes_per_image", "chunks_of"]

_CALLS_PER_CHUNK = 20_000_000  # about a second of golden calls: how long Ctrl-C may wait


@dataclass(frozen=True)
class Chunk:
    """Some of the images. A ``resident`` chunk has ``state`` to itself and keeps it from evaluation to evaluation."""

    images: slice
    state: State
    resident: bool


def bytes_per_image(module: Module) -> int:
    """Bytes of a state for each of its images."""
    own = module.blob_size(MemoryKind.INPUT) + module.blob_size(MemoryKind.OUTPUT)
    return own if module.reused else own + module.blob_size(MemoryKind.ACTIVATION)


def chunks_of(module: Module, images: int, memory: int) -> list[Chunk]:
    """``images`` images in order; all resident if the module keeps its activations and ``memory`` bytes hold them."""
    per_image = bytes_per_image(module)
    calls = sum(slot.count for slot in module.slots)
    size = max(1, min(images, _CALLS_PER_CHUNK // max(1, calls), memory // per_image))
    resident = not module.reused and images * per_image <= memory
    shared: dict[int, State] = {}
    found: list[Chunk] = []
    for low in range(0, images, size):
        piece = slice(low, min(low + size, images))
        count = piece.stop - low
        if resident:
            found.append(Chunk(piece, State(module, count), resident=True))
        else:
            if count not in shared:
                shared[count] = State(module, count)
            found.append(Chunk(piece, shared[count], resident=False))
    return found
