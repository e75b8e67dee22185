"""What a flat loop reduces: counters that values are carried over, and counters whose iterations are independent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.nest.program import Affine, Carried, Condition, Pipeline
from asnet.ir import Memory, MemoryKind

__all__ = ["Reduction", "address", "broadcast", "independent", "longest_recurrence", "reduction", "varying"]

_MOST_ADDRESSES = 1 << 22


@dataclass(frozen=True)
class Reduction:
    """The counters of a loop by their part in its recurrences, each group in the order of the loop.

    ``over``: values are carried over them; they keep their order. ``outside``: those around them; ``inside``: those
    within. ``parallel``: whether the iterations of ``outside`` may run in any order, and within the reduction too.
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
        parallel=independent(pipeline),
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
    stores: dict[str, list[Operation]] = {}
    for operation in pipeline.operations:
        if operation.op == "store":
            stores.setdefault(operation.detail, []).append(operation)
    loaded = {operation.detail for operation in pipeline.operations if operation.op == "load"}
    return not loaded & stores.keys() and all(_distinct(pipeline, group) for group in stores.values())


def address(pipeline: Pipeline, index: Operand) -> Affine | None:
    """``index`` as a sum of counters; None: it depends on data."""
    if isinstance(index, Constant):
        return Affine({}, index.bits)
    own = Affine({index: 1}) if any(counter.name == index for counter in pipeline.counters) else None
    return pipeline.affine.get(index, own)


def _distinct(pipeline: Pipeline, stores: list[Operation]) -> bool:
    """Whether ``stores`` of one memory write no word twice in a run of the loop."""
    boxes: list[tuple[int, Mapping[str, tuple[int, int]]]] = []
    for store in stores:
        found = address(pipeline, store.operands[0])
        if found is None:
            return False
        condition = pipeline.conditions.get(store.name, Condition())
        bounds = {c.name: condition.bounds.get(c.name, (0, c.extent - 1)) for c in pipeline.counters}
        steps = {name: (found.strides.get(name, 0), high - low + 1) for name, (low, high) in bounds.items()}
        first = found.offset + sum(found.strides.get(name, 0) * low for name, (low, _) in bounds.items())
        boxes.append((first, {name: step for name, step in steps.items() if step[1] > 1}))
    if len(boxes) == 1 and _mixed_radix(boxes[0][1].values()):
        return True
    if sum(prod(count for _, count in steps.values()) for _, steps in boxes) > _MOST_ADDRESSES:
        return False
    addresses = np.concatenate([_addresses(first, steps.values()) for first, steps in boxes])
    return len(np.unique(addresses)) == len(addresses)


def _mixed_radix(steps: Iterable[tuple[int, int]]) -> bool:
    """Whether each stride is larger than everything that smaller ones reach together: all sums differ then."""
    reach = 0
    for stride, count in sorted((abs(stride), count) for stride, count in steps):
        if stride <= reach:
            return False
        reach += stride * (count - 1)
    return True


def _addresses(first: int, steps: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    sums = np.array([first], dtype=np.int64)
    for stride, count in steps:
        sums = (sums[:, None] + stride * np.arange(count, dtype=np.int64)).ravel()
    return sums


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
