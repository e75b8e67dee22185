"""The dataflow style: every layer a module of its own, with streams between them."""

from __future__ import annotations

from collections.abc import Sequence

from asnet.hls import dataflow
from asnet.hls.assembly.materials import Assembly, Materials
from asnet.hls.dataflow import LayerTiming, Numbers
from asnet.hls.layers import images_of
from asnet.hls.module import LayerModule
from asnet.hls.names import Names

__all__ = ["streaming"]


def streaming(made: Materials) -> Assembly:
    """Layers that work at the same time.

    Raises:
        SynthesisError: a memory that streams cannot carry.
    """
    names = made.names(dataflow.LIBRARY, dataflow.RESERVED)
    top = names.fresh(made.name)
    replicas = [images_of(call.layer, made.options) for call in made.module.calls]
    engines, timings = _engines(made, names, replicas)
    flow = dataflow.assemble(
        made.module,
        top,
        engines,
        timings,
        names,
        made.header,
        made.version,
        replicas,
    )
    return Assembly(
        top=top,
        files=made.with_library(
            {f"rtl/{layer.module}.v": layer.text for layer in engines} | flow.files, dataflow.LIBRARY
        ),
        memories=flow.memories,
        layers=dataflow.flow_layers(flow, made.reports(engines)),
        stores=dataflow.flow_memories(flow),
        cycles=None if flow.timing is None else flow.timing.latency,
        exact=flow.timing is not None,
        interval=None if flow.timing is None else flow.timing.interval,
        flow=flow,
    )


def _engines(
    made: Materials, names: Names, replicas: Sequence[int]
) -> tuple[list[LayerModule], list[LayerTiming | None]]:
    """The layers' engines and their timing: each waits for the words of others in the order in which they come.

    Layers that take images in turn wait for whole ones.
    """
    engines: list[LayerModule] = []
    timings: list[LayerTiming | None] = []
    arrival: dict[str, Numbers] = {}
    for plan, count in zip(made.plans, replicas, strict=True):
        timing = plan.timing(arrival if count == 1 else None)
        gate = timing.gates.gate if timing is not None and timing.gates is not None else None
        engine = plan.emit(names.fresh(f"engine_{plan.layer}"), made.version, gate=gate)
        arrival |= {
            port.memory.name: dataflow.arrival_order(port, timing, count) for port in engine.memories if port.writes
        }
        engines.append(engine)
        timings.append(timing)
    return engines, timings
