"""The schedules of the general engine for the report."""

from __future__ import annotations

from collections.abc import Mapping

from asnet.hls.fsm.allocation import Allocation
from asnet.hls.fsm.schedule import Schedule
from asnet.hls.kernel import Block
from asnet.hls.reporting import LoopReport, OperationReport

__all__ = ["block_reports"]


def block_reports(
    allocation: Allocation, schedule: Schedule, passes: Mapping[str, int] | None
) -> tuple[LoopReport, ...]:
    """One loop without overlap for each block. ``passes``: block → passes an image, None if nobody knows."""
    return tuple(
        LoopReport(
            block.name,
            {},
            None if passes is None else passes[block.name],
            0,
            schedule.blocks[block.name].length,
            operations=_operations(allocation, schedule, block),
        )
        for block in allocation.kernel.blocks
    )


def _operations(allocation: Allocation, schedule: Schedule, block: Block) -> tuple[OperationReport, ...]:
    start = schedule.blocks[block.name].start
    return tuple(
        OperationReport(
            operation.name,
            start[operation.name],
            allocation.latency(operation.name),
            _resource(allocation, operation.name),
            operation.source.strip(),
        )
        for operation in block.operations
    )


def _resource(allocation: Allocation, operation: str) -> str | None:
    """The unit or the memory port that an operation occupies, for people."""
    if operation in allocation.operators:
        return allocation.operators[operation].title
    return allocation.resources[operation].name if operation in allocation.resources else None
