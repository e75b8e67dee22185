"""Activations: one operation or a few per element, over the tensor as one flat loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from llvmlite import ir

from asnet.lower import elementary
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import LayerContext
from asnet.lower.registry import lowering
from asnet.network.semantics import clip_bounds, leaky_alpha

__all__ = ["map_elements"]


def map_elements(context: LayerContext, function: Callable[[LayerBuilder, ir.Value], ir.Value]) -> None:
    """Output = ``function`` of the input, element by element."""
    x, y = (replace(memory, shape=(memory.size,)) for memory in (context.input(), context.output()))
    with context.function((x,), (y,)) as b, b.nest(y.shape) as index:
        b.store(y, index, function(b, b.load(x, index)))


@lowering("Relu")
def _relu(context: LayerContext) -> None:
    def relu(b: LayerBuilder, x: ir.Value) -> ir.Value:
        zero = b.number(0.0)
        return b.select("<", x, zero, zero, x)

    map_elements(context, relu)


@lowering("LeakyRelu")
def _leaky_relu(context: LayerContext) -> None:
    alpha = leaky_alpha(context.layer)

    def leaky_relu(b: LayerBuilder, x: ir.Value) -> ir.Value:
        return b.select("<", x, b.number(0.0), b.site("fmul", x, b.number(alpha)), x)

    map_elements(context, leaky_relu)


@lowering("Clip")
def _clip(context: LayerContext) -> None:
    bounds = clip_bounds(context.layer, context.network)

    def clip(b: LayerBuilder, x: ir.Value) -> ir.Value:
        if bounds.low is not None:
            low = b.number(bounds.low)
            x = b.select("<", x, low, low, x)
        if bounds.high is not None:
            high = b.number(bounds.high)
            x = b.select(">", x, high, high, x)
        return x

    map_elements(context, clip)


@lowering("Sigmoid")
def _sigmoid(context: LayerContext) -> None:
    map_elements(context, elementary.sigmoid)


@lowering("Tanh")
def _tanh(context: LayerContext) -> None:
    map_elements(context, elementary.tanh)
