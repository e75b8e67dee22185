"""Static timing of a layer made of flat loops: when its pipelined engine writes which word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from asnet.hls.dataflow.accesses import Accesses, Axis, LayerTiming, Numbers, Space, gathered
from asnet.hls.nest import Condition, Repeat, Streamed
from asnet.hls.planning import Placed, ProgramPlan

__all__ = ["program_timing"]


def program_timing(plan: ProgramPlan) -> LayerTiming:
    """The timing of a layer under the pipelined engine."""
    extents = _outer_extents(plan)
    first = 1 + isinstance(plan.program.body[0], Streamed)
    found = (
        store
        for number, placed in enumerate(plan.layout.loops)
        for store in _stores(placed, extents, inside=number < first)
    )
    return LayerTiming(plan.layout.cycles, gathered(found))


def _outer_extents(plan: ProgramPlan) -> Sequence[int]:
    """The extents of the counters of the first loop that no value is carried over; none if it is repeated."""
    if isinstance(plan.program.body[0], Repeat):
        return ()
    pipeline = plan.program.pipelines[0]
    return [counter.extent for counter in pipeline.counters[: pipeline.gate]]


def _stores(placed: Placed, extents: Sequence[int], *, inside: bool) -> Iterator[tuple[str, Accesses | None]]:
    """Memory and accesses of each store of a loop; ``inside``: it has counters of these ``extents`` around the others,
    which number the groups."""
    pipeline = placed.plan.pipeline
    axes = [Axis(tick.name, 0, 1, tick.extent, tick.cycles) for tick in placed.ticks]
    around, own = axes[: placed.around], axes[placed.around :]
    for operation in pipeline.operations:
        if operation.op != "store":
            continue
        condition = pipeline.conditions.get(operation.name, Condition())
        first = placed.start + placed.plan.start(operation.name)
        counted = list(around)
        for axis in own:
            low, high = condition.bounds.get(axis.counter, (0, axis.extent - 1))
            counted.append(axis.within(low, high))
            first += low * axis.cycles
        space = Space(counted, pipeline.operation, pipeline.affine)
        groups = _groups(space, [axis.counter for axis in own], extents) if inside else _last_group(extents)
        yield operation.detail, space.accesses(operation, first, condition.flags, groups)


def _last_group(extents: Sequence[int]) -> Numbers | None:
    return np.array(prod(extents) - 1, np.int64) if extents else None


def _groups(space: Space, counters: Sequence[str], extents: Sequence[int]) -> Numbers | None:
    """The group of each iteration: the outermost counters as one number."""
    if not extents:
        return None
    total: Numbers = np.array(0, np.int64)
    for place, counter in enumerate(counters[: len(extents)]):
        values = space.values(counter)
        assert values is not None
        total = total + prod(extents[place + 1 :]) * values
    return total
