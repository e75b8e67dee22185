"""What to say about a design whose memories are more than any device that is known has."""

from __future__ import annotations

from asnet.hls.area.estimating import DesignArea
from asnet.hls.chip import DEVICES
from asnet.hls.design import RtlDesign
from asnet.hls.reporting import MemoryReport
from asnet.hls.storage import memory_cost
from asnet.ir import MemoryKind

__all__ = ["too_large"]

_NAMED = 3
"""Memories that are named, the largest first."""


def too_large(design: RtlDesign, area: DesignArea) -> str:
    """How many block RAMs are too many, which memories take most and what to do; empty if they fit a device."""
    device, offered = max(DEVICES.items(), key=lambda item: item[1].brams)
    if area.total.brams <= offered.brams:
        return ""
    largest = sorted(design.report.memories, key=_blocks, reverse=True)[:_NAMED]
    readers = {name: layer.layer for layer in reversed(design.layers) for name in layer.reads}
    named = ", ".join(
        f"{memory.name} of {memory.layer or readers.get(memory.name, 'the design')} {_blocks(memory):,}"
        for memory in largest
    )
    constants = any(memory.kind == MemoryKind.CONSTANT.value for memory in largest)
    if constants and design.weights is None:
        advice = "--weights external keeps constants in a memory outside of the chip"
    elif constants:
        advice = "constants stay where a ring would be as large; fewer lanes (--parallel) make rings smaller"
    else:
        advice = "--style sequential with --reuse-memories has the fewest, fewer lanes (--parallel) make rings smaller"
    return (
        f"{area.total.brams:,.0f} block RAMs are too many for {device}, which has {offered.brams:,.0f}: "
        f"{named}; {advice}"
    )


def _blocks(memory: MemoryReport) -> int:
    writable = memory.kind != MemoryKind.CONSTANT.value
    return memory_cost(memory.width, memory.words, writable=writable).blocks * memory.copies
