"""InstanceNormalization, LRN and LpNormalization: sums start at 0.0 and run in order."""

from __future__ import annotations

from dataclasses import replace

from asnet.lower.context import LayerContext
from asnet.lower.registry import lowering
from asnet.lower.rounding import magnitude
from asnet.lower.steps import LayerSteps
from asnet.network.functions import power, sqrt
from asnet.network.normalizing import instance_norm, lp_norm, response

__all__: list[str] = []


@lowering("InstanceNormalization")
def _instance_normalization(context: LayerContext) -> None:
    g = instance_norm(context.layer, context.network)
    scale, bias = context.input(1), context.input(2)
    x, y = (replace(memory, shape=g.shape) for memory in (context.input(), context.output()))
    batch, channels, elements = g.shape
    with context.function((x, scale, bias), (y,)) as b, b.each((batch, channels)) as (n, c):
        count = b.number(elements)
        with b.reduction((elements,), b.number(0.0)) as total:
            total.value = b.site("fadd", total.value, b.load(x, (n, c, *total.index)))
        mean = b.site("fdiv", total.value, count)
        with b.reduction((elements,), b.number(0.0)) as squares:
            place = (n, c, *squares.index)
            distance = b.site("fsub", b.load(x, place), mean)
            b.store(y, place, distance)
            squares.value = b.site("fadd", squares.value, b.site("fmul", distance, distance))
        variance = b.site("fdiv", squares.value, count)
        deviation = sqrt(LayerSteps(b), b.site("fadd", variance, b.number(g.epsilon)))
        factor, shift = b.site("fdiv", b.load(scale, (c,)), deviation), b.load(bias, (c,))
        with b.nest((elements,)) as (i,):
            b.store(y, (n, c, i), b.site("fadd", b.site("fmul", b.load(y, (n, c, i)), factor), shift))


@lowering("LRN")
def _lrn(context: LayerContext) -> None:
    g = response(context.layer, context.network)
    x, y = (replace(memory, shape=g.shape) for memory in (context.input(), context.output()))
    batch, channels, elements = g.shape
    squares = context.scratch("squares", (batch, channels + g.size - 1, elements))
    with context.function((x,), (squares, y)) as b:
        with b.nest(squares.shape) as index:
            b.store(squares, index, b.number(0.0))
        with b.nest(x.shape) as (n, c, i):
            element = b.load(x, (n, c, i))
            b.store(squares, (n, c + g.before, i), b.site("fmul", element, element))
        with b.each(y.shape) as (n, c, i):
            with b.reduction((g.size,), b.number(0.0)) as total:
                total.value = b.site("fadd", total.value, b.load(squares, (n, c + total.index[0], i)))
            base = b.site("fadd", b.site("fmul", total.value, b.number(g.scale)), b.number(g.bias))
            divisor = power(LayerSteps(b), base, b.number(g.beta))
            b.store(y, (n, c, i), b.site("fdiv", b.load(x, (n, c, i)), divisor))


@lowering("LpNormalization")
def _lp_normalization(context: LayerContext) -> None:
    g = lp_norm(context.layer, context.network)
    x, y = (replace(memory, shape=g.shape) for memory in (context.input(), context.output()))
    outer, extent, inner = g.shape
    with context.function((x,), (y,)) as b, b.each((outer, inner)) as (i, j):
        zero = b.number(0.0)
        with b.reduction((extent,), zero) as total:
            element = b.load(x, (i, total.index[0], j))
            term = b.site("fmul", element, element) if g.squares else magnitude(b, element)
            total.value = b.site("fadd", total.value, term)
        norm = sqrt(LayerSteps(b), total.value) if g.squares else total.value
        nothing = b.compare("==", norm, zero, "float32")
        with b.nest((extent,)) as (k,):
            b.store(y, (i, k, j), b.choose(nothing, zero, b.site("fdiv", b.load(x, (i, k, j)), norm)))
