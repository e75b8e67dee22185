"""A dataflow design from the engines of its layers: wrappers, streams, the top module, the timing of the whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from asnet.hls.dataflow.frames import balanced
from asnet.hls.dataflow.model import Timing, timing_of
from asnet.hls.dataflow.plan import Engine, Plan, lone_node, make_plan
from asnet.hls.dataflow.top import RESERVED, STREAM_SUFFIXES, Top, TopTap, emit_top
from asnet.hls.dataflow.wrapper import emit_wrapper
from asnet.hls.memories import DesignMemory, design_memories, used_memories
from asnet.hls.names import Names
from asnet.hls.storage import Organisation, WeightsImage
from asnet.ir import Module

__all__ = ["LIBRARY", "RESERVED", "Dataflow", "Ingredients", "assemble", "layer_alone"]

LIBRARY = (
    *("asnet_banks", "asnet_delay", "asnet_hold", "asnet_ram", "asnet_ram_deep", "asnet_rom", "asnet_rom_deep"),
    *("asnet_stream_out", "asnet_stream_take", "asnet_stream_give", "asnet_frames", "asnet_arrival", "asnet_fork"),
    *("asnet_deal", "asnet_collect"),
)
"""Modules that a dataflow design may have."""


@dataclass(frozen=True)
class Ingredients:
    """What a dataflow design is made of. ``engines``: those of the layers of ``module``, in the order of its calls.

    ``top``: the name of the top module; ``rows``: lines of its header; ``weights``: the constants that are not on the
    chip; ``clock``: in MHz; ``version``: of ASNet.
    """

    module: Module
    engines: Sequence[Engine]
    top: str
    rows: Sequence[str]
    weights: WeightsImage | None
    clock: float
    version: str


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


def assemble(made: Ingredients, names: Names) -> Dataflow:
    """Everything around the engines; ``names`` hands out names of modules, the top's is one of them.

    Raises:
        SynthesisError: a memory that streams cannot carry.
    """
    used = used_memories(made.module, [engine.layer for engine in made.engines])
    memories = design_memories(used, Names(RESERVED), STREAM_SUFFIXES, made.clock)
    by_name = {memory.memory.name: memory for memory in memories}
    by_module = {memory.name: memory for memory in used}
    plan = balanced(make_plan(made.engines, by_module))
    wrappers = tuple(
        emit_wrapper(node, names.fresh(f"layer_{node.layer.layer}"), by_name, made.version) for node in plan.nodes
    )
    top = Top(
        module=made.top,
        mode=made.module.mode,
        plan=plan,
        wrappers=wrappers,
        instances=tuple(wrapper.module.removeprefix("layer_") + "_layer" for wrapper in wrappers),
        memories=by_name,
        rows=tuple(made.rows),
        weights=made.weights,
    )
    files = {f"rtl/{wrapper.module}.v": wrapper.text for wrapper in wrappers}
    files[f"rtl/{made.top}.v"] = emit_top(top, made.version)
    modules = tuple(wrapper.module for wrapper in wrappers)
    organisations = {
        (node.layer.layer, name): organisation
        for node, wrapper in zip(plan.nodes, wrappers, strict=True)
        for name, organisation in wrapper.organisations.items()
    }
    return Dataflow(plan, modules, memories, top.taps, timing_of(plan), organisations, files)


def layer_alone(engine: Engine, inside: Collection[str], module: str, clock: float | None) -> str:
    """The Verilog module ``module`` of a layer, whatever others are; ``inside``: memories that only it accesses;
    ``clock``: in MHz."""
    memories = design_memories([port.memory for port in engine.layer.on_chip], Names(()), (), clock)
    by_name = {memory.memory.name: memory for memory in memories}
    return emit_wrapper(lone_node(engine, inside), module, by_name, "").text
