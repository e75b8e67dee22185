"""Schedules: in which cycle of its block each operation starts. What a legal one is, and who makes one.

A schedule is checked against :func:`check_schedule` whoever made it; the emitter takes any legal one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from asnet.errors import SynthesisError
from asnet.hls.fsm.allocation import Allocation, levels
from asnet.hls.fsm.dependence import dependences
from asnet.hls.kernel import Block, Constant, Kernel, Operand, Operation

__all__ = ["BlockSchedule", "Schedule", "arrival_of_all", "check_schedule", "may_be_empty"]


@dataclass(frozen=True)
class BlockSchedule:
    """Start cycle of each operation of a block, and the cycles that one pass through the block takes.

    ``length`` 0: the block needs no cycle of its own (see :func:`may_be_empty`). A result of latency L that starts in
    cycle s is at hand in cycle s + L, later in a register.
    """

    start: Mapping[str, int]
    length: int


@dataclass(frozen=True)
class Schedule:
    """The block schedules of one kernel."""

    blocks: Mapping[str, BlockSchedule]

    @property
    def states(self) -> int:
        """Cycles of all blocks, each counted once: the states of the controller but for the idle one."""
        return sum(block.length for block in self.blocks.values())


def _arrival(
    allocation: Allocation, operand: Operand, cycle: int, start: Mapping[str, int], arrivals: Mapping[str, int]
) -> int:
    """Levels of logic behind the last register at which ``operand`` is at hand in ``cycle``.

    ``start``: operations of the block with their cycles; ``arrivals``: those of logic in its own cycle.
    """
    if isinstance(operand, Constant) or operand not in start:
        return 0
    static = allocation.static.get(operand)
    if static is not None:
        return static
    resource = allocation.resources.get(operand)
    if resource is None:
        return arrivals[operand] if start[operand] == cycle else 0
    return levels(resource.after) if start[operand] + resource.latency == cycle else 0


def arrival_of_all(
    allocation: Allocation, operation: Operation, cycle: int, start: Mapping[str, int], arrivals: Mapping[str, int]
) -> int:
    """When the last operand of ``operation`` is at hand in ``cycle``: levels of logic behind the last register.

    ``start``: operations of the block with their cycles; ``arrivals``: those of logic in its own cycle.
    """
    return max((_arrival(allocation, o, cycle, start, arrivals) for o in operation.operands), default=0)


def check_schedule(allocation: Allocation, made: Schedule) -> None:
    """Check every dependence, every resource in every cycle, the depth of chained logic and the blocks' lengths.

    Raises:
        SynthesisError: the schedule is not legal; names the layer, the operations and the rule.
    """
    for block in allocation.kernel.blocks:
        _check_block(allocation, block, made.blocks[block.name])


def _check_block(allocation: Allocation, block: Block, made: BlockSchedule) -> None:
    def refuse(problem: str) -> None:
        raise SynthesisError(f"layer {allocation.kernel.layer!r}, block {block.name!r}: illegal schedule: {problem}")

    names = {operation.name for operation in block.operations}
    if names != set(made.start):
        refuse(f"operations without a cycle or of other blocks: {sorted(names ^ made.start.keys())}")
    if made.length < 1 and not may_be_empty(allocation.kernel, block):
        refuse("a block without a cycle")
    for dependence in dependences(allocation, block):
        waited = made.start[dependence.after] - made.start[dependence.before]
        if waited < dependence.distance:
            refuse(f"{dependence.after} starts {waited} cycles after {dependence.before}, not {dependence.distance}")
    used: Counter[tuple[str, int]] = Counter()
    arrivals: dict[str, int] = {}
    for operation in block.operations:
        begin = made.start[operation.name]
        if begin < 0 or begin + allocation.latency(operation.name) >= made.length:
            refuse(f"{operation.name} starts in cycle {begin} and does not end within {made.length}")
        resource = allocation.resources.get(operation.name)
        if resource is not None:
            used[resource.name, begin] += 1
            if used[resource.name, begin] > resource.count:
                refuse(f"more than {resource.count} operations on {resource.name!r} in cycle {begin}")
        now = arrival_of_all(allocation, operation, begin, made.start, arrivals)
        later = arrival_of_all(allocation, operation, begin + 1, made.start, arrivals)
        arrivals[operation.name] = now + allocation.levels(operation)
        if arrivals[operation.name] > allocation.chain and now > later:  # a cycle more would help
            refuse(
                f"{arrivals[operation.name]} levels of logic up to {operation.name} in cycle {begin}, "
                f"allowed {allocation.chain}"
            )


def may_be_empty(kernel: Kernel, block: Block) -> bool:
    """Whether ``block`` can do without a cycle: nothing happens in it, and it is the first or the last to run."""
    return not block.operations and not block.phis and (block is kernel.blocks[0] or not block.branch.targets)
