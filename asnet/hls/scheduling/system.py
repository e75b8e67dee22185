"""A problem as a system of difference constraints: what must lie how many cycles apart.

Every rule but the sharing of resources has the form s_after + II·distance ≥ s_before + cycles: dependences have it from
the start; a path of logic that is longer than the period becomes one constraint between its two ends, which says that
there is a register somewhere on it (Cong and Zhang, "An efficient and versatile scheduling algorithm based on SDC
formulation", DAC 2006). Longest paths solve such a system, in the earliest way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from asnet.errors import SynthesisError
from asnet.hls.scheduling.problem import Edge, Item, Problem

__all__ = ["TOLERANCE", "Constraint", "Infeasible", "Lag", "System", "busy", "earliest", "heights", "system"]

TOLERANCE = 1e-6
"""Nanoseconds that sums of delays may be off by."""


class Constraint(NamedTuple):
    """s[after] + II·distance ≥ s[before] + cycles, for numbers of items."""

    before: int
    after: int
    cycles: int
    distance: int


class Lag(NamedTuple):
    """s[after] ≥ s[before] + cycles: a constraint at a given interval."""

    before: int
    after: int
    cycles: int


class Infeasible(Exception):  # noqa: N818 (an answer, not an error)
    """Lags around ``cycle`` (numbers of lags) add up to more than 0: no start cycles satisfy them."""

    def __init__(self, cycle: Sequence[int]) -> None:
        super().__init__(cycle)
        self.cycle = tuple(cycle)


@dataclass(frozen=True)
class System:
    """A problem's items by number, and all constraints of dependence and of chaining."""

    problem: Problem
    index: Mapping[str, int]
    constraints: tuple[Constraint, ...]
    order: tuple[int, ...]
    """The items, each after those that it waits for within its iteration."""

    @property
    def items(self) -> tuple[Item, ...]:
        """The problem's items."""
        return self.problem.items

    @cached_property
    def users(self) -> Mapping[str, tuple[int, ...]]:
        """Resource → its operations, where they are more than it takes in one cycle."""
        found: dict[str, list[int]] = {}
        for number, item in enumerate(self.items):
            if item.resource is not None:
                found.setdefault(item.resource, []).append(number)
        return {name: tuple(users) for name, users in found.items() if len(users) > self.problem.resources[name]}

    def lags(self, interval: int | None) -> tuple[Lag, ...]:
        """The constraints at an initiation interval; None: those within one iteration."""
        if interval is None:
            return tuple(Lag(c.before, c.after, c.cycles) for c in self.constraints if c.distance == 0)
        return tuple(Lag(c.before, c.after, c.cycles - interval * c.distance) for c in self.constraints)


def busy(item: Item) -> int:
    """Cycles from the start of an operation to its end: combinational ones end with the cycle that they start in."""
    return max(item.latency, 1)


def system(problem: Problem) -> System:
    """The difference constraints of ``problem``.

    Raises:
        SynthesisError: the problem contradicts itself: names that are missing or twice, a resource without a slot, a
            value that is taken before it is there, operations that wait for each other within one iteration.
    """
    index = {item.name: number for number, item in enumerate(problem.items)}
    _validate(problem, index)
    most: dict[tuple[int, int, int], int] = {}

    def add(before: int, after: int, cycles: int, distance: int) -> None:
        key = (before, after, distance)
        most[key] = max(cycles, most.get(key, cycles))

    for edge in problem.edges:
        add(index[edge.before], index[edge.after], edge.cycles, edge.distance)
    order = _order(problem, index)
    for before, after, distance in _long_paths(problem, index):
        add(before, after, problem.items[before].latency + 1, distance)
    return System(problem, index, tuple(Constraint(b, a, cycles, d) for (b, a, d), cycles in most.items()), order)


def _validate(problem: Problem, index: Mapping[str, int]) -> None:
    if len(index) != len(problem.items):
        raise SynthesisError("two operations to be scheduled have one name")
    for item in problem.items:
        if item.resource is not None and problem.resources.get(item.resource, 0) < 1:
            raise SynthesisError(f"{item.name} needs resource {item.resource!r}, of which there is none")
        if item.latency < 0:
            raise SynthesisError(f"{item.name} has a latency of {item.latency} cycles")
    for edge in problem.edges:
        for name in (edge.before, edge.after):
            if name not in index:
                raise SynthesisError(f"a dependence of {edge.after} on {edge.before} names {name!r}, which is no item")
        latency = problem.items[index[edge.before]].latency
        if edge.value and edge.cycles < latency:
            raise SynthesisError(
                f"{edge.after} takes {edge.before} after {edge.cycles} cycles, but the result is there after {latency}"
            )
        if edge.distance < 0 or (edge.distance == 0 and edge.cycles < 0):
            raise SynthesisError(
                f"{edge.after} waits {edge.cycles} cycles for {edge.before} of {edge.distance} iterations before"
            )


