"""What a flat loop reduces: counters that values are carried over, and counters whose iterations are independent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asnet.hls.kernel import Operand, Operation
from asnet.hls.nest.accesses import Access, accesses
from asnet.hls.nest.program import Carried, Pipeline
from asnet.ir import Memory, MemoryKind

__all__ = ["Reduction", "broadcast", "independent", "longest_recurrence", "reduction", "varying"]


@dataclass(frozen=True)
class Reduction:
    """The counters of a loop by their part in its recurrences, each group in the order of the loop.

    ``over``: values are carried over them; they keep their order. ``outside``: those around them; ``inside``: those
    within. ``parallel``: whether the iterations of ``outside`` may run in any order, within the reduction too, and none
    of them need be the last.
    ``core``: the operations that the carried values depend on, first values included.
    """

    outside: tuple[str, ...]
    over: tuple[str, ...]
    inside: tuple[str, ...]
    parallel: bool
    core: frozenset[str]


def reduction(pipeline: Pipeline) -> Reduction | None:
    """The reduction of ``pipeline``; None: nothing is carried, or not over counters that follow one another."""
    names = [counter.name for counter in pipeline.counters]
    places = {names.index(name) for carried in pipeline.carried for name in carried.over}
    if not places or any(not _contiguous(names.index(name) for name in c.over) for c in pipeline.carried):
        return None
    first, last = min(places), max(places)
    if len(places) != last - first + 1:
        return None
    seeds = [value for carried in pipeline.carried for value in (carried.initial, carried.following)]
    return Reduction(
        outside=tuple(names[:first]),
        over=tuple(names[first : last + 1]),
        inside=tuple(names[last + 1 :]),
        parallel=independent(pipeline) and not (first and pipeline.results),
        core=frozenset(_needed(pipeline, seeds)),
    )


def _contiguous(places: Iterable[int]) -> bool:
    found = set(places)
    return len(found) == max(found) - min(found) + 1


def _needed(pipeline: Pipeline, seeds: Iterable[Operand]) -> set[str]:
    """The operations that ``seeds`` depend on within an iteration."""
    needed: set[str] = set()
    work = list(seeds)
    while work:
        value = work.pop()
        if isinstance(value, str) and value in pipeline.operation and value not in needed:
            needed.add(value)
            work.extend(pipeline.operation[value].operands)
    return needed


def independent(pipeline: Pipeline) -> bool:
    """Whether iterations without a carried value between them may run in any order.

    They may if no memory is both read and written, and no word is written twice. False also where that is not found.
    """
    stores: dict[str, list[Access]] = {}
    found = accesses(pipeline)
    for access in found:
        if access.store:
            stores.setdefault(access.memory, []).append(access)
    loaded = {access.memory for access in found if not access.store}
    return not loaded & stores.keys() and all(_distinct(group) for group in stores.values())


def _distinct(stores: Sequence[Access]) -> bool:
    """Whether ``stores`` of one memory write no word twice in a run of the loop."""
    if len(stores) == 1 and stores[0].index is not None and _mixed_radix(stores[0]):
        return True
    if not all(access.few for access in stores):
        return False
    addresses = np.concatenate([access.addresses() for access in stores])
    return len(np.unique(addresses)) == len(addresses)


def _mixed_radix(access: Access) -> bool:
    """Whether each stride is larger than everything that smaller ones reach together: all sums differ then."""
    steps = [(abs(s), high - low + 1) for s, (low, high) in zip(access.strides(), access.box, strict=True)]
    reach = 0
    for stride, count in sorted(step for step in steps if step[1] > 1):
        if stride <= reach:
            return False
        reach += stride * (count - 1)
    return True


def varying(pipeline: Pipeline, counter: str) -> frozenset[str]:
    """The affine values, operations and carried values that depend on ``counter``, and itself."""
    found = {counter} | {name for name, affine in pipeline.affine.items() if affine.strides.get(counter, 0)}
    before = 0
    while len(found) != before:
        before = len(found)
        found |= {value.name for value in pipeline.carried if value.initial in found or value.following in found}
        for operation in pipeline.operations:
            if not found.isdisjoint(operation.operands):
                found.add(operation.name)
    return frozenset(found)


def broadcast(pipeline: Pipeline, found: Reduction, memories: Mapping[str, Memory]) -> tuple[str, ...]:
    """The counters around the reduction in whose iterations it reads the same words, constants apart.

    So several of these iterations at once need one read port of the activations.
    """
    names: list[str] = []
    for counter in found.outside if found.parallel else ():
        changing = varying(pipeline, counter)
        fixed = all(
            pipeline.operation[name].op != "load"
            or memories[pipeline.operation[name].detail].kind == MemoryKind.CONSTANT
            or name not in changing
            for name in found.core
        )
        if fixed and any(value.name in changing for value in pipeline.carried):
            names.append(counter)
    return tuple(names)


def longest_recurrence(latency: Callable[[Operation], int]) -> Callable[[Pipeline, Carried], int]:
    """Cycles from a carried value to the longest of what follows on it, by the ``latency`` of operations.

    Following values of other carried values count as well, since two may feed one another.
    """

    def cycles(pipeline: Pipeline, carried: Carried) -> int:
        at: dict[Operand, int] = {carried.name: 0}
        for operation in pipeline.operations:
            starts = [at[value] for value in operation.operands if value in at]
            if starts:
                at[operation.name] = max(starts) + latency(operation)
        return max((at.get(value.following, 0) for value in pipeline.carried), default=0)

    return cycles
