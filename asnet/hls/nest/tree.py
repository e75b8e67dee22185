"""The loops of a kernel as a tree: counted loops and straight-line code, each holding the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from asnet.hls.kernel import Block, Kernel, Operand, Operation
from asnet.hls.loops import CountedLoop, counted_loops
from asnet.hls.nest.branches import without_branches

__all__ = ["Item", "Loop", "NotCounted", "Recurrence", "Straight", "Tree", "loop_tree", "operations_in"]


class NotCounted(Exception):  # noqa: N818 - no fault: the general engine takes it
    """Control flow that is not counted loops around straight-line code: a case for the general engine."""


@dataclass(frozen=True)
class Recurrence:
    """A value of a loop: ``initial`` in its first iteration, then what ``following`` was in the one before."""

    name: str
    width: int
    initial: Operand
    following: Operand
    source: str


@dataclass(frozen=True)
class Straight:
    """Operations one after the other. ``name``: of the block."""

    name: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class Loop:
    """``extent`` iterations of ``items``; value ``counter`` is ``first`` + ``step`` times the number of the iteration.

    ``name``: of its header.
    """

    name: str
    counter: str
    width: int
    first: int
    step: int
    extent: int
    recurrences: tuple[Recurrence, ...]
    items: tuple[Item, ...]


Item: TypeAlias = "Straight | Loop"


@dataclass(frozen=True)
class Tree:
    """A kernel's items; ``flags``: values that must all be 1 for a store to count; ``names``: other names of values."""

    items: tuple[Item, ...]
    flags: Mapping[str, tuple[Operand, ...]]
    names: Mapping[str, Operand]


def operations_in(item: Item) -> Iterator[Operation]:
    """All operations of ``item``, in the order of the text."""
    if isinstance(item, Straight):
        yield from item.operations
    else:
        for inner in item.items:
            yield from operations_in(inner)


def loop_tree(kernel: Kernel) -> Tree:
    """The tree of ``kernel``, small branches made straight.

    Raises:
        NotCounted: a loop without a known number of iterations, or a branch around a loop; the reason names a block.
    """
    flattened = without_branches(kernel)
    return _Walk(flattened.kernel).tree(flattened.flags)


class _Walk:
    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._loops = {loop.header: loop for loop in counted_loops(kernel) if loop.exact}
        self._names: dict[str, Operand] = {}

    def tree(self, flags: Mapping[str, tuple[Operand, ...]]) -> Tree:
        items = self._sequence(self._kernel.blocks[0].name, None)
        return Tree(items, flags, self._names)

    def _sequence(self, name: str, around: CountedLoop | None) -> tuple[Item, ...]:
        """What runs from block ``name`` to the end of the loop ``around``, or of the kernel."""
        items: list[Item] = []
        operations: list[Operation] = []
        seen: set[str] = set()
        begun = name

        def close() -> None:
            if operations:
                items.append(Straight(begun, tuple(operations)))
                operations.clear()

        while True:
            if name in seen:
                raise NotCounted(f"block {name!r} is the start of a loop that is not counted")
            seen.add(name)
            block = self._kernel.block[name]
            loop = self._loops.get(name)
            if loop is not None and (around is None or loop.header != around.header):
                close()
                items.append(self._loop(loop))
                (name,) = (t for t in self._kernel.block[loop.latch].branch.targets if t != loop.header)
                begun = name
                continue
            if around is None or name != around.header:
                self._rename(block)
            operations.extend(block.operations)
            targets = block.branch.targets
            if not targets or (around is not None and name == around.latch):
                close()
                return tuple(items)
            if len(targets) != 1:
                raise NotCounted(f"block {name!r} ends in a branch that is no end of a counted loop")
            (name,) = targets

    def _rename(self, block: Block) -> None:
        """Phis of a block with one predecessor are other names."""
        for phi in block.phis:
            values = set(phi.incoming.values())
            if len(values) != 1:
                raise NotCounted(f"value {phi.name!r} of block {block.name!r} depends on the way control came")
            (self._names[phi.name],) = values

    def _loop(self, loop: CountedLoop) -> Loop:
        header = self._kernel.block[loop.header]
        counter = self._kernel.phi[loop.counter]
        recurrences: list[Recurrence] = []
        for phi in header.phis:
            if phi.name == loop.counter:
                continue
            (before,) = (name for name in phi.incoming if name != loop.latch)
            recurrences.append(
                Recurrence(phi.name, phi.width, phi.incoming[before], phi.incoming[loop.latch], phi.source)
            )
        step = (loop.last - loop.first) // (loop.trips - 1) if loop.trips > 1 else 1
        items = self._sequence(loop.header, loop)
        return Loop(loop.header, counter.name, counter.width, loop.first, step, loop.trips, tuple(recurrences), items)
