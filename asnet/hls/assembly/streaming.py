"""The dataflow style: every layer a module of its own, with streams between them."""

from __future__ import annotations

from collections.abc import Sequence

from asnet.hls import dataflow
from asnet.hls.assembly.materials import Assembly, Materials, ring_reports
from asnet.hls.dataflow import LayerTiming, Numbers
from asnet.hls.layers import images_of
from asnet.hls.module import LayerModule
from asnet.hls.names import Names
from asnet.hls.storage import WEIGHTS_LIBRARY, WeightsImage, by_channel

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
    channels = [by_channel(plan.tiles) for plan in made.plans]
    groups = tuple(group for channel in channels for group in channel)
    weights = WeightsImage(groups, made.options.bus) if groups else None
    left = iter(weights.fetchers if weights is not None else ())
    fetchers = [
        {names.fresh(f"weights_{plan.layer}"): next(left) for _ in channel}
        for plan, channel in zip(made.plans, channels, strict=True)
    ]
    fetched = {name: fetcher for own in fetchers for name, fetcher in own.items()}
    flow = dataflow.assemble(
        made.module,
        top,
        engines,
        timings,
        names,
        made.header,
        made.version,
        replicas,
        weights,
        fetchers,
        made.options.clock,
    )
    files = {f"rtl/{layer.module}.v": layer.text for layer in engines} | flow.files | made.fetching(weights, fetched)
    return Assembly(
        top=top,
        files=made.with_library(files, (*dataflow.LIBRARY, *WEIGHTS_LIBRARY)),
        memories=flow.memories,
        layers=dataflow.flow_layers(flow, made.reports(engines)),
        stores=(*dataflow.flow_memories(flow), *ring_reports(weights, fetched)),
        cycles=None if flow.timing is None else flow.timing.latency,
        exact=flow.timing is not None and weights is None,
        interval=None if flow.timing is None else flow.timing.interval,
        flow=flow,
        weights=weights,
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
