"""The runs of a test set (of an image each, mostly) cut into chunks, each with the memory it runs in."""

from __future__ import annotations

from dataclasses import dataclass

from asnet.ir import MemoryKind, Module
from asnet.ir.state import State

__all__ = ["Chunk", "bytes_per_run", "chunks_of"]

_BYTES_PER_CHUNK = 256 << 20


@dataclass(frozen=True)
class Chunk:
    """Some of the runs. A ``resident`` chunk has ``state`` to itself and keeps it from evaluation to evaluation."""

    runs: slice
    state: State
    resident: bool


def bytes_per_run(module: Module) -> int:
    """Bytes of a state for each of its runs."""
    own = module.blob_size(MemoryKind.INPUT) + module.blob_size(MemoryKind.OUTPUT)
    return own if module.reused else own + module.blob_size(MemoryKind.ACTIVATION)


def chunks_of(module: Module, runs: int, memory: int) -> list[Chunk]:
    """``runs`` runs in order; all resident if the module keeps its activations and ``memory`` bytes hold them."""
    per_run = bytes_per_run(module)
    size = max(1, min(runs, _BYTES_PER_CHUNK // per_run, memory // per_run))
    resident = not module.reused and runs * per_run <= memory
    shared: dict[int, State] = {}
    found: list[Chunk] = []
    for low in range(0, runs, size):
        piece = slice(low, min(low + size, runs))
        count = piece.stop - low
        if resident:
            found.append(Chunk(piece, State(module, count), resident=True))
        else:
            if count not in shared:
                shared[count] = State(module, count)
            found.append(Chunk(piece, shared[count], resident=False))
    return found
