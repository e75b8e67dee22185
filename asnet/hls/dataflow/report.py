"""What the report says about a dataflow design: each layer's own units, pace and start; buffers between layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from asnet.hls.dataflow.assemble import Dataflow
from asnet.hls.dataflow.plan import Node
from asnet.hls.memories import DesignMemory
from asnet.hls.reporting import LayerReport, MemoryReport, memory_report

__all__ = ["flow_layers", "flow_memories"]


def flow_layers(flow: Dataflow, reports: Sequence[LayerReport]) -> tuple[LayerReport, ...]:
    """The layers' reports with what the layers have for themselves, and with their place in time if it is known."""
    own = [_own(node, report) for node, report in zip(flow.plan.nodes, reports, strict=True)]
    if flow.timing is None:
        return tuple(own)
    times = zip(own, flow.timing.busy, flow.timing.starts, strict=True)
    return tuple(replace(report, interval=busy, start=start) for report, busy, start in times)


def _own(node: Node, report: LayerReport) -> LayerReport:
    """With the units of all replicas of a layer."""
    units = Counter(port.operator.name for port in node.layer.operators)
    return replace(
        report, units={name: node.replicas * count for name, count in sorted(units.items())}, replicas=node.replicas
    )


def flow_memories(flow: Dataflow) -> tuple[MemoryReport, ...]:
    """All memories; what goes from layer to layer has a buffer of some images at each reader.

    What a layer reads again after it has written it is in a RAM there, too; each of a layer's replicas has its own.
    """
    return tuple(_memory(flow, memory) for memory in flow.memories)


def _memory(flow: Dataflow, memory: DesignMemory) -> MemoryReport:
    name, nodes = memory.memory.name, flow.plan.nodes
    own = {node.layer.layer: node.replicas for node in nodes if name in _inside(node)}
    if memory.is_rom:
        return memory_report(memory, copies=sum(own.values()))
    readers = {
        node.layer.layer: node.replicas * inlet.frames
        for node in nodes
        for inlet in node.inlets
        if inlet.memory.name == name and inlet.port is not None
    }
    for stream in flow.plan.outputs:
        if stream.memory.name == name:
            readers["output"] = stream.frames
    parts = [f"{count} image{'s' * (count > 1)} in {layer}" for layer, count in own.items()]
    parts += [f"{count} image{'s' * (count > 1)} at {reader}" for reader, count in readers.items()]
    return memory_report(
        memory, copies=max(1, sum((*own.values(), *readers.values()))), note=_note(parts, _ports(flow, name))
    )


def _inside(node: Node) -> set[str]:
    """The memories that are in a layer's module, besides its buffers."""
    return {port.memory.name for port in node.inner} | {out.memory.name for out in node.outlets if out.forwarded}


def _ports(flow: Dataflow, memory: str) -> dict[str, str]:
    """Reader → how it has several read ports."""
    return {layer: made.text for (layer, name), made in flow.organisations.items() if name == memory and made.text}


def _note(buffers: Sequence[str], ports: Mapping[str, str]) -> str:
    """In words: images in each layer and at each reader, and how the ports there are made."""
    made = [f"{text} in {layer}" for layer, text in ports.items()]
    return "; ".join(
        f"{what}: {', '.join(items)}" for what, items in (("buffers", buffers), ("read ports", made)) if items
    )
