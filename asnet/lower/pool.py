"""Pooling: the maximum or the mean under a window, or over the whole spatial extent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from asnet.ir import Memory
from asnet.lower.context import LayerContext
from asnet.lower.registry import lowering
from asnet.lower.windows import emit_padding, padded_memory, under
from asnet.network.windows import PoolGeometry, pool_geometry

__all__: list[str] = []


def _memories(context: LayerContext, g: PoolGeometry) -> tuple[Memory, Memory, Memory, tuple[Memory, ...]]:
    """Input and output as planes, the padded input, and the scratch memories that this takes."""
    planes = g.batch * g.channels
    x = replace(context.input(), shape=(planes, *g.window.inputs))
    y = replace(context.output(), shape=(planes, *g.window.outputs))
    padded = padded_memory(context, x, g.window)
    return x, y, padded, () if padded.name == x.name else (padded,)


@lowering("MaxPool", "GlobalMaxPool")
def _max_pool(context: LayerContext) -> None:
    g = pool_geometry(context.layer, context.network)
    x, y, padded, scratch = _memories(context, g)
    with context.function((x,), (*scratch, y)) as b:
        emit_padding(b, x, padded, g.window, -np.inf)
        with b.nest(y.shape) as (plane, *place):
            with b.reduction(g.window.kernel, b.number(-np.inf)) as maximum:
                value = b.load(padded, (plane, *under(g.window, place, maximum.index)))
                maximum.value = b.select(">", value, maximum.value, value, maximum.value)
            b.store(y, (plane, *place), maximum.value)


@lowering("AveragePool", "GlobalAveragePool")
def _average_pool(context: LayerContext) -> None:
    g = pool_geometry(context.layer, context.network)
    x, y, padded, scratch = _memories(context, g)
    divisors = context.constant("divisors", g.divisors()) if g.divisor is None else None
    with context.function((x, divisors), (*scratch, y)) as b:
        emit_padding(b, x, padded, g.window, 0.0)
        with b.nest(y.shape) as (plane, *place):
            with b.reduction(g.window.kernel, b.number(0.0)) as total:
                value = b.load(padded, (plane, *under(g.window, place, total.index)))
                total.value = b.site("fadd", total.value, value)
            count = b.load(divisors, place) if divisors is not None else b.number(g.divisors().flat[0])
            b.store(y, (plane, *place), b.site("fdiv", total.value, count))
