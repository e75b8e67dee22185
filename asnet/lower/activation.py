"""Activations: one operation or a few per element."""

from __future__ import annotations

from llvmlite import ir

from asnet.lower import elementary
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import LayerContext
from asnet.lower.elementwise import map_elements
from asnet.lower.registry import lowering
from asnet.network.semantics import leaky_alpha

__all__: list[str] = []


@lowering("LeakyRelu")
def _leaky_relu(context: LayerContext) -> None:
    alpha = leaky_alpha(context.layer)

    def leaky_relu(b: LayerBuilder, x: ir.Value) -> ir.Value:
        return b.select("<", x, b.number(0.0), b.site("fmul", x, b.number(alpha)), x)

    map_elements(context, leaky_relu)


@lowering("Sigmoid")
def _sigmoid(context: LayerContext) -> None:
    map_elements(context, elementary.sigmoid)


@lowering("Tanh")
def _tanh(context: LayerContext) -> None:
    map_elements(context, elementary.tanh)
