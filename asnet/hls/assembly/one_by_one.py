"""The sequential style: layers one after the other over shared units and memories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from asnet.hls.assembly.materials import Assembly, Materials, ring_reports
from asnet.hls.engine import Neighbours
from asnet.hls.layers import PlannedLayer
from asnet.hls.memories import DesignMemory, design_memories, used_memories
from asnet.hls.module import LayerModule, MemoryPort
from asnet.hls.names import Names
from asnet.hls.reporting import MemoryReport, memory_report
from asnet.hls.sequential import LIBRARY, MEMORY_SUFFIXES, RESERVED, Order, Top, emit_top, in_order
from asnet.hls.storage import WEIGHTS_LIBRARY, Organisation, WeightsImage, by_channel, organise
from asnet.ir import MemoryKind

__all__ = ["one_by_one"]

_ENDS = (MemoryKind.INPUT, MemoryKind.OUTPUT)


def one_by_one(made: Materials) -> Assembly:
    """Layers that run one after the other."""
    names = made.names(LIBRARY, RESERVED)
    top = names.fresh(made.name)
    order = in_order([plan.span for plan in made.plans])
    shared = _shared(made.plans)
    layers = [
        plan.emit(names.fresh(f"layer_{plan.layer}"), made.version, Neighbours(handover, shared))
        for plan, handover in zip(made.plans, order.handovers, strict=True)
    ]
    used = used_memories(made.module, layers)
    memories = design_memories(used, Names(RESERVED), MEMORY_SUFFIXES, made.options.clock)
    organisations = {memory.memory.name: _organised(memory, layers) for memory in memories}
    files = {f"rtl/{layer.module}.v": layer.text for layer in layers}
    groups = by_channel([constant for plan in made.plans for constant in plan.tiles])
    weights = WeightsImage(groups, made.options.bus) if groups else None
    fetchers = {} if weights is None else {names.fresh("weights"): own for own in weights.fetchers}
    files |= made.fetching(weights, fetchers)
    files[f"rtl/{top}.v"] = emit_top(
        Top(
            module=top,
            mode=made.module.mode,
            layers=tuple(layers),
            instances=tuple(layer.module.removeprefix("layer_") + "_layer" for layer in layers),
            memories=memories,
            operators=tuple(made.operators),
            rows=tuple(made.header),
            order=order,
            flat=tuple(plan.span.layout is not None for plan in made.plans),
            shared=shared,
            organisations=organisations,
            weights=weights,
            fetchers=fetchers,
        ),
        made.version,
    )
    reports = made.reports(layers)
    counts = [report.cycles for report in reports if report.cycles is not None]
    cycles = 1 + sum(count - 1 for count in counts) if len(counts) == len(reports) else None
    if order.starts is not None and order.done is not None:
        cycles = order.done + 1
        reports = tuple(replace(report, start=start) for report, start in zip(reports, order.starts, strict=True))
    stores = [_report(memory, organisations[memory.memory.name]) for memory in memories]
    return Assembly(
        top=top,
        files=made.with_library(files, (*LIBRARY, *WEIGHTS_LIBRARY)),
        memories=memories,
        layers=reports,
        stores=(*stores, *ring_reports(weights, fetchers)),
        units=_instances(layers),
        cycles=cycles,
        exact=order.done is not None,
        interval=_interval(made.plans, layers, memories, order),
        weights=weights,
    )


def _shared(plans: Sequence[PlannedLayer]) -> frozenset[str]:
    """The operators and the memories that several layers use."""
    used = Counter(name for plan in plans for name in plan.uses)
    return frozenset(name for name, layers in used.items() if layers > 1)


def _instances(layers: Sequence[LayerModule]) -> Counter[str]:
    """Operator → how many there are: as many as the layer has ports for that wants most."""
    most: Counter[str] = Counter()
    for layer in layers:
        most |= Counter(port.operator.name for port in layer.operators)
    return most


def _organised(memory: DesignMemory, layers: Sequence[LayerModule]) -> Organisation:
    """How a memory has as many read ports as the layer that wants most."""
    ports = [port for layer in layers for port in layer.memories if port.memory.name == memory.memory.name]
    reads = max([1, *(port.reads for port in ports)])
    uses = [use for port in ports for use in port.uses]
    return organise(memory.width, memory.memory.size, reads, uses, writable=not memory.is_rom, deep=memory.is_deep)


def _report(memory: DesignMemory, organisation: Organisation) -> MemoryReport:
    return memory_report(memory, copies=len(organisation.copies), note=organisation.text)


def _interval(
    plans: Sequence[PlannedLayer], layers: Sequence[LayerModule], memories: Sequence[DesignMemory], order: Order
) -> int | None:
    """Cycles from one image to the next where streams never wait."""
    reading = [n for n, layer in enumerate(layers) if any(_is_read_input(port) for port in layer.memories)]
    filling = [n for n, layer in enumerate(layers) if any(_is_output(port) for port in layer.memories)]
    taken, given = (sum(m.memory.size for m in memories if m.memory.kind is kind) for kind in _ENDS)
    spans = [plan.span for plan in plans]
    return order.spacing(spans, max(reading, default=None), min(filling, default=0), (taken, given))


def _is_read_input(port: MemoryPort) -> bool:
    return port.memory.kind is MemoryKind.INPUT and port.reads > 0


def _is_output(port: MemoryPort) -> bool:
    return port.memory.kind is MemoryKind.OUTPUT
