"""Det: Gaussian elimination in a scratch matrix."""

from __future__ import annotations

from dataclasses import replace

from asnet.lower.context import LayerContext
from asnet.lower.registry import lowering
from asnet.lower.rounding import magnitude
from asnet.network.determinant import determinant

__all__: list[str] = []


@lowering("Det")
def _det(context: LayerContext) -> None:
    count, m = determinant(context.layer, context.network)
    x = replace(context.input(), shape=(count, m, m))
    y = replace(context.output(), shape=(count,))
    a = context.scratch("rows", (m, m))
    with context.function((x,), (a, y)) as b, b.nest((count,)) as (number,):
        with b.nest((m, m)) as (i, j):
            b.store(a, (i, j), b.load(x, (number, i, j)))
        with b.reduction((m,), b.number(1.0)) as product:
            (k,) = product.index
            diagonal = b.position(k)
            with b.reduction((m,), diagonal, magnitude(b, b.load(a, (k, k)))) as search:
                row, greatest = search.values
                i = b.position(search.index[0])
                size = magnitude(b, b.load(a, (search.index[0], k)))
                below = b.ir.icmp_signed(">", i, diagonal)
                better = b.ir.and_(below, b.compare(">", size, greatest, x.dtype))
                search.values = [b.choose(better, i, row), b.choose(better, size, greatest)]
            other = b.index(search.values[0])
            with b.nest((m,)) as (j,):
                upper, lower = b.load(a, (k, j)), b.load(a, (other, j))
                b.store(a, (other, j), upper)
                b.store(a, (k, j), lower)
            exchanged = b.ir.icmp_signed("!=", search.values[0], diagonal)
            result = b.choose(exchanged, b.ir.fneg(product.value), product.value)
            pivot = b.load(a, (k, k))
            singular = b.compare("==", pivot, b.number(0.0), x.dtype)
            with b.nest((m,)) as (i,), b.when(b.ir.icmp_signed(">", b.position(i), diagonal)):
                factor = b.choose(singular, b.number(0.0), b.site("fdiv", b.load(a, (i, k)), pivot))
                with b.nest((m,)) as (j,):
                    part = b.site("fmul", b.load(a, (k, j)), factor)
                    b.store(a, (i, j), b.site("fsub", b.load(a, (i, j)), part))
            product.value = b.site("fmul", result, pivot)
        b.store(y, (number,), product.value)
