"""When the loops of a layer run: everything is known before the clock runs.

Cycle 0 is the one in which the layer's ``start`` is 1; a loop that is begun in a cycle starts its first iteration in
the next. Loops that stand one after the other overlap as far as their accesses to memories and units allow; what is
repeated, and what follows it, waits until everything before has happened; so does a loop that may wait for constants.

A value that a loop leaves is in its register from the cycle *after* the one in which it is ready. The next loop starts
no earlier, but a repeat takes its carried values in the very cycle in which what is before it ends: that one then
ends only when they are in their registers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

from asnet.hls.nest import Node, Pipeline, Program, Repeat, Streamed
from asnet.hls.nest.accesses import accesses
from asnet.hls.planning.loop import LoopPlan
from asnet.hls.scheduling import Access, Strand, Tick, Timeline, Use, least_offset
from asnet.hls.storage import tiled_loads

__all__ = ["Event", "Layout", "Placed", "Trigger", "collected_stage", "inner_iterations", "lay_out"]


@dataclass(frozen=True)
class Event:
    """What a loop knows: its last iteration starts, or (``early``) the innermost counter begins its last round."""

    loop: int
    early: bool


@dataclass(frozen=True)
class Trigger:
    """So many ``cycles`` after an event."""

    event: Event
    cycles: int


@dataclass(frozen=True)
class Placed:
    """A loop in time: the start of its first iteration in each run, counted by the ``around`` counters of repeats.

    Whoever reads a memory takes its first port as well as its own, so that no two nodes read it in one cycle: its
    ports need not be good for that (they may be banks).
    """

    plan: LoopPlan
    start: int
    ticks: tuple[Tick, ...]
    around: int

    @property
    def runs(self) -> int:
        """Runs per image."""
        return prod(tick.extent for tick in self.ticks[: self.around])

    @property
    def last_start(self) -> int:
        """The cycle in which the last iteration of the first run starts."""
        return self.start + sum((tick.extent - 1) * tick.cycles for tick in self.ticks[self.around :])

    @property
    def round(self) -> str | None:
        """The innermost counter that steps; None if none does."""
        inner = self._inner
        return None if inner is None else inner.name

    @property
    def _inner(self) -> Tick | None:
        steps = [tick for tick in self.ticks[self.around :] if tick.extent > 1]
        return steps[-1] if steps else None

    def cycle(self, event: Event) -> int:
        """The cycle of an event in the first run."""
        inner = self._inner if event.early else None
        return self.last_start if inner is None else self.last_start - (inner.extent - 1) * inner.cycles

    @property
    def ended(self) -> int:
        """The cycle in which everything of the first run has happened."""
        return self.last_start + self.plan.drain

    def left(self, name: str) -> int:
        """The first cycle in which the register of the value ``name`` that the loop leaves holds the first run's."""
        return self.last_start + self.plan.stage_of(name) + 1

    @property
    def strand(self) -> Strand:
        """The loop as a scheduler sees it."""
        plan = self.plan
        touched = tuple(
            Access(
                access.memory,
                access.store,
                plan.start(access.operation.name),
                access.index.strides if access.index is not None else None,
                access.index.offset if access.index is not None else 0,
                dict(zip(access.counters, access.box, strict=True)),
            )
            for access in accesses(plan.pipeline)
        )
        used = [Use(f"{part.name} {plan.instance[name]}", plan.start(name)) for name, part in plan.resources.items()]
        used += [
            Use(f"{plan.resources[load.name].name} 0", plan.start(load.name))
            for load in plan.pipeline.operations
            if load.op == "load" and plan.instance[load.name]
        ]
        return Strand(self.ticks, touched, tuple(used), self.start)


@dataclass(frozen=True)
class Layout:
    """A layer in time. ``loops``: in the program's order. ``ends``: of each node that is no repeat, in that order, what
    tells that what follows it begins; ``cycles``: from ``start`` until everything has happened.
    """

    loops: tuple[Placed, ...]
    ends: tuple[Trigger, ...]
    cycles: int

    @cached_property
    def timeline(self) -> Timeline:
        """All that happens from ``start`` on."""
        return Timeline(tuple(placed.strand for placed in self.loops))


def inner_iterations(node: Streamed) -> int:
    """Results that a lane has per group: the iterations of the counters inside the reduction."""
    names = [counter.name for counter in node.tail.counters]
    return prod(counter.extent for counter in node.tail.counters[names.index(node.lane) + 1 :])


def collected_stage(node: Streamed, main: LoopPlan) -> int:
    """The stage of ``main`` in which its results are handed to the collector: all are there."""
    names = [name for lanes in node.values.values() for name in lanes]
    return max((main.ready(name) for name in names if name in main.solution.start), default=0)


def lay_out(program: Program, loops: Sequence[LoopPlan]) -> Layout:
    """Place ``loops``, one for each of the program's pipelines."""
    return _Layout(program, loops).run()


