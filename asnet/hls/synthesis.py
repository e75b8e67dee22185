"""High-level synthesis: a module and the units of its slots → a design."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from asnet.errors import SynthesisError, did_you_mean
from asnet.hls import dataflow
from asnet.hls.binder import Binder
from asnet.hls.choosing import check_reached, choose_lanes
from asnet.hls.design import RtlDesign
from asnet.hls.fusing import fused
from asnet.hls.handover import hand_over, with_control
from asnet.hls.layers import PlannedLayer, images_of, lanes_of, plan_layer
from asnet.hls.library import unit_files, unit_modules
from asnet.hls.memories import DesignMemory, design_memories, hex_text, scratch_memories
from asnet.hls.module import LayerModule, MemoryPort
from asnet.hls.names import Names, comment
from asnet.hls.operators import Operator
from asnet.hls.options import HlsOptions, Style, Weights
from asnet.hls.output import MANIFEST, MANIFEST_KIND
from asnet.hls.parse import parse_kernels
from asnet.hls.reporting import (
    DesignReport,
    LayerReport,
    MemoryReport,
    memory_report,
    report_files,
    unit_reports,
)
from asnet.hls.sequential import MEMORY_SUFFIXES, RESERVED, Order, Top, emit_top, in_order
from asnet.hls.simplify import simplify
from asnet.hls.storage import WEIGHTS_FILE, WEIGHTS_LIBRARY, WEIGHTS_MODULE, TiledMemory, WeightsImage, share
from asnet.ir import MemoryKind, Module, for_hls
from asnet.resources import render
from asnet.types import EXACT
from asnet.units import UnitInstance
from asnet.version import __version__

__all__ = ["synthesise"]

_ENDS = (MemoryKind.INPUT, MemoryKind.OUTPUT)
_LIBRARY = ("asnet_delay", "asnet_ram", "asnet_rom", "asnet_stream_in", "asnet_stream_out")


def synthesise(
    module: Module,
    instances: Mapping[str, UnitInstance | None] | None = None,
    *,
    name: str | None = None,
    options: HlsOptions | None = None,
) -> RtlDesign:
    """Hardware for ``module`` (after the `approximate` pass).

    Args:
        module: the network's IR.
        instances: slot name → unit, None = exact; slots that are not named are exact.
        name: the network's name in the design; the module's by default.
        options: choices about the hardware.

    Raises:
        SynthesisError: IR that cannot become hardware, a slot that does not exist, a unit that does not fit its slot.
        UnitError: two units with different sources of one module, or a malformed unit.
    """
    chosen = dict(instances or {})
    known = {slot.name for slot in module.slots}
    for slot in chosen:
        if slot not in known:
            raise SynthesisError(f"the module has no slot {slot!r}{did_you_mean(slot, known)}")
    wanted = options or HlsOptions()
    if wanted.weights is Weights.EXTERNAL and wanted.style is not Style.SEQUENTIAL:
        raise SynthesisError(
            f"external weights need the style 'sequential', in which one layer at a time reads them; this is "
            f"{wanted.style.value!r}: choose --style sequential, or --weights internal"
        )
    if wanted.reuse and wanted.style is not Style.SEQUENTIAL:
        raise SynthesisError(
            f"memories are reused by layers that run one after the other, in the style 'sequential'; this is "
            f"{wanted.style.value!r}: choose --style sequential, or leave out --reuse-memories"
        )
    if not module.calls:
        raise SynthesisError(f"network {module.name!r} computes nothing: there is no layer to make hardware of")
    return hand_over(with_control(_Synthesis(module, chosen, name or module.name, wanted).run(), wanted.control))


class _Synthesis:
    def __init__(
        self, module: Module, instances: Mapping[str, UnitInstance | None], name: str, options: HlsOptions
    ) -> None:
        self._module = module
        self._name = name
        self._options = options
        self._version = __version__
        self._slots = {slot.symbol: slot for slot in module.slots}
        self._binder = Binder(instances, self._slots, module.mode, options.clock, dsps=options.dsps)
        self._shared: Mapping[str, tuple[str, ...]] = {}
        self._configuration: dict[str, str] = {}
        for slot in module.slots:
            instance = instances.get(slot.name)
            self._configuration[slot.name] = EXACT if instance is None else instance.name

    def run(self) -> RtlDesign:
        module = self._module
        parsed = parse_kernels(for_hls(module), module.calls, module.memories, self._slots)
        contents, scratch = dict(module.constants), scratch_memories(module)
        kernels, calls = [simplify(kernel) for kernel in parsed], module.calls
        if self._options.fuse and self._options.pipelined:
            kernels, calls = fused(kernels, calls, scratch, self._options.fuse)
        if self._options.reuse:
            sharing = share(kernels, scratch)
            kernels, self._shared = sharing.kernels, sharing.members
        plans: list[PlannedLayer] = []
        choice = choose_lanes(kernels, self._binder, self._options, contents, scratch, module.mode)
        for number, kernel in enumerate(kernels):
            lanes = lanes_of(kernel.layer, self._options) if choice is None else choice.lanes[number]
            plans.append(plan_layer(kernel, self._binder, self._options, contents, lanes, scratch))
            made = (*plans[-1].constants, *plans[-1].tiles)
            contents |= {constant.memory.name: constant.contents for constant in made}
        tiles = tuple(constant for plan in plans for constant in plan.tiles)
        weights = WeightsImage(tiles) if tiles else None
        operators = self._binder.operators
        instances = [operator.instance for operator in operators]
        files = unit_files(instances)
        streaming = self._options.style is Style.DATAFLOW
        library, own = (dataflow.LIBRARY, dataflow.RESERVED) if streaming else (_LIBRARY, RESERVED)
        if weights is not None:
            library = (*library, *WEIGHTS_LIBRARY)
            files |= {f"rtl/{WEIGHTS_MODULE}.v": weights.module(self._version), WEIGHTS_FILE: weights.hex_text}
        names = Names((*library, WEIGHTS_MODULE, *unit_modules(instances), *own))
        top_name = names.fresh(self._name)
        kind = "engine" if streaming else "layer"
        order = None if streaming else in_order([plan.span for plan in plans])
        layers = self._emit(plans, [names.fresh(f"{kind}_{plan.layer}") for plan in plans], order)
        reports: Sequence[LayerReport] = [
            plan.report(layer, call.op_type) for plan, layer, call in zip(plans, layers, calls, strict=True)
        ]
        files |= {f"rtl/{part}.v": render(f"rtl/{part}.v.j2", version=self._version) for part in library}
        files |= {f"rtl/{layer.module}.v": layer.text for layer in layers}
        flow: dataflow.Dataflow | None = None
        if streaming:
            timings = [plan.timing() for plan in plans]
            replicas = [images_of(call.layer, self._options) for call in calls]
            wanted, rows = replace(module, calls=calls), self._rows(operators)
            flow = dataflow.assemble(wanted, top_name, layers, timings, names, rows, self._version, replicas)
            files |= flow.files
            memories = flow.memories
            cycles, exact = (None, False) if flow.timing is None else (flow.timing.latency, True)
            interval = None if flow.timing is None else flow.timing.interval
            reports = dataflow.flow_layers(flow, reports)
        else:
            assert order is not None
            memories = self._memories(layers)
            counts = [report.cycles for report in reports if report.cycles is not None]
            cycles = 1 + sum(count - 1 for count in counts) if len(counts) == len(reports) else None
            exact = order.done is not None
            reading = [n for n, layer in enumerate(layers) if any(_is_read_input(port) for port in layer.memories)]
            filling = [n for n, layer in enumerate(layers) if any(_is_output(port) for port in layer.memories)]
            taken, given = (sum(m.memory.size for m in memories if m.memory.kind is kind) for kind in _ENDS)
            spans = [plan.span for plan in plans]
            interval = order.spacing(spans, max(reading, default=None), min(filling, default=0), (taken, given))
            if order.starts is not None and order.done is not None:
                cycles = order.done + 1
                reports = [replace(report, start=start) for report, start in zip(reports, order.starts, strict=True)]
            files[f"rtl/{top_name}.v"] = self._sequential(top_name, plans, layers, memories, order, weights)
        check_reached(choice, self._options, cycles if interval is None else interval)
        for memory in memories:
            if memory.is_rom:
                files[memory.hex_file] = hex_text(memory, contents)
        report = DesignReport(
            network=self._name,
            top=top_name,
            mode=module.mode.value,
            style=self._options.style.value,
            clock=self._options.clock,
            cycles=cycles,
            exact=exact,
            interval=interval,
            layers=tuple(reports),
            units=unit_reports(operators, reports),
            memories=(*map(memory_report, memories), *_ring(weights)) if flow is None else dataflow.flow_memories(flow),
            configuration=self._configuration,
            identity={"IR": module.digest, "ASNet": self._version},
        )
        files.update(report_files(report))
        files[MANIFEST] = self._manifest(top_name, operators, reports)
        return RtlDesign(
            name=self._name,
            top=top_name,
            mode=module.mode,
            files=files,
            memories=memories,
            operators=operators,
            report=report,
            writes=tuple((call.layer, call.writes) for call in module.calls),
            flow=flow,
            choice=choice,
            weights=weights,
        )

    def _emit(self, plans: Sequence[PlannedLayer], names: Sequence[str], order: Order | None) -> list[LayerModule]:
        """The layers' modules; with ports that say what they use where layers that follow one another share it."""
        if order is None:
            return [plan.emit(name, self._version) for plan, name in zip(plans, names, strict=True)]
        shared = _shared(plans)
        return [
            plan.emit(name, self._version, handover, shared)
            for plan, name, handover in zip(plans, names, order.handovers, strict=True)
        ]

    def _sequential(
        self,
        name: str,
        plans: Sequence[PlannedLayer],
        layers: Sequence[LayerModule],
        memories: tuple[DesignMemory, ...],
        order: Order,
        weights: WeightsImage | None,
    ) -> str:
        """The top module of a design whose layers run one after the other."""
        top = Top(
            module=name,
            mode=self._module.mode,
            layers=tuple(layers),
            instances=tuple(layer.module.removeprefix("layer_") + "_layer" for layer in layers),
            memories=memories,
            operators=self._binder.operators,
            rows=tuple(self._rows(self._binder.operators)),
            order=order,
            flat=tuple(plan.span.layout is not None for plan in plans),
            shared=_shared(plans),
            weights=weights,
        )
        return emit_top(top, self._version)

    def _memories(self, layers: Sequence[LayerModule]) -> tuple[DesignMemory, ...]:
        """The memories on the chip that a layer touches, and all inputs and outputs."""
        ports = [port for layer in layers for port in layer.memories if not isinstance(port.memory, TiledMemory)]
        ends = [memory for memory in self._module.memories.values() if memory.kind in _ENDS]
        touched = {port.memory.name for port in ports} | {memory.name for memory in ends}
        known = dict(self._module.memories) | {port.memory.name: port.memory for port in ports}
        used = [memory for memory in known.values() if memory.name in touched]
        return design_memories(used, Names(RESERVED), MEMORY_SUFFIXES)

    def _rows(self, operators: Sequence[Operator]) -> list[str]:
        """Lines of the top module's header."""
        rows = [f"Network {comment(self._name)}, float mode {self._module.mode.value}, IR {self._module.digest[:16]}"]
        rows += [f"Slot {comment(slot)}: {instance}" for slot, instance in self._configuration.items()]
        rows += [f"RAM {comment(name)}: {comment(', '.join(members))}" for name, members in self._shared.items()]
        rows += [
            f"Unit {operator.instance.name}: {operator.instance.digest}"
            f"{''.join(f' {name}={value}' for name, value in operator.parameters)}"
            for operator in operators
        ]
        return rows

    def _manifest(self, top: str, operators: Sequence[Operator], reports: Sequence[LayerReport]) -> str:
        data = {
            "kind": MANIFEST_KIND,
            "version": self._version,
            "network": self._name,
            "top": top,
            "float_mode": self._module.mode.value,
            "ir": self._module.digest,
            "options": asdict(self._options),
            "configuration": self._configuration,
            "units": [
                {
                    "name": operator.instance.name,
                    "op": operator.instance.op,
                    "digest": operator.instance.digest,
                    "module": operator.instance.module,
                    "parameters": dict(operator.parameters),
                    "latency": operator.latency,
                    "files": [f"units/{file.name}" for file in operator.instance.files],
                }
                for operator in operators
            ],
            "layers": [
                {"layer": report.layer, "module": report.module, "states": report.states, "cycles": report.cycles}
                for report in reports
            ],
        }
        return json.dumps(data, indent=2) + "\n"


def _is_read_input(port: MemoryPort) -> bool:
    return port.memory.kind is MemoryKind.INPUT and port.reads > 0


def _is_output(port: MemoryPort) -> bool:
    return port.memory.kind is MemoryKind.OUTPUT


def _shared(plans: Sequence[PlannedLayer]) -> frozenset[str]:
    """The operators and the memories that several layers use."""
    used = Counter(name for plan in plans for name in plan.uses)
    return frozenset(name for name, layers in used.items() if layers > 1)


def _ring(weights: WeightsImage | None) -> tuple[MemoryReport, ...]:
    """The memory on the chip that constants outside of it pass through."""
    if weights is None:
        return ()
    note = f"{weights.nbytes:,} bytes are not on the chip"
    return (MemoryReport(WEIGHTS_MODULE, "ring", 1 << weights.ring_bits, weights.width, note=note),)
