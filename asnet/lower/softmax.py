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

_LINE = 64  # neighbours at a time


@lowering("Softmax")
def _softmax(context: LayerContext) -> None:
    shape = softmax_axes(context.layer, context.network)
    x, y = replace(context.input(), shape=shape), replace(context.output(), shape=shape)
    outer, extent, inner = shape
    if context.tiling is not None and inner > 1:
        blocks, rest = divmod(inner, _LINE)
        with context.function((x,), (y,)) as b, b.nest((outer,)) as (i,):
            with b.nest((blocks,)) as (block,):
                _line(b, x, y, (i, block * _LINE), _LINE)
            if rest:
                _line(b, x, y, (i, Index(blocks * _LINE)), rest)
        return
    with context.function((x,), (y,)) as b, b.each((outer, inner), ("outer", "inner")) as (i, j):
        with b.reduction((extent,), b.load(x, (i, Index(), j)), names=("element",)) as maximum:
            element = b.load(x, (i, maximum.index[0], j))
            maximum.value = b.select(">", element, maximum.value, element, maximum.value)
        if context.tiling is not None:  # exponentials apart from their sum: vectors of them
            with b.nest((extent,), names=("element",)) as (k,):
                b.store(y, (i, k, j), elementary.exp(b, b.site("fsub", b.load(x, (i, k, j)), maximum.value)))
        with b.reduction((extent,), b.number(0.0), names=("element",)) as total:
            place = (i, total.index[0], j)
            if context.tiling is not None:
                power = b.load(y, place)
            else:
                power = elementary.exp(b, b.site("fsub", b.load(x, place), maximum.value))
                b.store(y, place, power)
            total.value = b.site("fadd", total.value, power)
        with b.nest((extent,), names=("element",)) as (k,):
            place = (i, k, j)
            b.store(y, place, b.site("fdiv", b.load(y, place), total.value))


def _line(b: LayerBuilder, x: Memory, y: Memory, start: tuple[Index, Index], width: int) -> None:
    """The host's form for an axis that is not the last: the same steps for ``width`` neighbours from ``start`` on."""
    i, first = start
    extent = x.shape[1]
    maximum, total = b.local("maximum", width), b.local("total", width)
    with b.nest((width,)) as (j,):
        b.store(maximum, (j,), b.load(x, (i, Index(), first + j)))
        b.store(total, (j,), b.number(0.0))
    with b.nest((extent, width)) as (k, j):
        element, greatest = b.load(x, (i, k, first + j)), b.load(maximum, (j,))
        b.store(maximum, (j,), b.select(">", element, greatest, element, greatest))
    with b.nest((extent, width)) as (k, j):
        power = elementary.exp(b, b.site("fsub", b.load(x, (i, k, first + j)), b.load(maximum, (j,))))
        b.store(y, (i, k, first + j), power)
        b.store(total, (j,), b.site("fadd", b.load(total, (j,)), power))
    with b.nest((extent, width)) as (k, j):
        place = (i, k, first + j)
        b.store(y, place, b.site("fdiv", b.load(y, place), b.load(total, (j,))))
