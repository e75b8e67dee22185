"""List scheduling, block by block: every cycle takes the most urgent operations that are ready and fit."""

from __future__ import annotations

from collections import Counter

from asnet.hls.fsm.allocation import Allocation
from asnet.hls.fsm.dependence import Dependence, dependences
from asnet.hls.fsm.schedule import BlockSchedule, Schedule, arrival_of_all, may_be_empty
from asnet.hls.kernel import Block, Operation

__all__ = ["list_schedule"]


def list_schedule(allocation: Allocation) -> Schedule:
    """One operation after the other within a block as its operands, resources and the chaining limit allow.

    Urgency is the longest way to the end of the block, in cycles.
    """
    kernel = allocation.kernel
    return Schedule({block.name: _block(allocation, block) for block in kernel.blocks})


def _block(allocation: Allocation, block: Block) -> BlockSchedule:
    incoming: dict[str, list[Dependence]] = {operation.name: [] for operation in block.operations}
    for dependence in dependences(allocation, block):
        incoming[dependence.after].append(dependence)
    urgency = _urgency(allocation, block, incoming)
    waiting = sorted(block.operations, key=lambda operation: -urgency[operation.name])  # stable: program order
    start: dict[str, int] = {}
    arrivals: dict[str, int] = {}
    used: Counter[tuple[str, int]] = Counter()
    cycle = 0

    def fits(operation: Operation) -> bool:
        for dependence in incoming[operation.name]:
            if dependence.before not in start or start[dependence.before] + dependence.distance > cycle:
                return False
        resource = allocation.resources.get(operation.name)
        if resource is not None and used[resource.name, cycle] >= resource.count:
            return False
        now = arrival_of_all(allocation, operation, cycle, start, arrivals)
        later = arrival_of_all(allocation, operation, cycle + 1, start, arrivals)
        return now <= later or now + allocation.levels(operation) <= allocation.chain

    while waiting:
        ready = next((operation for operation in waiting if fits(operation)), None)
        if ready is None:
            cycle += 1
            continue
        start[ready.name] = cycle
        arrivals[ready.name] = arrival_of_all(allocation, ready, cycle, start, arrivals) + allocation.levels(ready)
        resource = allocation.resources.get(ready.name)
        if resource is not None:
            used[resource.name, cycle] += 1
        waiting.remove(ready)
    ends = [begin + allocation.latency(name) + 1 for name, begin in start.items()]
    return BlockSchedule(start, max(ends, default=0 if may_be_empty(allocation.kernel, block) else 1))


def _urgency(allocation: Allocation, block: Block, incoming: dict[str, list[Dependence]]) -> dict[str, int]:
    urgency = {operation.name: allocation.latency(operation.name) for operation in block.operations}
    for operation in reversed(block.operations):
        for dependence in incoming[operation.name]:
            least = urgency[operation.name] + dependence.distance
            urgency[dependence.before] = max(urgency[dependence.before], least)
    return urgency
