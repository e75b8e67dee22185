"""LogSoftmax and Hardmax over one axis."""

from __future__ import annotations

from dataclasses import replace

from asnet.lower import elementary
from asnet.lower.arithmetic import I64
from asnet.lower.context import LayerContext
from asnet.lower.index import Index
from asnet.lower.registry import lowering
from asnet.lower.steps import LayerSteps
from asnet.network.functions import log
from asnet.network.semantics import softmax_axes

__all__: list[str] = []


@lowering("LogSoftmax")
def _log_softmax(context: LayerContext) -> None:
    shape = softmax_axes(context.layer, context.network)
    x, y = replace(context.input(), shape=shape), replace(context.output(), shape=shape)
    outer, extent, inner = shape
    with context.function((x,), (y,)) as b, b.each((outer, inner)) as (i, j):
        with b.reduction((extent,), b.load(x, (i, Index(), j))) as maximum:
            element = b.load(x, (i, maximum.index[0], j))
            maximum.value = b.select(">", element, maximum.value, element, maximum.value)
        with b.reduction((extent,), b.number(0.0)) as total:
            place = (i, total.index[0], j)
            difference = b.site("fsub", b.load(x, place), maximum.value)
            b.store(y, place, difference)
            total.value = b.site("fadd", total.value, elementary.exp(b, difference))
        logarithm = log(LayerSteps(b), total.value)
        with b.nest((extent,)) as (k,):
            place = (i, k, j)
            b.store(y, place, b.site("fsub", b.load(y, place), logarithm))


@lowering("Hardmax")
def _hardmax(context: LayerContext) -> None:
    shape = softmax_axes(context.layer, context.network)
    x, y = replace(context.input(), shape=shape), replace(context.output(), shape=shape)
    outer, extent, inner = shape
    with context.function((x,), (y,)) as b, b.nest((outer, inner)) as (i, j):
        with b.reduction((extent,), b.load(x, (i, Index(), j)), I64(0)) as state:
            (k,) = state.index
            best, found = state.values
            element = b.load(x, (i, k, j))
            greater = b.ir.fcmp_ordered(">", element, best)
            state.values = [b.choose(greater, element, best), b.choose(greater, b.position(k), found)]
        place = state.values[1]
        with b.nest((extent,)) as (k,):
            here = b.ir.icmp_unsigned("==", b.position(k), place)
            b.store(y, (i, k, j), b.choose(here, b.number(1.0), b.number(0.0)))
