"""Convolution over any number of spatial axes, with groups: bias first, then input channel, kernel positions."""

from __future__ import annotations

from asnet.lower.context import LayerContext
from asnet.lower.index import Index
from asnet.lower.registry import lowering
from asnet.lower.windows import emit_padding, padded_memory, under
from asnet.network.windows import conv_geometry

__all__: list[str] = []


@lowering("Conv")
def _conv(context: LayerContext) -> None:
    g = conv_geometry(context.layer, context.network)
    x, w, y = context.input(0), context.input(1), context.output()
    bias = context.input(2) if g.bias else None
    padded = padded_memory(context, x, g.window)
    scratch = () if padded.name == x.name else (padded,)
    outer = (g.batch, g.groups, g.group_outputs, *g.window.outputs)
    with context.function((x, w, bias), (*scratch, y)) as b:
        emit_padding(b, x, padded, g.window, 0.0)
        with b.nest(outer) as (image, group, member, *place):
            channel = group * g.group_outputs + member
            initial = b.number(0.0) if bias is None else b.load(bias, (channel,))
            with b.reduction((g.group_inputs, *g.window.kernel), initial) as acc:
                source, *tap = acc.index
                position: tuple[Index, ...] = (image, group * g.group_inputs + source, *under(g.window, place, tap))
                product = b.site("fmul", b.load(padded, position), b.load(w, (channel, source, *tap)))
                acc.value = b.site("fadd", acc.value, product)
            b.store(y, (image, channel, *place), acc.value)
