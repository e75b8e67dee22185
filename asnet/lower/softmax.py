"""Softmax over one axis: maximum, exponentials and their sum, quotients."""

from __future__ import annotations

from dataclasses import replace

from asnet.ir.module import Memory
from asnet.lower import elementary
from asnet.lower.builder import LayerBuilder
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
    if context.tiling is not None and inner > 1:
        lines = context.scratch("maximum", (inner,)), context.scratch("total", (inner,))
        with context.function((x,), (*lines, y)) as b, b.nest((outer,)) as (i,):
            _lines(b, x, y, lines, i)
        return
    with context.function((x,), (y,)) as b, b.nest((outer, inner)) as (i, j):
        with b.reduction((extent,), b.load(x, (i, Index(), j))) as maximum:
            element = b.load(x, (i, maximum.index[0], j))
            maximum.value = b.select(">", element, maximum.value, element, maximum.value)
        if context.tiling is not None:  # exponentials apart from their sum: vectors of them
            with b.nest((extent,)) as (k,):
                b.store(y, (i, k, j), elementary.exp(b, b.site("fsub", b.load(x, (i, k, j)), maximum.value)))
        with b.reduction((extent,), b.number(0.0)) as total:
            place = (i, total.index[0], j)
            if context.tiling is not None:
                power = b.load(y, place)
            else:
                power = elementary.exp(b, b.site("fsub", b.load(x, place), maximum.value))
                b.store(y, place, power)
            total.value = b.site("fadd", total.value, power)
        with b.nest((extent,)) as (k,):
            place = (i, k, j)
            b.store(y, place, b.site("fdiv", b.load(y, place), total.value))


def _lines(b: LayerBuilder, x: Memory, y: Memory, lines: tuple[Memory, Memory], i: Index) -> None:
    """Block ``i`` of the host's form for an axis that is not the last: the same steps for a line of neighbours at once.

    ``lines`` hold the neighbours' maxima and sums.
    """
    _, extent, inner = x.shape
    maximum, total = lines
    with b.nest((inner,)) as (j,):
        b.store(maximum, (j,), b.load(x, (i, Index(), j)))
        b.store(total, (j,), b.number(0.0))
    with b.nest((extent, inner)) as (k, j):
        element, greatest = b.load(x, (i, k, j)), b.load(maximum, (j,))
        b.store(maximum, (j,), b.select(">", element, greatest, element, greatest))
    with b.nest((extent, inner)) as (k, j):
        power = elementary.exp(b, b.site("fsub", b.load(x, (i, k, j)), b.load(maximum, (j,))))
        b.store(y, (i, k, j), power)
        b.store(total, (j,), b.site("fadd", b.load(total, (j,)), power))
    with b.nest((extent, inner)) as (k, j):
        b.store(y, (i, k, j), b.site("fdiv", b.load(y, (i, k, j)), b.load(total, (j,))))
