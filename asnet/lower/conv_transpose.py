"""Transposed convolution over any number of spatial axes, with groups.

Sums live in memory: they start with the bias, then every input element adds its products with the taps, by input
channel, then tap. What the output leaves out is cut off at the end. Samples of the output gather the same products in
the same order.
"""

from __future__ import annotations

from asnet.ir.module import Memory
from asnet.lower.arithmetic import I64
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import LayerContext
from asnet.lower.index import Index
from asnet.lower.registry import lowering
from asnet.network.transposed import TransposedConv, transposed_geometry

__all__: list[str] = []


@lowering("ConvTranspose")
def _conv_transpose(context: LayerContext) -> None:
    g = transposed_geometry(context.layer, context.network)
    x, w, bias, y = context.input(0), context.input(1), context.optional_input(2), context.output()
    sums = context.scratch("sums", (g.batch, g.groups * g.group_outputs, *g.full)) if g.cropped else y
    rank = len(g.kernel)
    if context.samples:
        with context.function((x, w, bias), (y,)) as b:
            _gather(b, g, x, w, bias, y)
        return
    with context.function((x, w, bias), (sums, y)) as b:
        with b.nest(sums.shape) as (image, channel, *place):
            initial = b.number(0.0) if bias is None else b.load(bias, (channel,))
            b.store(sums, (image, channel, *place), initial)
        extents = (g.batch, g.groups, g.group_inputs, *g.kernel, g.group_outputs, *g.inputs)
        with b.nest(extents) as (image, group, source, *inner):
            tap, member, place = inner[:rank], inner[rank], inner[rank + 1 :]
            source = group * g.group_inputs + source
            steps = zip(place, tap, g.strides, g.dilations, strict=True)
            goal = [o * stride + t * dilation for o, t, stride, dilation in steps]
            channel = group * g.group_outputs + member
            product = b.site("fmul", b.load(x, (image, source, *place)), b.load(w, (source, member, *tap)))
            total = b.site("fadd", b.load(sums, (image, channel, *goal)), product)
            b.store(sums, (image, channel, *goal), total)
        if g.cropped:
            with b.nest(y.shape) as (image, channel, *place):
                source = [o + begin for o, begin in zip(place, g.begins, strict=True)]
                b.store(y, (image, channel, *place), b.load(sums, (image, channel, *source)))


def _gather(b: LayerBuilder, g: TransposedConv, x: Memory, w: Memory, bias: Memory | None, y: Memory) -> None:
    """Each output by itself: of every tap's input elements at most one reaches it."""
    outputs = y.shape[2:]
    with b.each((g.batch, g.groups, g.group_outputs, *outputs)) as (image, group, member, *goal):
        channel = group * g.group_outputs + member
        initial = b.number(0.0) if bias is None else b.load(bias, (channel,))
        with b.reduction((g.group_inputs, *g.kernel), initial) as acc:
            source, *tap = acc.index
            source = group * g.group_inputs + source
            reached = b.constant(True, "bool")
            place: list[Index] = []
            axes = zip(goal, tap, g.begins, g.strides, g.dilations, g.inputs, strict=True)
            for o, t, begin, stride, dilation, extent in axes:
                distance = b.ir.sub(b.position(o + begin), b.position(t * dilation))
                near = b.ir.sdiv(distance, I64(stride))
                meets = b.ir.icmp_signed("==", b.ir.mul(near, I64(stride)), distance)
                inside = b.ir.icmp_unsigned("<", near, I64(extent))
                reached = b.ir.and_(reached, b.ir.and_(meets, inside))
                place.append(b.index(b.choose(inside, near, I64(0))))
            product = b.site("fmul", b.load(x, (image, source, *place)), b.load(w, (source, member, *tap)))
            acc.value = b.choose(reached, b.site("fadd", acc.value, product), acc.value)
        b.store(y, (image, channel, *goal), acc.value)
