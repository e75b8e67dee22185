"""Which accesses to a memory must keep their order: within a pipeline, and from one to the next."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import product
from math import gcd

import numpy as np

from asnet.hls.nest.accesses import Access, accesses, may_meet
from asnet.hls.nest.program import Pipeline, Program

__all__ = ["Lag", "MemoryDependence", "independent", "lags", "memory_dependences"]

_MOST_STEPS = 5_000
"""Of the search for the least distance."""


@dataclass(frozen=True)
class MemoryDependence:
    """``after`` accesses a word that ``before`` accessed ``distance`` iterations earlier; one of them is a store.

    It is the least such distance; 0 only where ``before`` stands before ``after`` in the body.
    """

    before: str
    after: str
    distance: int


@dataclass(frozen=True)
class Lag:
    """An access of a pipeline and one of a later pipeline that touch common words; one of them is a store.

    ``cycles``: the greatest difference, over all such words, of the cycle in which the iteration of ``before`` starts
    and that of ``after``, each counted from the start of its own pipeline.
    """

    before: str
    after: str
    cycles: int


def memory_dependences(pipeline: Pipeline, program: Program) -> tuple[MemoryDependence, ...]:
    """The dependences through memories of ``program`` between the operations of ``pipeline``.

    Exact where addresses are sums of counters and the search is short; else a distance that is not too large.
    A store and itself in a later iteration are not listed: an operation starts in the order of the iterations.
    """
    found: list[MemoryDependence] = []
    for before, after in product(accesses(pipeline), repeat=2):
        if before is after or not (before.store or after.store) or not may_meet(before, after, program):
            continue
        least = _least(before, after, 0 if before.order < after.order else 1)
        if least is not None:
            found.append(MemoryDependence(before.operation.name, after.operation.name, least))
    return tuple(found)


def independent(pipeline: Pipeline, counters: Collection[str], program: Program) -> bool:
    """Whether iterations that differ in one of ``counters`` touch no common word of which one is a store's.

    Then they may run in any order, as long as iterations with the same values of ``counters`` keep theirs.
    """
    everything = accesses(pipeline)
    chosen = [counter.name for counter in pipeline.counters if counter.name in counters]
    for memory in {access.memory for access in everything if access.store}:
        touching = [access for access in everything if access.memory == memory]
        if not _apart(touching, chosen):
            return False
    return True


def lags(first: Pipeline, second: Pipeline, intervals: tuple[int, int], program: Program) -> tuple[Lag, ...]:
    """What ``second`` must wait for when it begins before ``first`` has ended.

    ``intervals``: cycles from one iteration to the next of each. With the start cycles of the two operations in their
    iterations, a lag says how much later than ``first`` the pipeline ``second`` may begin: lag + start of ``before`` -
    start of ``after`` + cycles until the access is over.
    """
    found: list[Lag] = []
    for before, after in product(accesses(first), accesses(second)):
        if (before.store or after.store) and may_meet(before, after, program):
            cycles = _lag(before, after, intervals, program.memory[before.memory].size)
            if cycles is not None:
                found.append(Lag(before.operation.name, after.operation.name, cycles))
    return tuple(found)


def _least(before: Access, after: Access, least: int) -> int | None:
    """The least distance from ``least`` on; None: there is none."""
    if before.index is None or after.index is None or before.outside() != after.outside():
        return least
    if before.strides() == after.strides():
        return _uniform(before, after, least)
    if not (before.few and after.few):
        return least
    kinds = np.repeat(np.array([least, 1 - least]), [before.cells, after.cells])  # which is first in one iteration
    addresses = np.concatenate([before.addresses(), after.addresses()])
    times = np.concatenate([before.iterations(), after.iterations()])
    order = np.lexsort((kinds, times, addresses))
    addresses, times, early = addresses[order], times[order], order < before.cells
    latest = np.maximum.accumulate(np.where(early, np.arange(order.size), -1))
    meets = ~early & (latest >= 0) & (addresses[latest] == addresses)
    return int((times - times[latest])[meets].min()) if meets.any() else None


def _uniform(before: Access, after: Access, least: int) -> int | None:
    """The least distance where both addresses have the same steps, by search from the outermost counter inwards.

    Unknown is the difference of each counter; together they make up for the difference of the offsets.
    """
    assert before.index is not None
    assert after.index is not None
    strides, weights = before.strides(), before.weights
    boxes = zip(before.box, after.box, strict=True)
    spans = [(low - most, high - fewest) for (fewest, most), (low, high) in boxes]
    ends = [_ends(strides[k:], spans[k:]) for k in range(len(strides) + 1)]
    reach = [_ends(weights[k:], spans[k:]) for k in range(len(strides) + 1)]
    steps = [gcd(*strides[k:]) for k in range(len(strides) + 1)]
    queue: list[tuple[int, int, int, int]] = []

    def consider(k: int, distance: int, rest: int) -> None:
        """The differences of the counters before ``k`` make ``distance``; of the addresses, ``rest`` is left."""
        low, high = distance + reach[k][0], distance + reach[k][1]
        if high >= least and (rest % steps[k] == 0 if steps[k] else rest == 0):
            heapq.heappush(queue, (max(least, low), k, distance, rest))

    consider(0, 0, before.index.offset - after.index.offset)
    for _ in range(_MOST_STEPS):
        if not queue:
            return None
        bound, k, distance, rest = heapq.heappop(queue)
        if k == len(strides):
            return bound
        for delta in _deltas(rest, strides[k], spans[k], ends[k + 1]):
            consider(k + 1, distance + weights[k] * delta, rest - strides[k] * delta)
    return least


def _ends(factors: Sequence[int], spans: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Least and greatest value of Σ factors·unknowns."""
    ends = [sorted((factor * low, factor * high)) for factor, (low, high) in zip(factors, spans, strict=True)]
    return sum(low for low, _ in ends), sum(high for _, high in ends)


