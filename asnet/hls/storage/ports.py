"""Read ports: how many a memory needs for an interval, and whether they are copies or banks.

A port more is another copy of a RAM, to which every write goes as well (a ROM's block has two ports), or, where it is
proven that two ports never read words of one bank in one cycle, nothing but a switch: bank n holds the words whose
address is n modulo a power of two. The proof lists the addresses of all iterations.
"""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import NDArray

from asnet.hls.kernel import Constant
from asnet.hls.nest import Affine, Counter, Node, Pipeline, Program, Repeat, Streamed
from asnet.hls.storage.cost import MemoryCost, memory_cost, multiplexer

__all__ = ["Organisation", "PortUse", "organise", "read_ports"]

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
    """How ``reads`` ports are made: ``copies`` of a memory in ``banks`` banks; the ports of each copy."""

    banks: int
    copies: tuple[tuple[int, ...], ...]
    cost: MemoryCost


def read_ports(program: Program, interval: int = 1) -> Mapping[str, int]:
    """Memory → read ports with which its loads let an iteration start every ``interval`` cycles; of others one.

    What a tail reads, it reads at the same time as its main loop.
    """
    ports: dict[str, int] = {}
    for group in _at_once(program.body):
        loads = Count(o.detail for pipeline in group for o in pipeline.operations if o.op == "load")
        for memory, count in loads.items():
            ports[memory] = max(ports.get(memory, 1), -(-count // interval))
    return ports


def _at_once(nodes: Iterable[Node]) -> Iterator[tuple[Pipeline, ...]]:
    for node in nodes:
        match node:
            case Pipeline():
                yield (node,)
            case Streamed():
                yield node.main, node.tail
            case Repeat():
                yield from _at_once(node.body)


def organise(
    width: int, depth: int, reads: int, uses: Sequence[Sequence[PortUse]], *, writable: bool = True
) -> Organisation:
    """The way to give a memory ``reads`` ports that takes the smallest part of the chip.

    Args:
        width: bits of a word.
        depth: words.
        reads: read ports.
        uses: the loops that read the memory, those together that run at the same time (main and tail); none: nothing
            is known, every port is a copy.
        writable: it has a write port; else it holds constants.
    """
    if not writable:
        return Organisation(1, (tuple(range(reads)),), memory_cost(width, depth, reads=reads, writable=False))
    options = [_copies(width, depth, tuple((port,) for port in range(reads)), 1)]
    if uses and reads > 1:
        for banks in _BANKS:
            groups = _groups(reads, {pair for together in uses for pair in _conflicts(together, banks)})
            options.append(_copies(width, depth, groups, banks))
    return min(options, key=lambda option: (_BLOCK_LUTS * option.cost.blocks + option.cost.all_luts, option.banks))


def _copies(width: int, depth: int, groups: tuple[tuple[int, ...], ...], banks: int) -> Organisation:
    bank = memory_cost(width, -(-depth // banks)) * (banks * len(groups))
    address = max(1, (depth - 1).bit_length())
    switches = sum(len(group) * width * multiplexer(banks) for group in groups) if banks > 1 else 0
    switches += sum(banks * address * multiplexer(len(group)) for group in groups)
    return Organisation(banks, groups, bank + MemoryCost(luts=switches))


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
    matter = {
        name: extent for name, extent in _extents(use).items() if one.strides.get(name) or other.strides.get(name)
    }
    if prod(matter.values()) > _MOST:
        return False
    return bool(np.all(_values(one, matter) % banks != _values(other, matter) % banks))


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
