"""From a problem to a schedule: the least interval, then the least depth, then the fewest bits kept in registers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from asnet.errors import SynthesisError
from asnet.hls.scheduling.bounds import UNLIMITED, crowded, lower_bound
from asnet.hls.scheduling.placement import orders, places
from asnet.hls.scheduling.problem import Limit, Problem, Solution
from asnet.hls.scheduling.registers import fewest_registers
from asnet.hls.scheduling.residues import search
from asnet.hls.scheduling.system import Lag, System, busy, earliest, heights, system

__all__ = ["solve"]

_ATTEMPTS = 16
"""Intervals tried before iterations are started only when the one before has ended."""


def solve(problem: Problem, interval: int | None = 1) -> Solution:
    """Schedule ``problem`` with an initiation interval of at least ``interval``; None: iterations do not overlap.

    The interval is the least that is found: without crowded resources the least there is, otherwise that of a heuristic
    (and of a search, if the problem is small). The depth is the least for the order in which operations take resources.
    Without overlap the next iteration starts ``depth`` cycles later.

    Raises:
        SynthesisError: the problem contradicts itself, see :func:`asnet.hls.scheduling.system.system`.
    """
    made = system(problem)
    if interval is None:
        start = _without_overlap(made)
        lags = [*made.lags(None), *orders(made, start, None)]
        return _solution(made, fewest_registers(made, lags, None, start), 0, UNLIMITED)
    if interval < 1:
        raise SynthesisError(f"an iteration cannot start every {interval} cycles; the least interval is 1")
    bound = lower_bound(made)
    least = max(interval, bound.interval)
    tried, start = _overlapped(made, least)
    limit = bound.limit if bound.interval == tried else UNLIMITED
    if tried > least:
        limit = crowded(made, tried)
    lags = [*made.lags(tried), *orders(made, start, tried)]
    return _solution(made, fewest_registers(made, lags, tried, start), tried, limit)


def _solution(problem: System, start: Sequence[int], interval: int, limit: Limit) -> Solution:
    cycles = {item.name: cycle for item, cycle in zip(problem.items, start, strict=True)}
    depth = _depth(problem, start)
    if not interval:
        depth = max(depth, *(_needed(problem, start)))
    return Solution(cycles, interval, depth, limit)


def _depth(problem: System, start: Sequence[int]) -> int:
    return max((cycle + busy(item) for cycle, item in zip(start, problem.items, strict=True)), default=0)


def _needed(problem: System, start: Sequence[int]) -> Iterator[int]:
    """The intervals that the constraints between iterations ask for, given the start cycles."""
    yield 0
    for constraint in problem.constraints:
        if constraint.distance:
            waited = start[constraint.before] + constraint.cycles - start[constraint.after]
            yield -(-waited // constraint.distance)


def _overlapped(problem: System, least: int) -> tuple[int, list[int]]:
    """The first interval from ``least`` on for which slots are found, and start cycles.

    Steps are wider where intervals are large; those between the last two are tried in the end.
    """
    tried = without = least
    for _ in range(_ATTEMPTS):
        start = _placed(problem, tried)
        if start is not None:
            between = ((interval, _placed(problem, interval)) for interval in range(without, tried))
            return next(((interval, found) for interval, found in between if found is not None), (tried, start))
        without = tried + 1
        tried += 1 + tried // 16
    start = _without_overlap(problem)
    return max(least, _depth(problem, start), *_needed(problem, start)), start


def _without_overlap(problem: System) -> list[int]:
    start = _placed(problem, None)
    assert start is not None, "operations without recurrences always find a slot"
    return start


def _placed(problem: System, interval: int | None) -> list[int] | None:
    """The shallowest of some schedules with slots for all operations, or None; interval None: without overlap."""
    lags = problem.lags(interval)
    if not problem.users:
        return earliest(len(problem.items), lags)
    found = places(problem, lags, interval, list(_ranks(problem, lags)))
    if not found and interval is not None:
        searched = search(problem, lags, interval)
        found = [] if searched is None else [searched]
    tight = [earliest(len(start), [*lags, *orders(problem, start, interval)]) for start in found]
    return min(tight, key=lambda start: _depth(problem, start), default=None)


def _ranks(problem: System, lags: Sequence[Lag]) -> Iterator[list[int]]:
    """Ranks of the items: by what waits for them, by how little they can move, by when they can start."""
    height, first = heights(problem, lags), earliest(len(problem.items), lags)
    both = list(zip(height, first, strict=True))
    for urgency in ([(-a, 0) for a, _ in both], [(-a - b, b) for a, b in both], [(b, 0) for _, b in both]):
        rank = [0] * len(height)
        for position, number in enumerate(sorted(problem.order, key=urgency.__getitem__)):
            rank[number] = position
        yield rank
