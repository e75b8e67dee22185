"""High-level synthesis: a module and the units of its slots → a design."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from asnet.errors import SynthesisError, did_you_mean
from asnet.hls.assembly import STYLES, Assembly, Materials
from asnet.hls.binder import Binder
from asnet.hls.choosing import check_fits, check_reached, choose_lanes
from asnet.hls.design import RtlDesign
from asnet.hls.fusing import NotFused, fused, operations_of
from asnet.hls.handover import with_control
from asnet.hls.layers import PlannedLayer, Setting, lanes_of, plan_layer
from asnet.hls.library import unit_files
from asnet.hls.memories import rom_files, scratch_memories
from asnet.hls.names import comment
from asnet.hls.operators import Operator
from asnet.hls.options import HlsOptions, Style, Weights
from asnet.hls.output import MANIFEST, MANIFEST_KIND
from asnet.hls.parsing import parse_kernels
from asnet.hls.reporting import (
    DesignReport,
    LayerReport,
    WeightsReport,
    report_files,
    unit_reports,
)
from asnet.hls.simplify import simplify
from asnet.hls.storage import BUS_WIDTHS, WeightsImage, share
from asnet.hls.unit_options import check_specialised, check_stages
from asnet.ir import MemoryKind, Module, for_hls
from asnet.types import EXACT
from asnet.units import UnitInstance
from asnet.version import __version__

__all__ = ["synthesise"]


def synthesise(
    module: Module,
    instances: Mapping[str, UnitInstance | None] | None = None,
    *,
    name: str | None = None,
    options: HlsOptions | None = None,
) -> RtlDesign:
    """Hardware for ``module`` (after the `approximate` pass): Verilog, contents of ROMs, reports.

    :func:`~asnet.hls.hand_over` adds what others need to take it.

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
    if wanted.bus not in BUS_WIDTHS:
        raise SynthesisError(f"a bus of {wanted.bus} bits is none of {', '.join(map(str, BUS_WIDTHS))}")
    if wanted.reuse and wanted.style is not Style.SEQUENTIAL:
        raise SynthesisError(
            f"memories are reused by layers that run one after the other, in the style 'sequential'; this is "
            f"{wanted.style.value!r}: choose --style sequential, or leave out --reuse-memories"
        )
    if not module.calls:
        raise SynthesisError(f"network {module.name!r} computes nothing: there is no layer to make hardware of")
    apart: tuple[str, ...] = ()
    while True:
        try:
            return with_control(_Synthesis(module, chosen, name or module.name, wanted, apart).run(), wanted.control)
        except NotFused as found:
            apart = (*apart, found.layer)


