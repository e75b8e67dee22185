"""When what of a layer happens: everything is known before the clock runs.

Cycle 0 is the one in which the layer's ``start`` is 1. A loop begins when the one before ends (``begin``), starts its
first iteration a cycle later, and ends (``end``) so many cycles after its last iteration's start that what follows
finds everything done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asnet.hls.nest import Node, Pipeline, Repeat, Streamed
from asnet.hls.planning import LoopPlan, ProgramPlan

__all__ = ["EngineTiming", "LoopTiming", "collected_stage", "engine_timing", "inner_iterations"]


@dataclass(frozen=True)
class LoopTiming:
    """One loop: the cycle in which it starts for the first time, and how often it runs per image."""

    plan: LoopPlan
    start: int
    runs: int


@dataclass(frozen=True)
class EngineTiming:
    """A layer: ``loops`` in the program's order; ``cycles`` from ``start`` to ``done``."""

    loops: tuple[LoopTiming, ...]
    cycles: int


def inner_iterations(node: Streamed) -> int:
    """Results that a lane has per group: the iterations of the counters inside the reduction."""
    names = [counter.name for counter in node.tail.counters]
    count = 1
    for counter in node.tail.counters[names.index(node.lane) + 1 :]:
        count *= counter.extent
    return count


def collected_stage(node: Streamed, main: LoopPlan) -> int:
    """The stage of ``main`` in which its results are handed to the collector: all are there."""
    names = [name for lanes in node.values.values() for name in lanes]
    return max((main.ready(name) for name in names if name in main.solution.start), default=0)


def engine_timing(plan: ProgramPlan) -> EngineTiming:
    """When everything of ``plan`` happens."""
    return _Timer(plan).run()


class _Timer:
    def __init__(self, plan: ProgramPlan) -> None:
        self._plan = plan
        self._loops = iter(plan.loops)
        self._found: list[LoopTiming] = []

    def run(self) -> EngineTiming:
        end = self._nodes(self._plan.program.body, 0, 1)
        return EngineTiming(tuple(self._found), end + 1)

    def _nodes(self, nodes: Sequence[Node], begin: int, runs: int) -> int:
        """The cycle in which the last of ``nodes`` ends, of which the first begins at ``begin``."""
        for node in nodes:
            match node:
                case Pipeline():
                    begin = self._loop(begin + 1, runs)
                case Streamed():
                    begin = self._streamed(node, begin + 1, runs)
                case Repeat():
                    begin = self._repeat(node, begin, runs)
        return begin

    def _loop(self, start: int, runs: int) -> int:
        loop = next(self._loops)
        self._found.append(LoopTiming(loop, start, runs))
        return start + (loop.pipeline.iterations - 1) * loop.interval + loop.drain

    def _streamed(self, node: Streamed, start: int, runs: int) -> int:
        main, tail = next(self._loops), next(self._loops)
        self._found.append(LoopTiming(main, start, runs))
        inside = inner_iterations(node)
        lanes = next(counter.extent for counter in node.tail.counters if counter.name == node.lane)
        groups = node.tail.iterations // (inside * lanes)
        per_group = main.pipeline.iterations // groups
        stage = collected_stage(node, main) + 1
        first = start + (per_group - inside) * main.interval + stage
        last = start + (main.pipeline.iterations - inside + inside * lanes - 1) * main.interval + stage
        self._found.append(LoopTiming(tail, first, runs))
        return last + tail.drain

    def _repeat(self, node: Repeat, begin: int, runs: int) -> int:
        extent = node.counter.extent
        before = len(self._found)
        end = self._nodes(node.body, begin + 1, runs * extent)
        if before == len(self._found):
            return begin + extent
        return begin + extent * (end - begin)