def _order(problem: Problem, index: Mapping[str, int]) -> tuple[int, ...]:
    waits: dict[int, list[int]] = {number: [] for number in range(len(problem.items))}
    for edge in problem.edges:
        if edge.distance == 0:
            waits[index[edge.after]].append(index[edge.before])
    try:
        return tuple(TopologicalSorter(waits).static_order())
    except CycleError as error:
        cycle: list[int] = error.args[1]
        path = " → ".join(problem.items[number].name for number in cycle)
        raise SynthesisError(f"operations wait for each other within one iteration: {path}") from None


def _long_paths(problem: Problem, index: Mapping[str, int]) -> Iterable[tuple[int, int, int]]:
    """The ends of the shortest paths of logic beyond the period, with the distance along them."""
    items = problem.items
    following: list[list[tuple[int, int]]] = [[] for _ in items]
    for edge in problem.edges:
        if _chains(edge, items[index[edge.before]]):
            following[index[edge.before]].append((index[edge.after], edge.distance))
    limit = problem.period + TOLERANCE
    most_distance = sum(edge.distance for edge in problem.edges)
    for first, item in enumerate(items):
        if not following[first]:
            continue
        reached: dict[tuple[int, int], float] = {(first, 0): item.after if item.latency else item.held + item.before}
        waiting = deque(reached)
        cut: set[tuple[int, int]] = set()
        while waiting:
            at = waiting.popleft()
            arrival = reached[at]
            for number, distance in following[at[0]]:
                there = (number, at[1] + distance)
                if there in cut or there[1] > most_distance:
                    continue
                total = max(arrival, items[number].held) + items[number].before
                if arrival > items[number].held + TOLERANCE and total > limit:
                    cut.add(there)
                    yield first, number, there[1]
                elif items[number].latency == 0 and total > reached.get(there, -1.0):
                    reached[there] = total
                    waiting.append(there)


def _chains(edge: Edge, before: Item) -> bool:
    """Whether logic runs through the edge when its ends are as close as they may be."""
    return edge.value and edge.cycles == before.latency


def earliest(count: int, lags: Sequence[Lag], first: Sequence[int] | None = None) -> list[int]:
    """The least start cycles ≥ ``first`` (0) of ``count`` items that satisfy ``lags``: longest paths.

    Raises:
        Infeasible: the lags around a cycle are positive.
    """
    leaving: list[list[int]] = [[] for _ in range(count)]
    entering = [0] * count
    for number, lag in enumerate(lags):
        if lag.before == lag.after:
            if lag.cycles > 0:
                raise Infeasible((number,))
            continue
        leaving[lag.before].append(number)
        entering[lag.after] += lag.cycles >= 0
    start = list(first) if first is not None else [0] * count
    reason = [-1] * count
    waiting = deque(_forwards(count, lags, leaving, entering))
    queued = [True] * count
    steps, patience = 0, 4 * count + 16
    while waiting:
        number = waiting.popleft()
        queued[number] = False
        steps += 1
        if steps % patience == 0 and (cycle := _cycle(lags, reason)):
            raise Infeasible(cycle)
        begin = start[number]
        for position in leaving[number]:
            lag = lags[position]
            if begin + lag.cycles > start[lag.after]:
                start[lag.after] = begin + lag.cycles
                reason[lag.after] = position
                if not queued[lag.after]:
                    queued[lag.after] = True
                    waiting.append(lag.after)
    return start


def heights(problem: System, lags: Sequence[Lag]) -> list[int]:
    """Cycles from the start of each item to the end of all that waits for it.

    Raises:
        Infeasible: the lags around a cycle are positive.
    """
    backwards = [Lag(lag.after, lag.before, lag.cycles) for lag in lags]
    return earliest(len(problem.items), backwards, [busy(item) for item in problem.items])


def _forwards(count: int, lags: Sequence[Lag], leaving: Sequence[Sequence[int]], entering: list[int]) -> list[int]:
    """All items, as far as possible in the direction of the lags that are not negative: then one round is enough."""
    order = [number for number in range(count) if not entering[number]]
    for number in order:
        for position in leaving[number]:
            lag = lags[position]
            if lag.cycles >= 0:
                entering[lag.after] -= 1
                if not entering[lag.after]:
                    order.append(lag.after)
    return order + [number for number in range(count) if entering[number]]


def _cycle(lags: Sequence[Lag], reason: Sequence[int]) -> list[int]:
    """A cycle of the lags that last pushed each item, which is positive; empty: there is none."""
    seen = [0] * len(reason)
    for root in range(len(reason)):
        number = root
        while reason[number] >= 0 and not seen[number]:
            seen[number] = root + 1
            number = lags[reason[number]].before
        if reason[number] >= 0 and seen[number] == root + 1:
            found = [reason[number]]
            while lags[found[-1]].before != number:
                found.append(reason[lags[found[-1]].before])
            return found[::-1]
    return []
