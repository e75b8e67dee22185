"""Finding slots: which cycle, modulo the interval, each operation takes of its resource.

Iterative modulo scheduling (Rau, "Iterative modulo scheduling", 1996) on a system of difference constraints: the most
urgent operation goes to the earliest slot that is free; where there is none it evicts what stands in its way. Without
an interval this is list scheduling, and nothing is ever evicted. When too much is evicted it starts again, and those
that were evicted most go first.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

from asnet.hls.scheduling.system import Lag, System

__all__ = ["orders", "place", "places"]

_TRIES = 8
"""Placements per operation after which an order is given up."""

_WORK = 16_000
"""Placements, roughly, after which an interval is given up."""


def places(
    problem: System, lags: Sequence[Lag], interval: int | None, ranks: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Start cycles that satisfy ``lags`` and all resources, from any of ``ranks``; empty: given up."""
    weights = [[0] * len(rank) for rank in ranks]
    for _ in range(2 + _WORK // (_TRIES * max(1, len(problem.items)))):
        found: list[list[int]] = []
        for weight, rank in zip(weights, ranks, strict=True):
            order = sorted(range(len(rank)), key=lambda number: (-weight[number], rank[number]))
            evicted = [0] * len(rank)
            start = place(problem, lags, interval, order, evicted)
            if start is not None:
                found.append(start)
            weight[:] = [old // 2 + new for old, new in zip(weight, evicted, strict=True)]
        if found:
            return found
    return []


def place(
    problem: System, lags: Sequence[Lag], interval: int | None, order: Sequence[int], evicted: list[int]
) -> list[int] | None:
    """Start cycles that satisfy ``lags`` and all resources; None: given up.

    Of items that wait, the first one in ``order`` goes first; ``evicted`` counts how often each had to give way.
    """
    items = problem.items
    rank = [0] * len(items)
    for position, number in enumerate(order):
        rank[number] = position
    incoming: list[list[Lag]] = [[] for _ in items]
    outgoing: list[list[Lag]] = [[] for _ in items]
    for lag in lags:
        if lag.before != lag.after:
            incoming[lag.after].append(lag)
            outgoing[lag.before].append(lag)
    crowded = {user: name for name, users in problem.users.items() for user in users}
    used: dict[tuple[str, int], list[int]] = {}
    start: dict[int, int] = {}
    last: dict[int, int] = {}
    waiting = [(rank[number], number) for number in range(len(items))]
    heapify(waiting)
    budget = _TRIES * len(items) + 64

    def slot(resource: str, cycle: int) -> list[int]:
        return used.setdefault((resource, cycle if interval is None else cycle % interval), [])

    def remove(number: int) -> None:
        if number in crowded:
            slot(crowded[number], start[number]).remove(number)
        del start[number]
        evicted[number] += 1
        heappush(waiting, (rank[number], number))

    while waiting:
        _, number = heappop(waiting)
        budget -= 1
        if budget < 0:
            return None
        ready = max((start[lag.before] + lag.cycles for lag in incoming[number] if lag.before in start), default=0)
        ready = cycle = max(ready, 0)
        resource = crowded.get(number)
        if resource is not None:
            count = problem.problem.resources[resource]
            while len(slot(resource, cycle)) >= count and (interval is None or cycle < ready + interval):
                cycle += 1
            if interval is not None and cycle == ready + interval:
                cycle = max(ready, last[number] + 1) if number in last else ready
                remove(slot(resource, cycle)[0])
            slot(resource, cycle).append(number)
        elif number in last:
            cycle = max(ready, min(last[number] + 1, cycle))
        start[number] = last[number] = cycle
        for lag in outgoing[number]:
            if lag.after in start and cycle + lag.cycles > start[lag.after]:
                remove(lag.after)
        for lag in incoming[number]:
            if lag.before in start and start[lag.before] + lag.cycles > cycle:
                remove(lag.before)
    return [start[number] for number in range(len(items))]


def orders(problem: System, start: Sequence[int], interval: int | None) -> list[Lag]:
    """Lags that keep the order of slots which ``start`` has: all cycles that satisfy them use no resource too often.

    Operation by operation in the order of slots goes to the instances of a resource in turn; those of one instance
    follow each other, and the first of the next iteration comes after the last.
    """
    found: list[Lag] = []
    for name, users in problem.users.items():
        round_ = {user: 0 if interval is None else start[user] // interval * interval for user in users}
        ordered = sorted(users, key=lambda user: (start[user] - round_[user], user))
        count = problem.problem.resources[name]
        for instance in range(count):
            own = ordered[instance::count]
            for before, after in pairwise(own):
                found.append(Lag(before, after, 1 + round_[after] - round_[before]))
            if interval is not None and len(own) > 1:
                found.append(Lag(own[-1], own[0], 1 + round_[own[0]] - round_[own[-1]] - interval))
    return found
