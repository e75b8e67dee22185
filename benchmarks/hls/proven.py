"""A design, made and proven: every word it leaves in its memories is what the compiled IR leaves there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import asnet
from asnet import hls
from asnet.cache import default_cache
from asnet.ir import MemoryKind
from asnet.ir.jit import Engine
from asnet.lower import lower
from asnet.passes import approximate
from asnet.types import Array, FloatMode
from asnet.units import UnitInstance
from benchmarks.hls.networks import random_feed

__all__ = ["Proven", "prove"]

_COMPARED = (MemoryKind.OUTPUT, MemoryKind.ACTIVATION)


@dataclass(frozen=True)
class Proven:
    """A design that agreed in every bit, how many seconds it took to make, and what co-simulation saw."""

    design: hls.RtlDesign
    seconds: float
    report: hls.CosimReport


def prove(
    network: asnet.Network,
    options: hls.HlsOptions,
    *,
    mode: FloatMode = FloatMode.FTZ,
    instances: Mapping[str, UnitInstance | None] | None = None,
    feed: Mapping[str, Array] | None = None,
    images: int = 4,
) -> Proven:
    """Hardware of ``network``, linted and co-simulated on ``feed`` (random images by default).

    Slots of ``instances`` must be exact on the host: what is compared with is the compiled IR.

    Raises:
        MismatchError: a bit differs.
    """
    inputs = dict(feed) if feed is not None else random_feed(network, images)
    module = lower(network, mode)
    engine = Engine(module, cache=default_cache())
    before = time.perf_counter()
    design = hls.synthesise(approximate(module), instances, name=network.name, options=options)
    seconds = time.perf_counter() - before
    hls.lint(design)
    state = engine.state(len(next(iter(inputs.values()))))
    engine.run(inputs, state=state)
    names = [name for name, memory in module.memories.items() if name in design.rams and memory.kind in _COMPARED]
    report = hls.cosimulate(design, inputs, {name: engine.memory(state, name).copy() for name in names})
    report.raise_if_different()
    return Proven(design, seconds, report)
