"""Scheduling by difference constraints, block by block: the fewest cycles, then the fewest bits kept."""

from __future__ import annotations

from collections.abc import Collection

from asnet.hls import scheduling
from asnet.hls.fsm.allocation import Allocation, levels
from asnet.hls.fsm.dependence import dependences
from asnet.hls.fsm.schedule import BlockSchedule, Schedule, may_be_empty
from asnet.hls.kernel import Block, Operation
from asnet.hls.scheduling import Edge, Item, Problem

__all__ = ["sdc_schedule"]

_END = ""
"""The item that stands for the end of a block: no operation has this name."""


def sdc_schedule(allocation: Allocation) -> Schedule:
    """A schedule of each block by :func:`asnet.hls.scheduling.solve`, in levels of logic instead of nanoseconds.

    Raises:
        SynthesisError: the schedule is not legal.
    """
    return Schedule({block.name: _block(allocation, block) for block in allocation.kernel.blocks})


def _block(allocation: Allocation, block: Block) -> BlockSchedule:
    """Static logic has no cycle of its own: what it feeds sees it behind its levels in every cycle."""
    static = {operation.name: 0 for operation in block.operations if operation.name in allocation.static}
    moving = [operation for operation in block.operations if operation.name not in static]
    if not moving:
        return BlockSchedule(static, 0 if may_be_empty(allocation.kernel, block) and not static else 1)
    problem = Problem(
        items=(*(_item(allocation, operation, static) for operation in moving), Item(_END, 0, 0.0)),
        edges=(*_edges(allocation, block), *(Edge(o.name, _END, allocation.latency(o.name)) for o in moving)),
        resources={resource.name: resource.count for resource in allocation.resources.values()},
        period=allocation.chain,
    )
    solution = scheduling.solve(problem, None)
    scheduling.check(problem, solution)
    start = {**static, **{operation.name: solution.start[operation.name] for operation in moving}}
    return BlockSchedule(start, solution.start[_END] + 1)


def _item(allocation: Allocation, operation: Operation, static: Collection[str]) -> Item:
    resource = allocation.resources.get(operation.name)
    return Item(
        name=operation.name,
        latency=allocation.latency(operation.name),
        before=allocation.levels(operation),
        after=levels(resource.after) if resource is not None else 0,
        resource=resource.name if resource is not None else None,
        bits=allocation.widths[operation.name].bits if operation.width else 0,
        held=max((allocation.static[o] for o in operation.operands if isinstance(o, str) and o in static), default=0),
    )


def _edges(allocation: Allocation, block: Block) -> list[Edge]:
    found: list[Edge] = []
    for d in dependences(allocation, block):
        if d.before not in allocation.static:
            value = d.before in allocation.kernel.operation[d.after].operands
            value = value and d.distance == allocation.latency(d.before)
            found.append(Edge(d.before, d.after, d.distance, value=value))
    return found
