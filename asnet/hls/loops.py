"""Counted loops of a kernel: their counters, trip counts, and how often each block runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asnet.hls.kernel import Block, Constant, Kernel, Phi, signed

__all__ = ["CountedLoop", "Executions", "counted_loops", "executions"]

_LONGEST = 1 << 40


@dataclass(frozen=True)
class CountedLoop:
    """A loop whose latch compares a counter with a constant. ``first`` … ``last``: the counter's values in the body.

    ``trips`` is the largest number of iterations per entry; ``exact`` says that the latch is the only way out.
    """

    header: str
    latch: str
    counter: str
    first: int
    last: int
    trips: int
    blocks: frozenset[str]
    exact: bool


@dataclass(frozen=True)
class Executions:
    """How often each block runs per run of the kernel, at most; ``exact``: exactly that often. None: unknown."""

    count: Mapping[str, int] | None
    exact: bool


def counted_loops(kernel: Kernel) -> tuple[CountedLoop, ...]:
    """The counted loops, in the order of their headers. A header with two latches is no counted loop."""
    found: list[CountedLoop] = []
    for header in kernel.blocks:
        before = kernel.predecessors(header.name)
        if len(before) != 2:
            continue
        for phi in header.phis:
            loop = _counted(kernel, header, phi, before)
            if loop is not None:
                found.append(loop)
                break
    return tuple(found)


def _counted(kernel: Kernel, header: Block, phi: Phi, before: tuple[Block, ...]) -> CountedLoop | None:
    """The loop that ``phi`` counts. Its successor uses it, so that the header dominates the latch."""
    for latch in before:
        (entering,) = (block for block in before if block is not latch)
        start, following = phi.incoming[entering.name], phi.incoming[latch.name]
        condition = latch.branch.condition
        if not (isinstance(start, Constant) and isinstance(following, str) and isinstance(condition, str)):
            continue
        step = kernel.operation.get(following)
        test = kernel.operation.get(condition)
        if step is None or step.op != "add" or step.operands[0] != phi.name or test is None or test.op != "icmp":
            continue
        amount, bound = step.operands[1], test.operands[1]
        tested = test.operands[0]
        if not (isinstance(amount, Constant) and isinstance(bound, Constant)) or tested not in (phi.name, following):
            continue
        width = phi.width
        first, by = signed(start.bits, width), signed(amount.bits, width)
        continues = latch.branch.targets[0] == header.name
        trips = _trips(first + (by if tested == following else 0), by, test.detail, bound, continues)
        if trips is None:
            continue
        blocks = _body(kernel, header.name, latch.name)
        exits = {name for name in blocks if any(target not in blocks for target in kernel.block[name].branch.targets)}
        last = first + by * (trips - 1)
        return CountedLoop(header.name, latch.name, phi.name, first, last, trips, blocks, exits == {latch.name})
    return None


def _holds(value: int, predicate: str, bound: Constant) -> bool:
    mask = (1 << bound.width) - 1
    left, right = value & mask, bound.bits
    if predicate.startswith("s"):
        left, right = signed(left, bound.width), signed(right, bound.width)
    kind = predicate[-2:]
    order = {"eq": left == right, "ne": left != right, "lt": left < right, "le": left <= right}
    order |= {"gt": left > right, "ge": left >= right}
    return order[kind]


def _trips(start: int, by: int, predicate: str, bound: Constant, continues: bool) -> int | None:
    """Iterations until the test of ``start + by·k`` ends the loop; None if that is not found or the counter wraps."""
    if by == 0:
        return None

    def again(k: int) -> bool:
        return _holds(start + by * k, predicate, bound) == continues

    end = signed(bound.bits, bound.width)
    guess = max(0, (end - start) // by)
    for k in range(max(0, guess - 2), guess + 3):
        if not again(k) and (k == 0 or again(k - 1)) and again(0) == (k > 0):
            inside = predicate in ("eq", "ne") or _monotone(start, by, k, predicate)
            limit = 1 << (bound.width - 1)
            reached = start + by * k
            return k + 1 if inside and -limit <= reached < limit and k < _LONGEST else None
    return None


def _monotone(start: int, by: int, k: int, predicate: str) -> bool:
    """Whether the tested values stay on one side of the wrap, so that the order predicate changes once."""
    low, high = min(start, start + by * k), max(start, start + by * k)
    return predicate.startswith("s") or low >= 0 or high < 0


def _body(kernel: Kernel, header: str, latch: str) -> frozenset[str]:
    """The natural loop of the back edge latch → header."""
    blocks = {header}
    work = [latch]
    while work:
        name = work.pop()
        if name not in blocks:
            blocks.add(name)
            work.extend(block.name for block in kernel.predecessors(name))
    return frozenset(blocks)


def executions(kernel: Kernel) -> Executions:
    """How often each block runs. A branch on data counts both ways (an upper bound)."""
    loops = counted_loops(kernel)
    position = {block.name: index for index, block in enumerate(kernel.blocks)}
    latches = {(loop.latch, loop.header) for loop in loops}
    exact = True
    for block in kernel.blocks:
        for target in block.branch.targets:
            if position[target] <= position[block.name] and (block.name, target) not in latches:
                return Executions(None, exact=False)
        if len(block.branch.targets) == 2 and not any(loop.latch == block.name and loop.exact for loop in loops):
            exact = False
    count = {block.name: 1 for block in kernel.blocks}
    for loop in loops:
        for name in loop.blocks:
            count[name] *= loop.trips
    return Executions(count, exact)
