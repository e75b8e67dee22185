"""Convolution over any number of spatial axes, with groups: bias first, then input channel, kernel positions."""

from __future__ import annotations

from asnet.ir.module import Memory
from asnet.lower.context import LayerContext
from asnet.lower.contract import contract, panels_of
from asnet.lower.contraction import Axis, Contraction
from asnet.lower.index import strides
from asnet.lower.registry import lowering
from asnet.lower.windows import emit_padding, padded_memory, place_names, tap_names
from asnet.network.windows import ConvGeometry, conv_geometry

__all__ = ["convolution"]


@lowering("Conv")
def _conv(context: LayerContext) -> None:
    g = conv_geometry(context.layer, context.network)
    x, w, y = context.input(0), context.input(1), context.output()
    bias = context.input(2) if g.bias else None
    padded = padded_memory(context, x, g.window)
    scratch = () if padded.name == x.name else (padded,)
    c = convolution(g, padded, w, bias, y)
    panels = panels_of(context, c)
    with context.function((x, w, bias, *(panels.memories if panels else ())), (*scratch, y)) as b:
        emit_padding(b, x, padded, g.window, 0.0)
        contract(b, c, panels=panels)


def convolution(g: ConvGeometry, x: Memory, w: Memory, bias: Memory | None, y: Memory) -> Contraction:
    """Images, groups and places of the input (operand a) times output channels of the weights (operand b)."""
    a_image, a_channel, *a_place = strides(x.shape)
    b_channel, b_source, *b_tap = strides(w.shape)
    y_image, y_channel, *y_place = strides(y.shape)
    group = Axis(
        extent=g.groups,
        a=g.group_inputs * a_channel,
        b=g.group_outputs * b_channel,
        y=g.group_outputs * y_channel,
        start=g.group_outputs,
        name="group",
    )
    places = [
        Axis(extent, a=a * stride, y=y_step, name=name)
        for extent, a, stride, y_step, name in zip(
            g.window.outputs, a_place, g.window.strides, y_place, place_names(g.window), strict=True
        )
    ]
    taps = [
        Axis(extent, a=a * dilation, b=b, name=name)
        for extent, a, dilation, b, name in zip(
            g.window.kernel, a_place, g.window.dilations, b_tap, tap_names(g.window), strict=True
        )
    ]
    member = Axis(g.group_outputs, b=b_channel, y=y_channel, start=1, name="channel")
    source = Axis(g.group_inputs, a=a_channel, b=b_source, name="source")
    image = Axis(g.batch, a=a_image, y=y_image, name="image")
    return Contraction(x, w, y, bias, (image, group, member, *places), (source, *taps))
