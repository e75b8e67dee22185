"""Static timing of a layer under the general controller: its blocks, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from asnet.hls.dataflow.accesses import Accesses, Axis, LayerTiming, Space, gathered
from asnet.hls.fsm.schedule import Schedule
from asnet.hls.kernel import Kernel
from asnet.hls.loops import counted_loops, executions

__all__ = ["kernel_timing"]


@dataclass(frozen=True)
class _Place:
    """When a block runs: at ``first``, and in the iterations of the loops around it, the outermost first."""

    first: int
    axes: tuple[Axis, ...]


def kernel_timing(kernel: Kernel, schedule: Schedule) -> LayerTiming | None:
    """The timing of a layer under the general controller; None if it depends on data."""
    if not executions(kernel).exact:
        return None
    places, total = _places(kernel, {name: block.length for name, block in schedule.blocks.items()})
    return LayerTiming(1 + total, gathered(_writes(kernel, schedule, places)))


def _places(kernel: Kernel, lengths: Mapping[str, int]) -> tuple[Mapping[str, _Place], int]:
    """Block → when it runs, from cycle 1 on (the start is cycle 0); and the cycles of all blocks.

    Blocks stand in the order of execution, those of a loop together, since only latches branch.
    """
    loops = sorted(counted_loops(kernel), key=lambda loop: -len(loop.blocks))
    body: dict[str, int] = {}
    for loop in reversed(loops):
        inner = [other for other in loops if other.blocks < loop.blocks]
        nearest = [other for other in inner if not any(other.blocks < another.blocks for another in inner)]
        inside = frozenset[str]().union(*(other.blocks for other in nearest))
        body[loop.header] = sum(other.trips * body[other.header] for other in nearest)
        body[loop.header] += sum(lengths[name] for name in loop.blocks - inside)
    places: dict[str, _Place] = {}
    now = 1
    for block in kernel.blocks:
        around = [loop for loop in loops if block.name in loop.blocks]
        axes = [
            Axis(loop.counter, loop.first, (loop.last - loop.first) // max(1, loop.trips - 1), loop.trips, cycles)
            for loop in around
            for cycles in (body[loop.header],)
        ]
        places[block.name] = _Place(now, tuple(axes))
        now += lengths[block.name]
        now += sum((loop.trips - 1) * body[loop.header] for loop in around if loop.latch == block.name)
    return places, now - 1


def _writes(kernel: Kernel, schedule: Schedule, places: Mapping[str, _Place]) -> Iterator[tuple[str, Accesses | None]]:
    for block in kernel.blocks:
        place = places[block.name]
        space = Space(place.axes, kernel.operation)
        for operation in block.operations:
            if operation.op == "store":
                first = place.first + schedule.blocks[block.name].start[operation.name]
                yield operation.detail, space.accesses(operation, first)
