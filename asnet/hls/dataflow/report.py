"""What the report says about a dataflow design: each layer's own units, pace and start; buffers between layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from asnet.hls.dataflow.assemble import Dataflow
from asnet.hls.reporting import LayerReport, MemoryReport, memory_report
from asnet.ir import MemoryKind

__all__ = ["flow_layers", "flow_memories"]


def flow_layers(flow: Dataflow, reports: Sequence[LayerReport]) -> tuple[LayerReport, ...]:
    """The layers' reports with what the layers have for themselves, and with their place in time if it is known."""
    units = [Counter(port.operator.name for port in node.layer.operators) for node in flow.plan.nodes]
    own = [replace(report, units=dict(sorted(used.items()))) for report, used in zip(reports, units, strict=True)]
    if flow.timing is None:
        return tuple(own)
    times = zip(own, flow.timing.busy, flow.timing.starts, strict=True)
    return tuple(replace(report, interval=busy, start=start) for report, busy, start in times)


def flow_memories(flow: Dataflow) -> tuple[MemoryReport, ...]:
    """All memories; what goes from layer to layer has a buffer of some images at each reader."""
    return tuple(
        memory_report(memory)
        if memory.memory.kind is MemoryKind.CONSTANT
        else memory_report(
            memory, copies=max(1, sum(buffers.values())), note=_note(buffers, _ports(flow, memory.memory.name))
        )
        for memory in flow.memories
        for buffers in [_buffers(flow, memory.memory.name)]
    )


def _buffers(flow: Dataflow, memory: str) -> dict[str, int]:
    """Reader → images that its buffer holds."""
    found = {
        node.layer.layer: inlet.frames
        for node in flow.plan.nodes
        for inlet in node.inlets
        if inlet.memory.name == memory and inlet.port is not None
    }
    for stream in flow.plan.outputs:
        if stream.memory.name == memory:
            found["output"] = stream.frames
    return found


def _ports(flow: Dataflow, memory: str) -> dict[str, str]:
    """Reader → how it has several read ports."""
    return {layer: made.text for (layer, name), made in flow.organisations.items() if name == memory and made.text}


def _note(buffers: Mapping[str, int], ports: Mapping[str, str]) -> str:
    """In words: images at each reader, and how the ports there are made."""
    parts = [f"{count} images at {reader}" for reader, count in buffers.items()]
    made = [f"{text} in {layer}" for layer, text in ports.items()]
    return "; ".join(
        f"{what}: {', '.join(items)}" for what, items in (("buffers", parts), ("read ports", made)) if items
    )
