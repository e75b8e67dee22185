"""The question a flat loop asks the scheduler: its operations with their delays, and what must wait for what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from asnet.hls.binder import Resource
from asnet.hls.delays import budget_ns, logic_ns
from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.nest import MemoryDependence, Pipeline
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
    items += [_carried(c.name, values[c.name].stored.bits) for c in pipeline.carried]
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
    return Problem(tuple(items), tuple(edges), counts, budget_ns(clock))


def _carried(name: str, bits: int) -> Item:
    """The choice between the initial value and the one that follows."""
    return Item(name, 0, logic_ns("select", bits, by_constant=False), bits=bits)


def _item(operation: Operation, values: Mapping[str, Value], resource: Resource | None) -> Item:
    bits = values[operation.name].stored.bits if operation.width else 0
    if resource is not None:
        return Item(operation.name, resource.latency, resource.before, resource.after, resource.name, bits)
    taken = [values[o].stored.bits for o in operation.operands if isinstance(o, str) and o in values]
    wide = max([*taken, 1]) if operation.width == 1 else bits
    delay = logic_ns(operation.op, wide, by_constant=isinstance(operation.operands[-1], Constant))
    return Item(operation.name, 0, delay, bits=bits)
