"""The dataflow style: every layer a module of its own, with streams between them."""

from __future__ import annotations

from asnet.hls import dataflow
from asnet.hls.assembly.materials import Assembly, Materials
from asnet.hls.layers import images_of

__all__ = ["streaming"]


def streaming(made: Materials) -> Assembly:
    """Layers that work at the same time.

    Raises:
        SynthesisError: a memory that streams cannot carry.
    """
    names = made.names(dataflow.LIBRARY, dataflow.RESERVED)
    top = names.fresh(made.name)
    engines = [plan.emit(names.fresh(f"engine_{plan.layer}"), made.version) for plan in made.plans]
    flow = dataflow.assemble(
        made.module,
        top,
        engines,
        [plan.timing() for plan in made.plans],
        names,
        made.header,
        made.version,
        [images_of(call.layer, made.options) for call in made.module.calls],
    )
    return Assembly(
        top=top,
        files=made.library(dataflow.LIBRARY) | {f"rtl/{layer.module}.v": layer.text for layer in engines} | flow.files,
        memories=flow.memories,
        layers=dataflow.flow_layers(flow, made.reports(engines)),
        stores=dataflow.flow_memories(flow),
        cycles=None if flow.timing is None else flow.timing.latency,
        exact=flow.timing is not None,
        interval=None if flow.timing is None else flow.timing.interval,
        flow=flow,
    )
