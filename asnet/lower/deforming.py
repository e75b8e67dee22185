"""DeformConv: the elements that each tap reads go to a scratch memory, which is convolved like any input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from llvmlite import ir

from asnet.ir.module import Memory
from asnet.lower.arithmetic import F32, I32
from asnet.lower.context import LayerContext
from asnet.lower.contract import contract, panels_of
from asnet.lower.contraction import Axis, Contraction
from asnet.lower.index import Index
from asnet.lower.registry import lowering
from asnet.lower.steps import LayerSteps
from asnet.network.deforming import deformation
from asnet.network.sampling import Tap, axis_taps, interpolate
from asnet.network.windows import ConvGeometry

__all__: list[str] = []


@lowering("DeformConv")
def _deform_conv(context: LayerContext) -> None:
    found = deformation(context.layer, context.network)
    g, window = found.conv, found.conv.window
    rank = len(window.kernel)
    together = g.in_channels // found.groups
    x = replace(context.input(), shape=(g.batch, found.groups, together, *window.inputs))
    w = context.input(1)
    offsets = replace(context.input(2), shape=found.offsets)
    bias, mask = context.optional_input(3), context.optional_input(4)
    if mask is not None:
        mask = replace(mask, shape=found.factors)
    y = context.output()
    columns = context.scratch("columns", (g.batch, g.in_channels, *window.kernel, *window.outputs))
    split = replace(columns, shape=(g.batch, found.groups, together, *columns.shape[2:]))
    c = _contraction(g, columns, w, bias, y)
    panels = panels_of(context, c)
    with context.function((x, w, offsets, bias, mask, *(panels.memories if panels else ())), (columns, y)) as b:
        with b.nest((g.batch, found.groups, *window.kernel, *window.outputs)) as (image, group, *index):
            steps = LayerSteps(b)
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
                b.store(split, (image, group, channel, *tap, *place), value)
        contract(b, c, panels=panels)


def _contraction(g: ConvGeometry, columns: Memory, w: Memory, bias: Memory | None, y: Memory) -> Contraction:
    """Images, groups and places of the columns (operand a) times output channels of the weights (operand b)."""
    size = math.prod(g.window.outputs)
    terms = g.group_inputs * g.window.taps
    members, channels = g.group_outputs, g.out_channels
    space = (
        Axis(g.batch, a=g.groups * terms * size, y=channels * size),
        Axis(g.groups, a=terms * size, b=members * terms, y=members * size, start=members),
        Axis(members, b=terms, y=size, start=1),
        Axis(size, a=1, y=1),
    )
    return Contraction(columns, w, y, bias, space, (Axis(terms, a=size, b=1),))