class _Layout:
    def __init__(self, program: Program, loops: Sequence[LoopPlan]) -> None:
        self._program = program
        self._plans = iter(loops)
        self._placed: list[Placed] = []
        self._ends: list[Trigger] = []
        self._carried = frozenset(_carried_on(program.body))

    def run(self) -> Layout:
        end = self._nodes(self._program.body, 0, ())
        return Layout(tuple(self._placed), tuple(self._ends), end + 1)

    def _nodes(self, nodes: Sequence[Node], begin: int, around: tuple[Tick, ...]) -> int:
        """Place ``nodes``, of which the first begins in cycle ``begin``; the cycle in which all have ended."""
        overlap = not around and not any(isinstance(node, Repeat) for node in nodes)
        before: list[tuple[int, Timeline]] = []
        open_end: Sequence[int] = ()
        ended, left = begin, begin
        for node in nodes:
            if isinstance(node, Repeat):
                ended = max(ended, left)
                self._close(open_end, ended)
                open_end, ended = (), self._repeat(node, ended, around)
                continue
            loops = self._leaf(node, around)
            timeline = _timeline(loops)
            start = ended + 1
            if open_end:
                if overlap and not any(tiled_loads(self._program, loop.plan.pipeline) for loop in loops):
                    start = _earliest(before, timeline, 1 + min(cycle for cycle, _ in self._events(open_end)))
                self._close(open_end, start - 1)
            open_end = range(len(self._placed), len(self._placed) + len(loops))
            self._placed += [replace(loop, start=loop.start + start) for loop in loops]
            before.append((start, timeline))
            ended = max([ended, *(self._placed[loop].ended for loop in open_end)])
            left = max([left, *self._left(open_end)])
        ended = max(ended, left)
        self._close(open_end, ended)
        return ended

    def _left(self, loops: Sequence[int]) -> list[int]:
        """When the values are in their registers that ``loops`` leave and a repeat carries on."""
        placed = [self._placed[loop] for loop in loops]
        return [loop.left(name) for loop in placed for name in loop.plan.pipeline.results if name in self._carried]

    def _events(self, loops: Sequence[int]) -> list[tuple[int, Event]]:
        """The events of ``loops``, one node's, after which none of them waits, and their cycles, in order."""
        paused = {name for loop in loops for name in self._paused(self._placed[loop].plan.pipeline)}
        rounds = {loop: self._placed[loop].round for loop in loops}
        events = [Event(loop, early=True) for loop in loops if rounds[loop] is None or rounds[loop] not in paused]
        events += [Event(loop, early=False) for loop in loops]
        return sorted(((self._placed[event.loop].cycle(event), event) for event in events), key=lambda pair: pair[0])

    def _paused(self, pipeline: Pipeline) -> set[str]:
        """The counters with whose steps a loop may wait for constants."""
        inside = [memory.first for _, memory in tiled_loads(self._program, pipeline)]
        return {counter.name for counter in pipeline.counters for first in inside if counter.name not in first}

    def _close(self, loops: Sequence[int], cycle: int) -> None:
        """What follows ``loops`` begins in ``cycle``."""
        known = [(at, event) for at, event in self._events(loops) if at <= cycle]
        if known:
            self._ends.append(Trigger(known[-1][1], cycle - known[-1][0]))

    def _leaf(self, node: Pipeline | Streamed, around: tuple[Tick, ...]) -> list[Placed]:
        """The loops of a node whose first iteration starts in cycle 0."""
        main = next(self._plans)
        first = Placed(main, 0, (*around, *_ticks(main)), len(around))
        if isinstance(node, Pipeline):
            return [first]
        tail = next(self._plans)
        inside = inner_iterations(node)
        lanes = next(counter.extent for counter in node.tail.counters if counter.name == node.lane)
        group = main.pipeline.iterations * inside * lanes // node.tail.iterations
        outer = [counter.name for counter in node.tail.counters].index(node.lane)
        slow = group * main.interval
        ticks: list[Tick] = []
        for place, counter in enumerate(node.tail.counters):
            within = prod(other.extent for other in node.tail.counters[place + 1 :])
            rounds = within // (inside * lanes) if place < outer else 0
            ticks.append(Tick(counter.name, counter.extent, rounds * slow if rounds else within * main.interval))
        start = (group - inside) * main.interval + collected_stage(node, main) + 1
        return [first, Placed(tail, start, (*around, *ticks), len(around))]

    def _repeat(self, node: Repeat, begin: int, around: tuple[Tick, ...]) -> int:
        first, extent = len(self._placed), node.counter.extent
        end = self._nodes(node.body, begin + 1, (*around, Tick(node.counter.name, extent, 0)))
        tick = Tick(node.counter.name, extent, end - begin)
        place = len(around)
        self._placed[first:] = [
            replace(loop, ticks=(*loop.ticks[:place], tick, *loop.ticks[place + 1 :])) for loop in self._placed[first:]
        ]
        return begin + extent * (end - begin)


def _carried_on(nodes: Sequence[Node]) -> Iterator[str]:
    """The values that repeats in ``nodes`` take when they begin, and when their next iteration does."""
    for node in nodes:
        if isinstance(node, Repeat):
            operands = (operand for value in node.carried for operand in (value.initial, value.following))
            yield from (operand for operand in operands if isinstance(operand, str))
            yield from _carried_on(node.body)


def _ticks(plan: LoopPlan) -> tuple[Tick, ...]:
    counters = plan.pipeline.counters
    return tuple(
        Tick(counter.name, counter.extent, plan.interval * prod(inner.extent for inner in counters[place + 1 :]))
        for place, counter in enumerate(counters)
    )


def _timeline(loops: Sequence[Placed]) -> Timeline:
    """A node that starts in cycle 0, with the values that it leaves and that it takes from before."""
    results: dict[str, int] = {}
    needs: dict[str, int] = {}
    for loop in loops:
        plan = loop.plan
        for name in plan.pipeline.results:
            results[name] = loop.left(name)
        for name, stage in plan.taken.items():
            needs[name] = min(needs.get(name, loop.start + stage), loop.start + stage)
    return Timeline(tuple(loop.strand for loop in loops), results, needs)


def _earliest(before: Sequence[tuple[int, Timeline]], timeline: Timeline, least: int) -> int:
    """The first start ≥ ``least`` at which a node is in the way of none of those before it (start, node)."""
    found = least
    while True:
        start = found
        for begun, other in before:
            start = max(start, begun + least_offset(other, timeline, least=start - begun))
        if start == found:
            return start
        found = start
