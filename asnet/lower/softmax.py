"""Softmax over one axis: maximum, exponentials and their sum, quotients."""

from __future__ import annotations

from dataclasses import replace

from asnet.lower import elementary
from asnet.lower.context import LayerContext
from asnet.lower.index import Index
from asnet.lower.registry import lowering
from asnet.network.semantics import softmax_axes

__all__: list[str] = []


@lowering("Softmax")
def _softmax(context: LayerContext) -> None:
    shape = softmax_axes(context.layer, context.network)
    x, y = replace(context.input(), shape=shape), replace(context.output(), shape=shape)
    outer, extent, inner = shape
    with context.function((x,), (y,)) as b, b.nest((outer, inner)) as (i, j):
        with b.reduction((extent,), b.load(x, (i, Index(), j))) as maximum:
            element = b.load(x, (i, maximum.index[0], j))
            maximum.value = b.select(">", element, maximum.value, element, maximum.value)
        with b.reduction((extent,), b.number(0.0)) as total:
            place = (i, total.index[0], j)
            power = elementary.exp(b, b.site("fsub", b.load(x, place), maximum.value))
            b.store(y, place, power)
            total.value = b.site("fadd", total.value, power)
        with b.nest((extent,)) as (k,):
            place = (i, k, j)
            b.store(y, place, b.site("fdiv", b.load(y, place), total.value))