def _deltas(rest: int, stride: int, span: tuple[int, int], ends: tuple[int, int]) -> range:
    """The values of an unknown that leave of ``rest`` something that the others can make, which is in ``ends``."""
    if stride == 0:
        return range(span[0], span[1] + 1) if ends[0] <= rest <= ends[1] else range(0)
    low, high = sorted(((rest - ends[0]) / stride, (rest - ends[1]) / stride))
    return range(max(span[0], int(np.floor(low))), min(span[1], int(np.ceil(high))) + 1)


def _apart(touching: Sequence[Access], counters: Sequence[str]) -> bool:
    """Whether no word that is stored to is touched with two different values of ``counters``."""
    outside = {tuple(sorted(a.outside().items())) for a in touching if a.index is not None}
    if any(not access.few for access in touching) or len(outside) > 1:
        return False
    pairs = [np.stack([access.addresses(), access.digits(counters)]) for access in touching]
    stored = np.concatenate([pair[0] for pair, access in zip(pairs, touching, strict=True) if access.store])
    different = np.unique(np.concatenate(pairs, axis=1), axis=1)
    words, counts = np.unique(different[0], return_counts=True)
    return not np.isin(words[counts > 1], stored).any()


def _lag(before: Access, after: Access, intervals: tuple[int, int], size: int) -> int | None:
    """The lag of two accesses of a memory of ``size`` words."""
    if not (before.few and after.few) or before.outside() != after.outside():
        return intervals[0] * int(np.dot(before.weights, [high for _, high in before.box]))
    never = np.iinfo(np.int64).min // 2
    last = np.full(size, never)
    first = np.full(size, -never)
    for access, times in ((before, last), (after, first)):
        addresses, iterations = access.addresses(), access.iterations()
        inside = (addresses >= 0) & (addresses < size)
        (np.maximum if access is before else np.minimum).at(times, addresses[inside], iterations[inside])
    both = (last != never) & (first != -never)
    return int((intervals[0] * last - intervals[1] * first)[both].max()) if both.any() else None
