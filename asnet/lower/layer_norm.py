"""LayerNormalization and RMSNormalization: the distances go to the output and are scaled there."""

from __future__ import annotations

from dataclasses import replace

from asnet.lower.context import LayerContext
from asnet.lower.index import broadcast
from asnet.lower.registry import lowering
from asnet.lower.steps import LayerSteps
from asnet.network.functions import sqrt
from asnet.network.layer_norm import layer_norm

__all__: list[str] = []


@lowering("LayerNormalization", "RMSNormalization")
def _normalization(context: LayerContext) -> None:
    g = layer_norm(context.layer, context.network)
    x, scale, bias = context.input(), context.input(1), context.optional_input(2)
    y = context.optional_output(0) or context.scratch("normalised", x.shape)
    statistics = [context.optional_output(number) for number in (1, 2)]
    mean_of, factor_of = (memory and replace(memory, shape=g.outer) for memory in statistics)
    written = [memory for memory in (y, mean_of, factor_of) if memory is not None]
    with context.function((x, scale, bias), written) as b, b.each(g.outer) as row:
        zero, count = b.number(0.0), b.number(g.count)
        mean = zero
        if g.centred:
            with b.reduction(g.inner, zero) as total:
                total.value = b.site("fadd", total.value, b.load(x, (*row, *total.index)))
            mean = b.site("fdiv", total.value, count)
        with b.reduction(g.inner, zero) as squares:
            place = (*row, *squares.index)
            distance = b.load(x, place)
            if g.centred:
                distance = b.site("fsub", distance, mean)
                b.store(y, place, distance)
            squares.value = b.site("fadd", squares.value, b.site("fmul", distance, distance))
        variance = b.site("fdiv", squares.value, count)
        deviation = sqrt(LayerSteps(b), b.site("fadd", variance, b.number(g.epsilon)))
        factor = b.site("fdiv", b.number(1.0), deviation)
        with b.nest(g.inner) as index:
            place = (*row, *index)
            value = b.site("fmul", b.load(y if g.centred else x, place), factor)
            value = b.site("fmul", value, b.load(scale, broadcast(place, scale.shape)))
            if bias is not None:
                value = b.site("fadd", value, b.load(bias, broadcast(place, bias.shape)))
            b.store(y, place, value)
        for memory, value in ((mean_of, mean), (factor_of, factor)):
            if memory is not None:
                b.store(memory, row, value)
