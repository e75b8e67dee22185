"""Layers whose words one other layer reads, word by word, made part of that: words are computed where they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from asnet.hls.nest.accesses import Access, accesses
from asnet.hls.nest.forward import without
from asnet.hls.nest.fuse import Fused, has_time
from asnet.hls.nest.program import Pipeline, Program
from asnet.ir import MemoryKind

__all__ = ["inline"]


def inline(programs: Sequence[Program], *, most: int = 1) -> Fused:
    """The layers of a network, in their order, without those whose words are computed where they are read.

    Copies and tests may be done at every reading; operations on units only where each word is read once. ``most``:
    operations of one unit for each word, at most, behind a reduction or without one; 0: copies and tests only. Programs
    that are not arranged yet only.
    """
    left = list(programs)
    into: dict[str, str] = {}
    removed: list[str] = []
    place = 0
    while place < len(left):
        found = _moved(left, place, most)
        if found is None:
            place += 1
            continue
        reader, memory, merged = found
        old = left[place].layer
        into = {layer: merged.layer if other == old else other for layer, other in into.items()} | {old: merged.layer}
        removed.append(memory)
        left[reader] = merged
        del left[place]
        place = 0
    return Fused(tuple(left), into, tuple(removed))


def _moved(programs: Sequence[Program], place: int, most: int) -> tuple[int, str, Program] | None:
    """Where the layer at ``place`` may move: the program, the memory that is saved, both layers as one."""
    maker = programs[place]
    loops = [node for node in maker.body if isinstance(node, Pipeline)]
    if len(loops) != len(maker.body) or any(loop.results or loop.carried for loop in loops):
        return None
    stored = {access.memory for loop in loops for access in accesses(loop) if access.store}
    if len(stored) != 1:
        return None
    (memory,) = stored
    users = [at for at, program in enumerate(programs) if memory in program.memory]
    if len(users) != 2 or users[0] != place or maker.memory[memory].kind is not MemoryKind.ACTIVATION:
        return None
    reader = programs[users[1]]
    cheap = not (most and _once(loops, reader, memory, most))
    memories = {item.name: item for item in (*maker.memories, *reader.memories)}
    joined = replace(reader, memories=tuple(memories.values()), body=(*maker.body, *reader.body))
    merged = without(joined, memory, cheap=cheap)
    return None if merged is None else (users[1], memory, merged)


def _once(loops: Sequence[Pipeline], reader: Program, memory: str, most: int) -> bool:
    """Whether the reader takes each word once, and has time for what makes it."""
    size = reader.memory[memory].size
    loads = [(loop, access) for loop in reader.pipelines for access in accesses(loop) if access.memory == memory]
    if len(loads) != 1 or loads[0][1].index is None or _words(loads[0][1]) != size:
        return False
    return has_time(loads[0][0], [operation for loop in loops for operation in loop.operations], most)


def _words(load: Access) -> int:
    """In how many iterations a load has an address of its own, if all these differ."""
    spans = zip(load.box, load.strides(), strict=True)
    return prod(high - low + 1 for (low, high), step in spans if step)
