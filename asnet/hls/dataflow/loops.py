"""Static timing of a layer made of flat loops: when its pipelined engine writes which word."""

from __future__ import annotations

from collections.abc import Iterator

from asnet.hls.dataflow.accesses import Accesses, Axis, LayerTiming, Space, gathered
from asnet.hls.nest import Condition
from asnet.hls.planning import Placed, ProgramPlan

__all__ = ["program_timing"]


def program_timing(plan: ProgramPlan) -> LayerTiming:
    """The timing of a layer under the pipelined engine."""
    found = (store for placed in plan.layout.loops for store in _stores(placed))
    return LayerTiming(plan.layout.cycles, gathered(found))


def _stores(placed: Placed) -> Iterator[tuple[str, Accesses | None]]:
    """Memory and accesses of each store of a loop."""
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
        yield operation.detail, space.accesses(operation, first, condition.flags)
