"""Activations: one operation or a few per element, over the tensor as one flat loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from llvmlite import ir

from asnet.ir.module import Memory
from asnet.lower import elementary
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import LayerContext
from asnet.lower.registry import lowering

__all__ = ["flat", "map_elements"]


def flat(memory: Memory) -> Memory:
    """The memory as one axis."""
    return replace(memory, shape=(memory.size,))


def map_elements(context: LayerContext, function: Callable[[LayerBuilder, ir.Value], ir.Value]) -> None:
    """Output = ``function`` of the input, element by element."""
    x, y = flat(context.input()), flat(context.output())
    with context.function((x,), (y,)) as b, b.nest(y.shape) as index:
        b.store(y, index, function(b, b.load(x, index)))


@lowering("Relu")
def _relu(context: LayerContext) -> None:
    def relu(b: LayerBuilder, x: ir.Value) -> ir.Value:
        zero = b.number(0.0)
        return b.select("<", x, zero, zero, x)

    map_elements(context, relu)


@lowering("Sigmoid")
def _sigmoid(context: LayerContext) -> None:
    map_elements(context, elementary.sigmoid)


@lowering("Tanh")
def _tanh(context: LayerContext) -> None:
    map_elements(context, elementary.tanh)
