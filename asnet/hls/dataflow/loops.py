"""Static timing of a layer made of flat loops: when its pipelined engine writes which word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from asnet.hls.dataflow.accesses import Accesses, Axis, LayerTiming, Space, gathered
from asnet.hls.engine.timing import collected_stage, engine_timing, inner_iterations
from asnet.hls.nest import Condition, Node, Pipeline, Repeat, Streamed
from asnet.hls.planning import LoopPlan, ProgramPlan

__all__ = ["program_timing"]


def program_timing(plan: ProgramPlan) -> LayerTiming:
    """The timing of a layer under the pipelined engine."""
    walk = _Walk(plan)
    end, _ = walk.nodes(plan.program.body, 0, 0, ())
    busy = engine_timing(plan).cycles
    assert busy == end + 1, f"{plan.program.layer}: {end + 1} cycles here, {busy} in the engine"
    return LayerTiming(busy, gathered(iter(walk.found)))


class _Walk:
    """Walks a program as the engine runs it. ``found``: memory and accesses of each store."""

    def __init__(self, plan: ProgramPlan) -> None:
        self._loops = plan.loops
        self.found: list[tuple[str, Accesses | None]] = []

    def nodes(self, nodes: Sequence[Node], begin: int, loop: int, around: tuple[Axis, ...]) -> tuple[int, int]:
        """Run ``nodes`` from cycle ``begin`` and loop number ``loop`` on; the cycle of their end, the next loop."""
        for node in nodes:
            match node:
                case Pipeline():
                    begin, loop = self._pipeline(begin + 1, loop, around), loop + 1
                case Streamed():
                    begin, loop = self._streamed(node, begin + 1, loop, around), loop + 2
                case Repeat():
                    begin, loop = self._repeat(node, begin, loop, around)
        return begin, loop

    def _pipeline(self, start: int, number: int, around: tuple[Axis, ...]) -> int:
        loop = self._loops[number]
        extents = [counter.extent for counter in loop.pipeline.counters]
        steps = [loop.interval * prod(extents[place + 1 :]) for place in range(len(extents))]
        self._stores(loop, start, steps, around)
        return start + (loop.pipeline.iterations - 1) * loop.interval + loop.drain

    def _streamed(self, node: Streamed, start: int, number: int, around: tuple[Axis, ...]) -> int:
        main, tail = self._loops[number], self._loops[number + 1]
        names = [counter.name for counter in node.tail.counters]
        extents = [counter.extent for counter in node.tail.counters]
        lane = names.index(node.lane)
        inside = inner_iterations(node)
        groups = prod(extents[:lane])
        per_group = main.pipeline.iterations // groups
        stage = collected_stage(node, main) + 1
        first = start + (per_group - inside) * main.interval + stage
        steps = [per_group * main.interval * prod(extents[place + 1 : lane]) for place in range(lane)]
        steps += [tail.interval * prod(extents[place + 1 :]) for place in range(lane, len(extents))]
        self._pipeline(start, number, around)
        self._stores(tail, first, steps, around)
        last = first + sum((extent - 1) * step for extent, step in zip(extents, steps, strict=True))
        return last + tail.drain

    def _repeat(self, node: Repeat, begin: int, loop: int, around: tuple[Axis, ...]) -> tuple[int, int]:
        extent = node.counter.extent
        known = len(self.found)
        end, following = self.nodes(node.body, begin + 1, loop, around)
        del self.found[known:]
        if following == loop:
            return begin + extent, loop
        axis = Axis(node.counter.name, 0, 1, extent, end - begin)
        self.nodes(node.body, begin + 1, loop, (*around, axis))
        return begin + extent * (end - begin), following

    def _stores(self, loop: LoopPlan, start: int, steps: Sequence[int], around: tuple[Axis, ...]) -> None:
        self.found += _stores(loop, start, steps, around)


def _stores(
    loop: LoopPlan, start: int, steps: Sequence[int], around: tuple[Axis, ...]
) -> Iterator[tuple[str, Accesses | None]]:
    pipeline = loop.pipeline
    own = [Axis(c.name, 0, 1, c.extent, step) for c, step in zip(pipeline.counters, steps, strict=True)]
    for operation in pipeline.operations:
        if operation.op != "store":
            continue
        condition = pipeline.conditions.get(operation.name, Condition())
        axes = list(around)
        first = start + loop.start(operation.name)
        for axis in own:
            low, high = condition.bounds.get(axis.counter, (0, axis.extent - 1))
            axes.append(axis.within(low, high))
            first += low * axis.cycles
        space = Space(axes, pipeline.operation, pipeline.affine)
        yield operation.detail, space.accesses(operation, first, condition.flags)
