"""The schedule that keeps the fewest bits waiting: a linear program over difference constraints.

The bits of a value times the cycles between its result and its last use are the registers that it needs. Every row of
the program is a difference of two unknowns, so that its vertices are integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from asnet.hls.scheduling.system import Lag, System, busy, heights

__all__ = ["fewest_registers"]

_EARLY = 1.0 / 4096
"""What a cycle of an operation costs, in bits: of equal schedules the earliest."""


def fewest_registers(problem: System, lags: Sequence[Lag], interval: int | None, start: Sequence[int]) -> list[int]:
    """Start cycles that satisfy ``lags`` within the depth of ``start``, with the fewest bits kept.

    ``start``: the earliest cycles that satisfy ``lags``.
    """
    items = problem.items
    uses = list(_uses(problem, interval))
    waits = [lag for lag in uses if lag.before != lag.after and start[lag.before] < start[lag.after] + lag.cycles]
    depth = max((cycle + busy(item) for cycle, item in zip(start, items, strict=True)), default=0)
    latest = [depth - height for height in heights(problem, lags)]
    if not waits or all(first == last for first, last in zip(start, latest, strict=True)):
        return list(start)
    ends = {before: len(items) + k for k, before in enumerate(dict.fromkeys(lag.before for lag in uses))}
    rows = [*lags, *(Lag(lag.after, ends[lag.before], lag.cycles) for lag in uses)]
    cost = np.full(len(items) + len(ends), _EARLY)
    for before, end in ends.items():
        cost[before] -= items[before].bits
        cost[end] = items[before].bits
    bounds = [*zip(start, latest, strict=True), *[(None, None)] * len(ends)]
    found = _solve(rows, cost, bounds)
    if found is None or any(found[lag.before] + lag.cycles > found[lag.after] for lag in rows):
        return list(start)
    return found[: len(items)]


def _uses(problem: System, interval: int | None) -> Iterator[Lag]:
    """Uses of values: ``before`` is kept for s[after] + cycles - s[before] cycles for ``after``."""
    for edge in problem.problem.edges:
        before = problem.index[edge.before]
        if edge.value and problem.items[before].bits and (interval is not None or not edge.distance):
            cycles = (interval or 0) * edge.distance - problem.items[before].latency
            yield Lag(before, problem.index[edge.after], cycles)


def _solve(rows: Sequence[Lag], cost: np.ndarray, bounds: Sequence[tuple[int | None, int | None]]) -> list[int] | None:
    """The cheapest integers that satisfy ``rows`` and ``bounds``; None: the solver found none."""
    from scipy.optimize import linprog  # what it takes to import is a tenth of a small network's synthesis
    from scipy.sparse import csr_array

    before, after, cycles = np.array(rows, np.int64).T
    ones, row = np.ones(len(rows)), np.arange(len(rows))
    matrix = csr_array(
        (np.concatenate((ones, -ones)), (np.concatenate((row, row)), np.concatenate((before, after)))),
        shape=(len(rows), len(cost)),
    )
    answer = linprog(cost, A_ub=matrix, b_ub=-cycles, bounds=bounds, method="highs")
    return None if answer.x is None else [round(value) for value in answer.x]
