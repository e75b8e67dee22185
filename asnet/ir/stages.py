"""A module's calls cut into stages, between which activations are kept: what is computed once can be used again.

A stage keeps the network's outputs and what later stages read; everything else that it computes shares the places of
:func:`asnet.ir.placement.reuse` in scratch memory that belongs to a thread. Blob 0 holds the network's inputs, blob
``s + 1`` what stage ``s`` keeps, image after image.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from asnet.ir.module import Memory, MemoryKind, Module
from asnet.ir.placement import Lifetime, lifetimes, reuse

__all__ = ["Place", "Stages", "stages_of"]

_ALIGNMENT = 64


@dataclass(frozen=True)
class Place:
    """Where a memory is: ``offset`` bytes into an image's part of blob number ``blob``, or of the scratch memory."""

    blob: int | None
    offset: int


@dataclass(frozen=True)
class Stages:
    """``calls[s]`` are the numbers of the calls of stage ``s``, ``layers[s]`` the layers that cut it off.

    ``reads[s]``: the blobs that stage ``s`` reads; ``alive[s]``: the blobs that stage ``s`` or a later one reads.
    ``strides``: bytes of each blob for an image; ``scratch``: bytes of a thread's scratch memory. ``places``: of all
    memories but constants.
    """

    calls: tuple[range, ...]
    layers: tuple[tuple[str, ...], ...]
    reads: tuple[tuple[int, ...], ...]
    alive: tuple[tuple[int, ...], ...]
    strides: tuple[int, ...]
    scratch: int
    places: Mapping[str, Place]

    def __len__(self) -> int:
        return len(self.calls)

    def agrees(self, other: Stages) -> bool:
        """Whether blobs of these stages are blobs of the others: whatever else their modules do."""

        def kept(stages: Stages) -> dict[str, Place]:
            return {name: place for name, place in stages.places.items() if place.blob is not None}

        return (self.reads, self.strides, kept(self)) == (other.reads, other.strides, kept(other))


def stages_of(module: Module, layers: Collection[str]) -> Stages:
    """The stages of ``module`` that begin with the first call of each of ``layers`` (those that may change).

    Nothing is cut between calls that write the same memory.
    """
    cuts = _cuts(module, layers)
    calls = tuple(range(begin, end) for begin, end in zip(cuts, [*cuts[1:], len(module.calls)], strict=True))
    stage_of_call = [number for number, piece in enumerate(calls) for _ in piece]
    lives = lifetimes(module.calls)
    compact = reuse(module)
    sizes = [module.blob_size(MemoryKind.INPUT)] + [0] * len(calls)
    places: dict[str, Place] = {}
    for name, memory in module.memories.items():
        if memory.kind is MemoryKind.CONSTANT:
            continue
        if memory.kind is MemoryKind.INPUT:
            places[name] = Place(0, memory.offset)
        elif memory.kind is MemoryKind.OUTPUT or (name in lives and _outlives(stage_of_call, lives[name])):
            blob = stage_of_call[lives[name].first] + 1 if name in lives else len(calls)
            places[name] = Place(blob, sizes[blob])
            sizes[blob] += _aligned(memory)
        else:
            places[name] = Place(None, compact.memories[name].offset)
    reads = tuple(_read(module, piece, places, number + 1) for number, piece in enumerate(calls))
    alive: list[tuple[int, ...]] = []
    for number in range(len(calls)):
        later = {blob for piece in reads[number:] for blob in piece}
        alive.append(tuple(sorted(blob for blob in later if blob <= number)))
    found = tuple(
        tuple(dict.fromkeys(module.calls[call].layer for call in piece if module.calls[call].layer in layers))
        for piece in calls
    )
    scratch = compact.blob_size(MemoryKind.ACTIVATION)
    return Stages(calls, found, reads, tuple(alive), tuple(sizes), scratch, places)


def _cuts(module: Module, layers: Collection[str]) -> list[int]:
    """Where stages begin; never between two calls that write one memory."""
    firsts: dict[str, int] = {}
    for number, call in enumerate(module.calls):
        if call.layer in layers:
            firsts.setdefault(call.layer, number)
    writers: dict[str, tuple[int, int]] = {}
    for number, call in enumerate(module.calls):
        for name in call.writes:
            writers[name] = (writers[name][0] if name in writers else number, number)
    spans = [span for span in writers.values() if span[0] != span[1]]
    return sorted({0, *(cut for cut in firsts.values() if not any(low < cut <= high for low, high in spans))})


def _outlives(stage_of_call: list[int], life: Lifetime) -> bool:
    return stage_of_call[life.first] != stage_of_call[life.last]


def _read(module: Module, calls: range, places: Mapping[str, Place], own: int) -> tuple[int, ...]:
    """The blobs other than its ``own`` that ``calls`` touch."""
    blobs = {
        places[name].blob
        for call in calls
        for name in module.calls[call].arguments
        if module.memories[name].kind is not MemoryKind.CONSTANT
    }
    return tuple(sorted(blob for blob in blobs if blob is not None and blob != own))


def _aligned(memory: Memory) -> int:
    return -(-memory.nbytes // _ALIGNMENT) * _ALIGNMENT
