"""Elementary functions, activations, Pow and PRelu."""

from __future__ import annotations

from asnet.lower.context import FLOATS, LayerContext
from asnet.lower.elementwise import map_broadcast, map_elements
from asnet.lower.registry import lowering
from asnet.lower.steps import LayerSteps
from asnet.network.activations import ACTIVATIONS, FUNCTIONS, activation, constant_power
from asnet.network.functions import power
from asnet.types import INTEGER_TYPES

__all__: list[str] = []


@lowering(*FUNCTIONS, *ACTIVATIONS)
def _activation(context: LayerContext) -> None:
    function = activation(context.layer)
    map_elements(context, lambda b, x: function(LayerSteps(b), x))


@lowering("Pow")
def _pow(context: LayerContext) -> None:
    x, y = context.input(0, FLOATS), context.input(1, (*FLOATS, *INTEGER_TYPES))
    exponent = context.network.constants.get(context.layer.inputs[1])
    direct = constant_power(float(exponent.item())) if exponent is not None and exponent.size == 1 else None
    if direct is not None:
        map_broadcast(context, [x], lambda b, values: direct(LayerSteps(b), values[0]))
        return
    map_broadcast(
        context, [x, y], lambda b, values: power(LayerSteps(b), values[0], b.cast(values[1], y.dtype, "float32"))
    )


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
