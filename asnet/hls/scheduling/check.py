"""What a legal schedule is, said apart from how schedules are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from graphlib import TopologicalSorter

from asnet.errors import SynthesisError
from asnet.hls.scheduling.problem import Edge, Problem, Solution
from asnet.hls.scheduling.system import TOLERANCE, busy

__all__ = ["check"]


def check(problem: Problem, solution: Solution) -> None:
    """Check that every operation has a cycle, every dependence, every resource in every cycle, and the depth of logic.

    Without overlap an iteration starts when the one before has ended, after ``depth`` cycles.

    Raises:
        SynthesisError: the schedule is not legal; names the operations and the rule.
    """
    start, interval = solution.start, solution.interval or solution.depth
    names = {item.name for item in problem.items}
    if names != set(start):
        _refuse(f"operations without a cycle or unknown: {', '.join(sorted(names ^ start.keys()))}")
    for item in problem.items:
        end = start[item.name] + busy(item)
        if start[item.name] < 0 or end > solution.depth:
            _refuse(f"{item.name} starts in cycle {start[item.name]} and does not end within {solution.depth}")
    for edge in problem.edges:
        waited = start[edge.after] + interval * edge.distance - start[edge.before]
        if waited < edge.cycles:
            of = f" of {edge.distance} iterations before" if edge.distance else ""
            _refuse(f"{edge.after} starts {waited} cycles after {edge.before}{of}, not {edge.cycles}")
    _check_resources(problem, start, interval)
    _check_logic(problem, start, interval if solution.interval else None)


def _refuse(problem: str) -> None:
    raise SynthesisError(f"illegal schedule: {problem}")


def _check_resources(problem: Problem, start: Mapping[str, int], interval: int) -> None:
    used: Counter[tuple[str, int]] = Counter()
    for item in problem.items:
        if item.resource is None:
            continue
        cycle = start[item.name] % interval
        used[item.resource, cycle] += 1
        if used[item.resource, cycle] > problem.resources[item.resource]:
            users = [other.name for other in problem.items if other.resource == item.resource]
            sharing = [name for name in users if start[name] % interval == cycle]
            _refuse(
                f"{', '.join(sharing)} use {item.resource!r} in cycle {cycle} of {interval}, which takes "
                f"{problem.resources[item.resource]}"
            )


def _check_logic(problem: Problem, start: Mapping[str, int], interval: int | None) -> None:
    """Where a cycle more between two operations would shorten the logic up to one of them, it must not be too long."""
    items = {item.name: item for item in problem.items}
    chained: dict[str, list[Edge]] = {item.name: [] for item in problem.items}
    for edge in problem.edges:
        if edge.distance and interval is None:
            continue
        waited = start[edge.after] + (interval or 0) * edge.distance - start[edge.before]
        if edge.value and waited == items[edge.before].latency:
            chained[edge.after].append(edge)
    waits = {name: [edge.before for edge in edges if not items[edge.before].latency] for name, edges in chained.items()}
    result: dict[str, float] = {}
    for name in TopologicalSorter(waits).static_order():
        arrival = max((result.get(edge.before, items[edge.before].after) for edge in chained[name]), default=0.0)
        held, before = items[name].held, items[name].before
        total = max(arrival, held) + before
        if items[name].latency == 0:
            result[name] = total
        if arrival > held + TOLERANCE and total > problem.period + TOLERANCE:
            behind = ", ".join(edge.before for edge in chained[name])
            _refuse(f"{total:.2f} ns of logic through {behind} to {name}, the period is {problem.period:.2f} ns")
