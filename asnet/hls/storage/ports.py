"""Read ports: how many a memory needs for an interval, and whether they are copies or banks.

A port more is another copy of a RAM, to which every write goes as well (a ROM's block has two ports), or, where it is
proven that two ports never read words of one bank in one cycle, nothing but a switch: bank n holds the words whose
address is n modulo a power of two. The proof lists how far two addresses are apart in all iterations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import NDArray

from asnet.hls.kernel import Constant
from asnet.hls.nest import Affine, Counter, Pipeline
from asnet.hls.storage.cost import MemoryCost, memory_cost, multiplexer
from asnet.hls.storage.rows import DEEPEST, deep_cost
from asnet.hls.wires import number_bits

__all__ = ["Organisation", "PortUse", "organise", "switch_luts"]

_BANKS = (2, 4, 8)
_BLOCK_LUTS = 400
"""LUT4s that are as large a part of an ECP5-85k as a block RAM: 83,640 to 208."""

_MOST = 1 << 22
"""Iterations whose addresses are listed at most."""


@dataclass(frozen=True)
class PortUse:
    """How a scheduled loop reads one memory: load → its port, and load → the cycle of an iteration in which it reads.

    ``around``: the counters of the repeats around the loop.
    """

    pipeline: Pipeline
    ports: Mapping[str, int]
    starts: Mapping[str, int]
    around: tuple[Counter, ...] = ()


@dataclass(frozen=True)
class Organisation:
    """How ``reads`` ports are made: copies of a memory, those with several ports in ``banks`` banks.

    ``copies``: the ports of each.
    """

    banks: int
    copies: tuple[tuple[int, ...], ...]
    cost: MemoryCost

    @property
    def text(self) -> str:
        """In words; empty of a plain memory."""
        copies = f"{len(self.copies)} copies" if len(self.copies) > 1 else ""
        banks = f"{self.banks} banks" if self.banks > 1 else ""
        return " of ".join(part for part in (copies, banks) if part)


def organise(
    width: int,
    depth: int,
    reads: int,
    uses: Sequence[Sequence[PortUse]],
    *,
    writable: bool = True,
    deep: bool = False,
) -> Organisation:
    """The way to give a memory ``reads`` ports that takes the smallest part of the chip.

    Args:
        width: bits of a word.
        depth: words.
        reads: read ports.
        uses: the loops that read the memory, those together that run at the same time (main and tail); none: nothing
            is known, every port is a copy.
        writable: it has a write port; else it holds constants.
        deep: it is made of rows; so no bank may need some.
    """
    cost = deep_cost if deep else memory_cost
    if not writable:
        return Organisation(1, (tuple(range(reads)),), cost(width, depth, reads=reads, writable=False))
    plain = cost(width, depth)
    options = [_copies(width, depth, tuple((port,) for port in range(reads)), 1, plain)]
    if uses and reads > 1:
        for banks in (count for count in _BANKS if count < depth <= count * DEEPEST):
            groups = _groups(reads, {pair for together in uses for pair in _conflicts(together, banks)})
            options.append(_copies(width, depth, groups, banks, plain))
    return min(options, key=lambda option: (_BLOCK_LUTS * option.cost.blocks + option.cost.all_luts, option.banks))


def _copies(width: int, depth: int, groups: tuple[tuple[int, ...], ...], banks: int, plain: MemoryCost) -> Organisation:
    """A copy for each group, in banks if it has several ports, else as ``plain`` says."""
    bank = memory_cost(width, -(-depth // banks)) * banks
    copies = [
        plain if len(group) == 1 else bank + MemoryCost(luts=switch_luts(width, depth, len(group), banks))
        for group in groups
    ]
    return Organisation(banks, groups, sum(copies, MemoryCost()))


def switch_luts(width: int, depth: int, reads: int, banks: int) -> int:
    """LUT4s between ``reads`` ports and ``banks`` banks: the word of each port, the row of each bank."""
    row = number_bits(-(-depth // banks))
    return reads * width * multiplexer(banks) + banks * row * multiplexer(reads)


def _groups(reads: int, conflicts: set[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    """The ports in as few groups as a greedy choice finds, none of which holds a conflict."""
    groups: list[list[int]] = []
    for port in range(reads):
        for group in groups:
            if not any((other, port) in conflicts for other in group):
                group.append(port)
                break
        else:
            groups.append([port])
    return tuple(map(tuple, groups))


def _conflicts(together: Sequence[PortUse], banks: int) -> Iterator[tuple[int, int]]:
    """Pairs of ports (the lower one first) that may read one bank in one cycle.

    Ports that no loop uses may show any address: the lower port is served, so they must be the highest.
    """
    used = {port for use in together for port in use.ports.values()}
    for port in set(range(max(used, default=0))) - used:
        yield from ((min(port, other), max(port, other)) for other in used)
    for one, other in combinations(together, 2):
        yield from ((min(a, b), max(a, b)) for a in one.ports.values() for b in other.ports.values() if a != b)
    for use in together:
        for (first, one), (second, other) in combinations(use.ports.items(), 2):
            if one != other and not _apart(use, first, second, banks):
                yield min(one, other), max(one, other)


def _apart(use: PortUse, first: str, second: str, banks: int) -> bool:
    """Whether two loads are proven to read different banks whenever they read in one cycle.

    Loads that start in different cycles of an iteration meet those of other iterations, and at pauses of any.
    """
    if use.starts[first] != use.starts[second]:
        return False
    one, other = (_address(use, load) for load in (first, second))
    if one is None or other is None:
        return False
    strides = {name: one.strides.get(name, 0) - other.strides.get(name, 0) for name in {**one.strides, **other.strides}}
    matter = {name: extent for name, extent in _extents(use).items() if strides.get(name, 0) % banks}
    if prod(matter.values()) > _MOST:
        return False
    return bool(np.all(_values(Affine(strides, one.offset - other.offset), matter) % banks))


def _extents(use: PortUse) -> Mapping[str, int]:
    return {counter.name: counter.extent for counter in (*use.around, *use.pipeline.counters)}


def _address(use: PortUse, load: str) -> Affine | None:
    """A load's address; None if it depends on data."""
    index = use.pipeline.operation[load].operands[0]
    extents = _extents(use)
    if isinstance(index, Constant):
        return Affine({}, index.bits)
    found = use.pipeline.affine.get(index, Affine({index: 1}))
    return found if found.strides.keys() <= extents.keys() else None


def _values(affine: Affine, extents: Mapping[str, int]) -> NDArray[np.int64]:
    """An address in all iterations."""
    found = np.full(1, affine.offset, dtype=np.int64)
    for name, extent in extents.items():
        found = (found[:, None] + affine.strides.get(name, 0) * np.arange(extent, dtype=np.int64)).reshape(-1)
    return found
