"""RAMs of layers that run one after the other: activations that are not needed at the same time share one.

An activation lives from the first layer that touches it to the last one. Whoever shares a RAM is one memory to
everything after this, so that layers overlap only as far as the accesses to the RAM itself allow.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from asnet.hls.kernel import Kernel
from asnet.ir import Memory, MemoryKind

__all__ = ["Sharing", "share"]


@dataclass(frozen=True)
class Sharing:
    """Kernels whose activations share RAMs, and who shares each: name of the RAM → names of the memories."""

    kernels: tuple[Kernel, ...]
    members: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class _Life:
    """A memory, and the first and the last kernel that touches it."""

    memory: Memory
    first: int
    last: int

    def meets(self, other: _Life) -> bool:
        """Whether both are needed at some time."""
        return self.first <= other.last and other.first <= self.last


def share(kernels: Sequence[Kernel], apart: Collection[str]) -> Sharing:
    """Let activations of one type share RAMs: the largest first, each the first RAM that is free while it lives.

    Args:
        kernels: in the order in which they run.
        apart: names of memories that keep a RAM of their own.
    """
    groups: list[list[_Life]] = []
    for life in sorted(_lives(kernels, apart), key=lambda life: (-life.memory.size, life.first, life.memory.name)):
        fitting = (group for group in groups if group[0].memory.dtype == life.memory.dtype)
        free = (group for group in fitting if not any(life.meets(other) for other in group))
        group = next(free, None)
        if group is None:
            groups.append([life])
        else:
            group.append(life)
    taken = {memory.name for kernel in kernels for memory in kernel.memories}
    places: dict[str, Memory] = {}
    members: dict[str, tuple[str, ...]] = {}
    for group in groups:
        if len(group) == 1:
            continue
        name = f"{group[0].memory.name}.shared"
        while name in taken:
            name += "_"
        taken.add(name)
        ram = replace(group[0].memory, name=name, shape=(group[0].memory.size,))
        ordered = sorted(group, key=lambda life: life.first)
        members[name] = tuple(life.memory.name for life in ordered)
        places |= {life.memory.name: ram for life in group}
    return Sharing(tuple(kernel.moved(places) for kernel in kernels), members)


def _lives(kernels: Sequence[Kernel], apart: Collection[str]) -> list[_Life]:
    found: dict[str, _Life] = {}
    for number, kernel in enumerate(kernels):
        for memory in kernel.memories:
            if memory.kind is MemoryKind.ACTIVATION and memory.name not in apart:
                first = found[memory.name].first if memory.name in found else number
                found[memory.name] = _Life(memory, first, number)
    return list(found.values())
