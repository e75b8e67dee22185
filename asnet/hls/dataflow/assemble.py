"""A dataflow design from the engines of its layers: wrappers, streams, the top module, the timing of the whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from asnet.hls.dataflow.accesses import LayerTiming
from asnet.hls.dataflow.frames import balanced
from asnet.hls.dataflow.model import Timing, timing_of
from asnet.hls.dataflow.plan import Plan, lone_node, make_plan
from asnet.hls.dataflow.top import RESERVED, STREAM_SUFFIXES, Top, TopTap, emit_top
from asnet.hls.dataflow.wrapper import emit_wrapper
from asnet.hls.memories import DesignMemory, design_memories, used_memories
from asnet.hls.module import LayerModule
from asnet.hls.names import Names
from asnet.hls.storage import Fetcher, Organisation, WeightsImage
from asnet.ir import Module

__all__ = ["LIBRARY", "RESERVED", "Dataflow", "assemble", "layer_alone"]

LIBRARY = (
    *("asnet_banks", "asnet_delay", "asnet_ram", "asnet_rom", "asnet_stream_out"),
    *("asnet_stream_take", "asnet_stream_give", "asnet_frames", "asnet_arrival", "asnet_fork"),
    *("asnet_deal", "asnet_collect"),
)
"""Modules that a dataflow design may have."""


@dataclass(frozen=True)
class Dataflow:
    """A dataflow design but for units and constants. ``timing`` is None where it depends on data.

    ``organisations``: (layer, memory) → how the memory's read ports are made in the layer.
    """

    plan: Plan
    modules: tuple[str, ...]
    memories: tuple[DesignMemory, ...]
    taps: tuple[TopTap, ...]
    timing: Timing | None
    organisations: Mapping[tuple[str, str], Organisation]
    files: dict[str, str] = field(repr=False)


def assemble(
    module: Module,
    top: str,
    engines: Sequence[LayerModule],
    timings: Sequence[LayerTiming | None],
    names: Names,
    rows: Sequence[str],
    version: str,
    replicas: Sequence[int],
    weights: WeightsImage | None,
    fetchers: Sequence[Mapping[str, Fetcher]],
    clock: float | None,
) -> Dataflow:
    """Everything around ``engines``, each in so many ``replicas``, for ``clock`` MHz.

    ``names`` hands out names of modules; ``top`` is one of them. ``weights``: the constants that are not on the chip;
    ``fetchers``: of each engine, module → what brings its constants from there.

    Raises:
        SynthesisError: a memory that streams cannot carry.
    """
    used = used_memories(module, engines)
    memories = design_memories(used, Names(RESERVED), STREAM_SUFFIXES, clock)
    by_name = {memory.memory.name: memory for memory in memories}
    by_module = {memory.name: memory for memory in used}
    plan = balanced(make_plan(engines, module.calls, timings, by_module, replicas))
    wrappers = tuple(
        emit_wrapper(node, names.fresh(f"layer_{node.layer.layer}"), by_name, fetching, version)
        for node, fetching in zip(plan.nodes, fetchers, strict=True)
    )
    made = Top(
        module=top,
        mode=module.mode,
        plan=plan,
        wrappers=wrappers,
        instances=tuple(wrapper.module.removeprefix("layer_") + "_layer" for wrapper in wrappers),
        memories=by_name,
        rows=tuple(rows),
        weights=weights,
    )
    files = {f"rtl/{wrapper.module}.v": wrapper.text for wrapper in wrappers}
    files[f"rtl/{top}.v"] = emit_top(made, version)
    modules = tuple(wrapper.module for wrapper in wrappers)
    organisations = {
        (node.layer.layer, name): organisation
        for node, wrapper in zip(plan.nodes, wrappers, strict=True)
        for name, organisation in wrapper.organisations.items()
    }
    return Dataflow(plan, modules, memories, made.taps, timing_of(plan), organisations, files)


def layer_alone(
    layer: LayerModule,
    timing: LayerTiming | None,
    inside: Collection[str],
    fetchers: Mapping[str, Fetcher],
    module: str,
    clock: float | None,
) -> str:
    """The Verilog module ``module`` of a layer, whatever others are.

    ``inside``: memories that only it accesses; ``fetchers``: as of :func:`assemble`, its own.
    """
    memories = design_memories([port.memory for port in layer.on_chip], Names(()), (), clock)
    by_name = {memory.memory.name: memory for memory in memories}
    return emit_wrapper(lone_node(layer, timing, inside), module, by_name, fetchers, "").text
