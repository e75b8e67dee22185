"""Placing activations by their lifetimes, so that memories that are never needed at the same time share bytes.

Greedy, best fit (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020): each memory
goes into the tightest gap that those placed before leave free for its lifetime. No order of placing is best for every
network, so the best of a few is taken: by size, by size times lifetime, by the end of the lifetime, by its begin.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from asnet.ir.module import Call, Memory, MemoryKind, Module

__all__ = ["Lifetime", "lifetimes", "live_peak", "reuse"]

_ALIGNMENT = 64


@dataclass(frozen=True)
class Lifetime:
    """Numbers of the first and the last call that touch a memory."""

    first: int
    last: int

    def overlaps(self, other: Lifetime) -> bool:
        """Whether some call needs both."""
        return self.first <= other.last and other.first <= self.last


def lifetimes(calls: Sequence[Call]) -> dict[str, Lifetime]:
    """Memory name → its lifetime, in the order of first use; a memory is written before it is read."""
    found: dict[str, Lifetime] = {}
    for number, call in enumerate(calls):
        for name in call.arguments:
            found[name] = Lifetime(found[name].first if name in found else number, number)
    return found


def live_peak(module: Module) -> int:
    """Bytes of the largest set of activations that are alive during one call: no placement needs less."""
    alive = [0] * len(module.calls)
    for name, lifetime in lifetimes(module.calls).items():
        if module.memories[name].kind is MemoryKind.ACTIVATION:
            for number in range(lifetime.first, lifetime.last + 1):
                alive[number] += _aligned(module.memories[name].nbytes)
    return max(alive, default=0)


def reuse(module: Module) -> Module:
    """``module`` with its activations placed anew; what a call computes is gone once no later call reads it."""
    places = _offsets(module.memories, lifetimes(module.calls))

    def moved(memory: Memory, name: str) -> Memory:
        return replace(memory, offset=places.get(name, 0)) if memory.kind is MemoryKind.ACTIVATION else memory

    memories = {name: moved(memory, name) for name, memory in module.memories.items()}
    aliases = {name: moved(view, view.name) for name, view in module.aliases.items()}
    return replace(module, memories=memories, aliases=aliases, reused=True)


def _offsets(memories: Mapping[str, Memory], lives: Mapping[str, Lifetime]) -> dict[str, int]:
    """Offset of each activation that a call uses."""
    sizes = {name: _aligned(memories[name].nbytes) for name in lives if memories[name].kind is MemoryKind.ACTIVATION}
    orders: tuple[Callable[[str], object], ...] = (
        lambda name: -sizes[name],
        lambda name: -sizes[name] * (lives[name].last - lives[name].first + 1),
        lambda name: (-lives[name].last, -sizes[name]),
        lambda name: (lives[name].first, -sizes[name]),
    )
    found = [_placed(sorted(sizes, key=order), sizes, lives) for order in orders]
    return min(found, key=lambda places: max((place + sizes[name] for name, place in places.items()), default=0))


def _placed(names: Sequence[str], sizes: Mapping[str, int], lives: Mapping[str, Lifetime]) -> dict[str, int]:
    """Offsets, if memories are placed in the order of ``names``."""
    placed: list[tuple[int, int, Lifetime]] = []  # first byte, end, lifetime; by first byte
    found: dict[str, int] = {}
    for name in names:
        life, size = lives[name], sizes[name]
        best, best_gap, end = -1, -1, 0
        for begin, until, other in placed:
            if other.overlaps(life):
                if size <= begin - end and (best < 0 or begin - end < best_gap):
                    best, best_gap = end, begin - end
                end = max(end, until)
        found[name] = best = end if best < 0 else best
        bisect.insort(placed, (best, best + size, life), key=lambda place: place[0])
    return found


def _aligned(nbytes: int) -> int:
    return -(-nbytes // _ALIGNMENT) * _ALIGNMENT