class _Synthesis:
    def __init__(
        self,
        module: Module,
        instances: Mapping[str, UnitInstance | None],
        name: str,
        options: HlsOptions,
        apart: tuple[str, ...],
    ) -> None:
        """``apart``: layers that no other one becomes part of, whatever ``options`` say."""
        self._module = module
        self._name = name
        self._options = options
        self._apart = apart
        self._version = __version__
        self._slots = {slot.symbol: slot for slot in module.slots}
        self._binder = Binder(
            instances,
            self._slots,
            module.mode,
            options.clock,
            dsps=options.dsps,
            stages=options.stages,
            specialise=options.specialise,
        )
        self._shared: Mapping[str, tuple[str, ...]] = {}
        self._configuration: dict[str, str] = {}
        for slot in module.slots:
            instance = instances.get(slot.name)
            self._configuration[slot.name] = EXACT if instance is None else instance.name

    def run(self) -> RtlDesign:
        module, options, binder = self._module, self._options, self._binder
        parsed = parse_kernels(for_hls(module), module.calls, module.memories, self._slots)
        scratch = scratch_memories(module)
        kernels, calls = [simplify(kernel) for kernel in parsed], module.calls
        if options.fuse and options.pipelined:
            kernels, calls = fused(kernels, calls, scratch, options.fuse, self._apart)
        if options.reuse:
            sharing = share(kernels, scratch)
            kernels, self._shared = sharing.kernels, sharing.members
        if options.style is Style.SEQUENTIAL:
            binder.share((kernel.layer, operations_of(kernel)) for kernel in kernels)
        check_specialised(kernels, self._slots, options)
        check_stages(kernels, self._slots, options)
        calling = replace(module, calls=calls)
        plans: list[PlannedLayer] = []
        rows = _by_rows(calling, options)
        setting = Setting(binder, options, module.constants, scratch)
        choice = choose_lanes(kernels, calling, setting)
        for number, kernel in enumerate(kernels):
            lanes = lanes_of(kernel.layer, options) if choice is None else choice.lanes[number]
            plans.append(plan_layer(kernel, setting, lanes, rows))
            rows |= plans[-1].rows
            made = (*plans[-1].constants, *plans[-1].tiles)
            setting = setting.having({constant.memory.name: constant.contents for constant in made})
        used = frozenset[str]().union(*(plan.uses for plan in plans))
        operators = [operator for operator in binder.operators if operator.name in used]
        header = self._header(operators)
        materials = Materials(calling, self._name, options, plans, operators, header, self._version)
        assembly = STYLES[options.style](materials)
        check_reached(choice, options, assembly.cycles if assembly.interval is None else assembly.interval)
        files = unit_files(operator.instance for operator in operators) | assembly.files
        for memory in (memory for memory in assembly.memories if memory.is_rom):
            files |= rom_files(memory, setting.contents)
        report = DesignReport(
            network=self._name,
            top=assembly.top,
            mode=module.mode.value,
            style=options.style.value,
            clock=options.clock,
            cycles=assembly.cycles,
            exact=assembly.exact,
            interval=assembly.interval,
            layers=assembly.layers,
            units=unit_reports(operators, assembly.layers, assembly.units),
            memories=assembly.stores,
            configuration=self._configuration,
            identity={"IR": module.digest, "ASNet": self._version},
            apart=self._apart,
            weights=None if assembly.weights is None else _traffic(assembly.weights, assembly),
        )
        files |= report_files(report)
        files[MANIFEST] = self._manifest(assembly.top, operators, assembly.layers)
        design = RtlDesign(
            name=self._name,
            top=assembly.top,
            mode=module.mode,
            files=files,
            memories=assembly.memories,
            operators=tuple(operators),
            report=report,
            writes=tuple((call.layer, call.writes) for call in module.calls),
            flow=assembly.flow,
            choice=choice,
            weights=assembly.weights,
        )
        check_fits(design, binder, options)
        return design

    def _header(self, operators: Sequence[Operator]) -> list[str]:
        """Lines of the top module's header."""
        rows = [f"Network {comment(self._name)}, float mode {self._module.mode.value}, IR {self._module.digest[:16]}"]
        rows += [f"Slot {comment(slot)}: {instance}" for slot, instance in self._configuration.items()]
        rows += [f"RAM {comment(name)}: {comment(', '.join(members))}" for name, members in self._shared.items()]
        rows += [
            f"Unit {operator.instance.name}: {operator.instance.digest}"
            f"{''.join(f' {name}={value}' for name, value in operator.parameters)}"
            for operator in operators
        ]
        return list(dict.fromkeys(rows))  # shared units and those of single operations have the same source

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


def _by_rows(module: Module, options: HlsOptions) -> frozenset[str]:
    """The memories from which on layers make rows: the inputs, where a layer can begin with another one's first rows.

    External weights are fetched again for every row, and so are better made channel after channel.
    """
    if options.style is not Style.DATAFLOW or options.weights is not Weights.INTERNAL:
        return frozenset()
    return frozenset(memory.name for memory in module.memories.values() if memory.kind is MemoryKind.INPUT)


def _traffic(weights: WeightsImage, assembly: Assembly) -> WeightsReport:
    """What an image reads from outside of the chip, and how fast that must come for layers never to wait."""
    cycles = assembly.cycles if assembly.interval is None else assembly.interval
    return WeightsReport(weights.bus, weights.nbytes, weights.beats, cycles)
