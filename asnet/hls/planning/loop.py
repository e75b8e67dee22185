"""A flat loop with all decisions taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from asnet.hls.binder import Resource
from asnet.hls.kernel import Operand
from asnet.hls.nest import Pipeline
from asnet.hls.operators import Operator
from asnet.hls.planning.values import Value
from asnet.hls.scheduling import Problem, Solution

__all__ = ["LoopPlan"]


@dataclass(frozen=True)
class LoopPlan:
    """One loop. ``values``: what is known of its values, and of those of earlier nodes that it uses.

    ``resources``, ``operators``: what operations run on; ``instance``: which of several units or ports of a kind.
    """

    pipeline: Pipeline
    values: Mapping[str, Value]
    resources: Mapping[str, Resource]
    operators: Mapping[str, Operator]
    instance: Mapping[str, int]
    problem: Problem
    solution: Solution

    @property
    def interval(self) -> int:
        """Cycles from one iteration's start to the next one's; at least 1."""
        return max(1, self.solution.interval)

    def start(self, name: str) -> int:
        """The cycle in which an operation or carried value starts, counted from its iteration's start."""
        return self.solution.start[name]

    def ready(self, name: str) -> int:
        """The cycle in which the result of an operation or carried value is there for the first time."""
        resource = self.resources.get(name)
        return self.start(name) + (resource.latency if resource is not None else 0)

    @cached_property
    def depth(self) -> int:
        """Cycles from an iteration's start in which anything of it happens."""
        return 1 + max((self.ready(name) for name in self.solution.start), default=0)

    @property
    def drain(self) -> int:
        """Cycles from the last iteration's start until everything of it has happened."""
        return self.depth - 1

    def stage_of(self, name: str) -> int:
        """The stage from which on any value of the loop is there; counters and sums of them always are."""
        return self.ready(name) if name in self.solution.start else 0

    @cached_property
    def taken(self) -> Mapping[str, int]:
        """Value of an earlier node → the first stage in which it is looked at."""
        own = {*self.solution.start, *self.pipeline.affine, *(counter.name for counter in self.pipeline.counters)}
        found: dict[str, int] = {}
        for stage, operand in self._operands():
            if isinstance(operand, str) and operand not in own:
                found[operand] = min(stage, found.get(operand, stage))
        return found

    def _operands(self) -> Iterator[tuple[int, Operand]]:
        """Everything that is looked at, with the stage."""
        for operation in self.pipeline.operations:
            condition = self.pipeline.conditions.get(operation.name)
            for operand in (*operation.operands, *(condition.flags if condition is not None else ())):
                yield self.start(operation.name), operand
        for carried in self.pipeline.carried:
            yield from ((self.start(carried.name), operand) for operand in (carried.initial, carried.following))
