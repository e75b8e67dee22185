"""The dataflow style: every layer a module of its own, with streams between them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from asnet.hls import dataflow
from asnet.hls.assembly.materials import Assembly, Materials, ring_reports
from asnet.hls.dataflow import Engine, Numbers
from asnet.hls.engine import Neighbours
from asnet.hls.layers import images_of
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
    engines = _engines(made, names)
    groups = tuple(group for plan in made.plans for group in by_channel(plan.tiles))
    weights = WeightsImage(groups, made.options.bus) if groups else None
    left = iter(weights.fetchers if weights is not None else ())
    engines = [
        replace(engine, fetchers={names.fresh(f"weights_{plan.layer}"): next(left) for _ in by_channel(plan.tiles)})
        for plan, engine in zip(made.plans, engines, strict=True)
    ]
    fetched = {name: fetcher for engine in engines for name, fetcher in engine.fetchers.items()}
    parts = dataflow.Ingredients(
        module=made.module,
        engines=engines,
        top=top,
        rows=made.header,
        weights=weights,
        clock=made.options.clock,
        version=made.version,
    )
    flow = dataflow.assemble(parts, names)
    modules = [engine.layer for engine in engines]
    files = {f"rtl/{layer.module}.v": layer.text for layer in modules} | flow.files | made.fetching(weights, fetched)
    layers = dataflow.flow_layers(flow, made.reports(modules))
    return Assembly(
        top=top,
        files=made.with_library(files, (*dataflow.LIBRARY, *WEIGHTS_LIBRARY)),
        memories=flow.memories,
        layers=layers,
        stores=(*dataflow.flow_memories(flow), *ring_reports(weights, fetched)),
        units=sum((Counter(layer.units) for layer in layers), Counter[str]()),
        cycles=None if flow.timing is None else flow.timing.latency,
        exact=flow.timing is not None and weights is None,
        interval=None if flow.timing is None else flow.timing.interval,
        flow=flow,
        weights=weights,
    )


def _engines(made: Materials, names: Names) -> list[Engine]:
    """The layers' engines: each waits for the words of others in the order in which they come.

    Layers that take images in turn wait for whole ones.
    """
    engines: list[Engine] = []
    arrival: dict[str, Numbers] = {}
    for plan in made.plans:
        replicas = images_of(plan.layer, made.options)
        timing = plan.timing(arrival if replicas == 1 else None)
        gate = timing.gates.gate if timing is not None and timing.gates is not None else None
        layer = plan.emit(names.fresh(f"engine_{plan.layer}"), made.version, Neighbours(gate=gate))
        engine = Engine(layer, timing, replicas)
        arrival |= {port.memory.name: dataflow.arrival_order(port, engine) for port in layer.memories if port.writes}
        engines.append(engine)
    return engines
