"""Lower bounds on the initiation interval: recurrences and resources, and what to call them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asnet.hls.scheduling.problem import Limit, Problem
from asnet.hls.scheduling.system import Constraint, Infeasible, Lag, System, earliest, system

__all__ = ["UNLIMITED", "Bound", "crowded", "lower_bound", "recurrence", "recurrence_bound", "resource_bounds"]

UNLIMITED = Limit("none", (), "nothing limits it")
"""The limit of a loop that starts an iteration as often as it was asked to."""

_WORDS = {"read": ("reads", "port"), "write": ("writes", "port")}
"""First word of a resource's name → what its operations and what it are called; units otherwise."""


@dataclass(frozen=True)
class Bound:
    """The initiation interval is at least ``interval`` because of ``limit``."""

    interval: int
    limit: Limit


def lower_bound(problem: System) -> Bound:
    """The greatest of all bounds; of equal ones that of the recurrence, then that of the resource used first."""
    bounds = [recurrence_bound(problem), *resource_bounds(problem)]
    return max(bounds, key=lambda bound: bound.interval)


def recurrence(problem: Problem) -> Bound:
    """What recurrences alone ask for.

    Raises:
        SynthesisError: the problem contradicts itself.
    """
    return recurrence_bound(system(problem))


def recurrence_bound(problem: System) -> Bound:
    """The largest ratio of cycles to distance around a cycle of constraints, rounded up.

    Each positive cycle at an interval asks for a larger one; the last one found is critical.
    """
    bound = Bound(1, UNLIMITED)
    constraints = _recurrent(len(problem.items), problem.constraints)
    while constraints:
        lags = [Lag(c.before, c.after, c.cycles - bound.interval * c.distance) for c in constraints]
        try:
            earliest(len(problem.items), lags)
        except Infeasible as found:
            bound = _ratio(problem, [constraints[number] for number in found.cycle])
        else:
            break
    return bound


def _ratio(problem: System, cycle: Sequence[Constraint]) -> Bound:
    cycles, distance = sum(c.cycles for c in cycle), sum(c.distance for c in cycle)
    least = min(range(len(cycle)), key=lambda k: cycle[k].before)
    names = tuple(problem.items[c.before].name for c in (*cycle[least:], *cycle[:least]))
    text = f"recurrence {' → '.join((*names, names[0]))}: {_counted(cycles, 'cycle')} over distance {distance}"
    return Bound(-(-cycles // distance), Limit("recurrence", names, text))


def resource_bounds(problem: System) -> list[Bound]:
    """What each resource that is used more often than it can be in one cycle asks for."""
    return [
        Bound(-(-len(users) // problem.problem.resources[name]), Limit("resource", (name,), _use(problem, name)))
        for name, users in problem.users.items()
    ]


def crowded(problem: System, interval: int) -> Limit:
    """Why ``interval`` is needed though every bound alone is lower: the fullest resource does not fit the rest."""
    name = max(problem.users, key=lambda name: len(problem.users[name]) / problem.problem.resources[name])
    text = f"{_use(problem, name)}, in places that recurrences leave free only every {interval} cycles"
    return Limit("resource", (name,), text)


def _use(problem: System, name: str) -> str:
    uses, slot = _WORDS.get(name.split(" ", 1)[0], ("operations", "unit"))
    return f"resource {name}: {len(problem.users[name])} {uses}, {_counted(problem.problem.resources[name], slot)}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _recurrent(count: int, constraints: Sequence[Constraint]) -> list[Constraint]:
    """The constraints that lie on cycles: both ends are in one strongly connected component (Tarjan)."""
    leaving: list[list[int]] = [[] for _ in range(count)]
    for constraint in constraints:
        leaving[constraint.before].append(constraint.after)
    order, low, component = [-1] * count, [0] * count, [-1] * count
    stack: list[int] = []
    visited = 0
    for root in range(count):
        if order[root] >= 0:
            continue
        path = [(root, 0)]
        while path:
            number, position = path.pop()
            if position == 0:
                order[number] = low[number] = visited
                visited += 1
                stack.append(number)
            else:
                low[number] = min(low[number], low[leaving[number][position - 1]])
            for later in range(position, len(leaving[number])):
                other = leaving[number][later]
                if order[other] < 0:
                    path += [(number, later + 1), (other, 0)]
                    break
                if component[other] < 0:
                    low[number] = min(low[number], order[other])
            else:
                if low[number] == order[number]:
                    while component[number] < 0:
                        component[stack.pop()] = number
    return [c for c in constraints if component[c.before] == component[c.after]]
