"""Elementary functions and activations of one operand, and PRelu."""

from __future__ import annotations

from asnet.lower.context import FLOATS, LayerContext
from asnet.lower.elementwise import map_broadcast, map_elements
from asnet.lower.registry import lowering
from asnet.lower.steps import LayerSteps
from asnet.network.activations import ACTIVATIONS, FUNCTIONS, activation

__all__: list[str] = []


@lowering(*FUNCTIONS, *ACTIVATIONS)
def _activation(context: LayerContext) -> None:
    function = activation(context.layer)
    map_elements(context, lambda b, x: function(LayerSteps(b), x))


@lowering("PRelu")
def _prelu(context: LayerContext) -> None:
    types = (*FLOATS, "int32", "int64", "uint32", "uint64")
    operands = [context.input(0, types), context.input(1, types)]
    dtype = operands[0].dtype

    map_broadcast(
        context,
        operands,
        lambda b, values: b.choose(
            b.compare("<", values[0], b.constant(0, dtype), dtype), b.multiply(values[0], values[1], dtype), values[0]
        ),
    )
