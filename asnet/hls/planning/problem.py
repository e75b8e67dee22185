"""The question a flat loop asks the scheduler: its operations with their delays, and what must wait for what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from asnet.hls.binder import Resource
from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.nest import MemoryDependence, Pipeline
from asnet.hls.operators import LEVEL_NS, logic_levels
from asnet.hls.planning.values import Value
from asnet.hls.scheduling import Edge, Item, Problem

__all__ = ["loop_problem"]


def loop_problem(
    pipeline: Pipeline,
    values: Mapping[str, Value],
    resources: Mapping[str, Resource],
    counts: Mapping[str, int],
    accesses: Iterable[MemoryDependence],
    clock: float,
) -> Problem:
    """The problem of one loop.

    Args:
        pipeline: the loop.
        values: what is known of its values.
        resources: operation → what it runs on; the others are logic.
        counts: resource → operations per cycle.
        accesses: what must keep its order at memories.
        clock: MHz.
    """
    items = [_item(operation, values, resources.get(operation.name)) for operation in pipeline.operations]
    items += [Item(c.name, 0, LEVEL_NS, bits=values[c.name].stored.bits) for c in pipeline.carried]
    latency = {item.name: item.latency for item in items}
    edges: list[Edge] = []

    def takes(after: str, operands: Sequence[Operand], distance: int = 0) -> None:
        for operand in dict.fromkeys(operands):
            if isinstance(operand, str) and operand in latency:
                edges.append(Edge(operand, after, latency[operand], distance, value=True))

    for operation in pipeline.operations:
        takes(operation.name, operation.operands)
        if operation.op == "store" and operation.name in pipeline.conditions:
            takes(operation.name, pipeline.conditions[operation.name].flags)
    for carried in pipeline.carried:
        takes(carried.name, (carried.initial,))
        takes(carried.name, (carried.following,), carried.distance)
    # a word is never read in the cycle in which it is written, and shows what was written the cycle before
    edges += [Edge(access.before, access.after, 1, access.distance) for access in accesses]
    return Problem(tuple(items), tuple(edges), counts, 1000.0 / clock)


def _item(operation: Operation, values: Mapping[str, Value], resource: Resource | None) -> Item:
    bits = values[operation.name].stored.bits if operation.width else 0
    if resource is not None:
        before, after = (levels * LEVEL_NS for levels in (resource.edges.before, resource.edges.after))
        return Item(operation.name, resource.latency, before, after, resource.name, bits)
    taken = [values[o].stored.bits for o in operation.operands if isinstance(o, str) and o in values]
    wide = max([*taken, 1]) if operation.width == 1 else bits
    levels = logic_levels(operation.op, wide, by_constant=isinstance(operation.operands[-1], Constant))
    return Item(operation.name, 0, levels * LEVEL_NS, bits=bits)
