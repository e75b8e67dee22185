"""DeformConv: the elements that each tap reads go to a scratch memory, which is convolved like any input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llvmlite import ir

from asnet.lower.arithmetic import F32, I32
from asnet.lower.context import LayerContext
from asnet.lower.index import Index
from asnet.lower.registry import lowering
from asnet.lower.steps import LayerSteps
from asnet.network.deforming import deformation
from asnet.network.sampling import Tap, axis_taps, interpolate

__all__: list[str] = []


@lowering("DeformConv")
def _deform_conv(context: LayerContext) -> None:
    found = deformation(context.layer, context.network)
    g, window = found.conv, found.conv.window
    rank = len(window.kernel)
    together = g.in_channels // found.groups
    x = replace(context.input(), shape=(g.batch, found.groups, together, *window.inputs))
    w = replace(context.input(1), shape=(g.groups, g.group_outputs, g.group_inputs, *window.kernel))
    offsets = replace(context.input(2), shape=found.offsets)
    bias, mask = context.optional_input(3), context.optional_input(4)
    if bias is not None:
        bias = replace(bias, shape=(g.groups, g.group_outputs))
    if mask is not None:
        mask = replace(mask, shape=found.factors)
    y = replace(context.output(), shape=(g.batch, g.groups, g.group_outputs, *window.outputs))
    columns = context.scratch("columns", (g.in_channels, *window.kernel, *window.outputs))
    split = replace(columns, shape=(found.groups, together, *columns.shape[1:]))
    grouped = replace(columns, shape=(g.groups, g.group_inputs, *columns.shape[1:]))
    with context.function((x, w, offsets, bias, mask), (columns, y)) as b, b.nest((g.batch,)) as (image,):
        steps = LayerSteps(b)
        with b.nest((found.groups, *window.kernel, *window.outputs)) as (group, *index):
            tap, place = index[:rank], index[rank:]
            taps: list[list[Tap[ir.Value]]] = []
            for k, axis in enumerate(found.axes):
                base = place[k] * window.strides[k] + tap[k] * window.dilations[k] + -window.pads_begin[k]
                start = b.ir.sitofp(b.ir.trunc(b.position(base), I32), F32)
                parts = (image, group, *tap, Index(k), *place)
                taps.append(axis_taps(steps, b.site("fadd", start, b.load(offsets, parts)), axis))
            factor = b.load(mask, (image, group, *tap, *place)) if mask is not None else None
            with b.nest((together,)) as (channel,):

                def load(places: Sequence[ir.Value]) -> ir.Value:
                    return b.load(x, (image, group, channel, *(b.index(part) for part in places)))

                value = interpolate(steps, taps, load, b.number(0.0))
                if factor is not None:
                    value = b.site("fmul", value, factor)
                b.store(split, (group, channel, *tap, *place), value)
        with b.nest((g.groups, g.group_outputs, *window.outputs)) as (group, output, *place):
            start = b.load(bias, (group, output)) if bias is not None else b.number(0.0)
            with b.reduction((g.group_inputs, *window.kernel), start) as acc:
                channel, *tap = acc.index
                product = b.site(
                    "fmul",
                    b.load(grouped, (group, channel, *tap, *place)),
                    b.load(w, (group, output, channel, *tap)),
                )
                acc.value = b.site("fadd", acc.value, product)
            b.store(y, (image, group, output, *place), acc.value)
