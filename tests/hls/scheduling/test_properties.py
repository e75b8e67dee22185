"""Random problems: schedules are legal, intervals are the least there are, limits name what limits."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asnet.errors import SynthesisError
from asnet.hls.scheduling import Edge, Item, Problem, check, solve


@st.composite
def problems(draw: st.DrawFn, most: int = 12, latencies: int = 4) -> Problem:
    """Data flow in the order of the items, recurrences in any direction, resources of one or two slots."""
    count = draw(st.integers(1, most))
    resources = {"p": draw(st.integers(1, 2)), "q": 1}
    items = tuple(
        Item(
            f"i{number}",
            draw(st.integers(0, latencies)),
            draw(st.sampled_from((0.5, 2.0, 4.5))),
            draw(st.sampled_from((0.0, 1.5))),
            draw(st.sampled_from((None, "p", "q"))),
            draw(st.sampled_from((1, 8, 32))),
            draw(st.sampled_from((0.0, 0.0, 3.0))),
        )
        for number in range(count)
    )
    edges: list[Edge] = []
    for _ in range(draw(st.integers(0, 2 * count))):
        before, after = draw(st.integers(0, count - 1)), draw(st.integers(0, count - 1))
        distance = draw(st.integers(1, 3)) if after <= before else draw(st.sampled_from((0, 0, 0, 1)))
        value = draw(st.booleans())
        cycles = items[before].latency if value else draw(st.integers(0, 2))
        edges.append(Edge(f"i{before}", f"i{after}", cycles, distance, value))
    return Problem(items, tuple(edges), resources, period=6.0)


@settings(max_examples=150, deadline=None)
@given(problems(), st.one_of(st.none(), st.integers(1, 3)))
def test_every_schedule_is_legal(problem: Problem, interval: int | None) -> None:
    solution = solve(problem, interval)
    check(problem, solution)
    assert (solution.interval == 0) == (interval is None)
    assert solution.interval >= (interval or 0)
    assert solve(problem, interval) == solution


def _feasible(problem: Problem, interval: int) -> bool:
    """Whether any residues of the operations that use resources allow a schedule: all of them are tried."""
    users = [item for item in problem.items if item.resource is not None]
    for residues in product(range(interval), repeat=len(users)):
        taken = [(item.resource, residue) for item, residue in zip(users, residues, strict=True)]
        if any(taken.count(use) > problem.resources[use[0] or ""] for use in taken):
            continue
        if _rounds(problem, interval, {item.name: r for item, r in zip(users, residues, strict=True)}):
            return True
    return False


def _rounds(problem: Problem, interval: int, residue: dict[str, int]) -> bool:
    """Whether start cycles with these residues satisfy all constraints: pushed up until they hold, or not."""
    start = {item.name: residue.get(item.name, 0) for item in problem.items}
    latency = {item.name: item.latency for item in problem.items}
    lags = [(edge.before, edge.after, edge.cycles - interval * edge.distance) for edge in problem.edges]
    lags += [
        (before, after, latency[before] + 1 - interval * distance) for before, after, distance in _too_long(problem)
    ]
    most = 200
    while True:
        moved = False
        for before, after, cycles in lags:
            least = start[before] + cycles
            if start[after] < least:
                step = interval if after in residue else 1
                start[after] += -(-(least - start[after]) // step) * step
                moved = True
        if not moved:
            return True
        if max(start.values()) > most:
            return False


def _too_long(problem: Problem) -> list[tuple[str, str, int]]:
    """The ends of all paths of logic beyond the period, by walking every path."""
    items = {item.name: item for item in problem.items}
    found: list[tuple[str, str, int]] = []

    def walk(first: str, at: str, arrival: float, distance: int, seen: tuple[str, ...]) -> None:
        for edge in problem.edges:
            if edge.before != at or not edge.value or edge.after in seen:
                continue
            after = items[edge.after]
            total = max(arrival, after.held) + after.before
            if arrival > after.held and total > problem.period:
                found.append((first, edge.after, distance + edge.distance))
            elif after.latency == 0:
                walk(first, edge.after, total, distance + edge.distance, (*seen, edge.after))

    for item in problem.items:
        walk(item.name, item.name, item.after if item.latency else item.held + item.before, 0, ())
    return found


@settings(max_examples=150, deadline=None)
@given(problems(most=5, latencies=3))
def test_the_interval_is_the_least(problem: Problem) -> None:
    solution = solve(problem)
    if solution.interval > 1:
        assert not _feasible(problem, solution.interval - 1)
        assert solution.limit.kind in ("recurrence", "resource")
    else:
        assert solution.limit.kind == "none"


@settings(max_examples=100, deadline=None)
@given(problems())
def test_the_limit_is_one(problem: Problem) -> None:
    """A recurrence alone asks for the interval that it is said to ask for; so does a resource."""
    solution = solve(problem)
    limit = solution.limit
    if limit.kind == "recurrence":
        names = set(limit.names)
        alone = Problem(
            tuple(item for item in problem.items),
            tuple(edge for edge in problem.edges if {edge.before, edge.after} <= _reached(problem, names)),
            {name: len(problem.items) for name in problem.resources},
            problem.period,
        )
        assert solve(alone).interval == solution.interval
    if limit.kind == "resource":
        (name,) = limit.names
        assert sum(item.resource == name for item in problem.items) > problem.resources[name]


def _reached(problem: Problem, names: set[str]) -> set[str]:
    """``names`` and what lies between them: a constraint of chained logic names its ends only."""
    forwards, backwards = set(names), set(names)
    for _ in problem.items:
        forwards |= {edge.after for edge in problem.edges if edge.before in forwards}
        backwards |= {edge.before for edge in problem.edges if edge.after in backwards}
    return forwards & backwards


@settings(max_examples=100, deadline=None)
@given(problems(), st.data())
def test_a_spoiled_schedule_is_refused(problem: Problem, data: st.DataObject) -> None:
    """Moving an operation before the end of what it takes breaks a rule."""
    solution = solve(problem)
    values = [edge for edge in problem.edges if edge.value and edge.cycles and edge.before != edge.after]
    if not values:
        return
    edge = data.draw(st.sampled_from(values))
    too_early = solution.start[edge.before] + edge.cycles - 1 - solution.interval * edge.distance
    start = {**solution.start, edge.after: too_early}
    with pytest.raises(SynthesisError, match="illegal schedule: "):
        check(problem, type(solution)(start, solution.interval, solution.depth, solution.limit))
