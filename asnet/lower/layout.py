"""Operators that move elements: aliases where they can be, copies where they must be."""

from __future__ import annotations

import math
from dataclasses import replace

from asnet.lower.context import ANY, LayerContext
from asnet.lower.elementwise import map_elements
from asnet.lower.registry import lowering
from asnet.network.semantics import concat_axis, transpose_permutation

__all__: list[str] = []


@lowering("Flatten", "Reshape", "Identity", "Dropout", "Squeeze", "Unsqueeze", alias=True)
def _copy(context: LayerContext) -> None:
    map_elements(context, lambda b, x: x, ANY)


@lowering("Transpose")
def _transpose(context: LayerContext) -> None:
    permutation = transpose_permutation(context.layer, context.network)
    x, y = context.input(0, ANY), context.output()
    with context.function((x,), (y,)) as b, b.nest(y.shape) as index:
        b.store(y, index, b.load(x, [index[permutation.index(axis)] for axis in range(len(index))]))


@lowering("Concat")
def _concat(context: LayerContext) -> None:
    axis = concat_axis(context.layer, context.network)
    parts = [context.input(position, ANY) for position in range(len(context.layer.inputs))]
    y = context.output()
    outer = math.prod(y.shape[:axis])
    rows = [replace(memory, shape=(outer, math.prod(memory.shape[axis:]))) for memory in (*parts, y)]
    with context.function(parts, (y,)) as b:
        begin = 0
        for part in rows[:-1]:
            with b.nest(part.shape) as (row, column):
                b.store(rows[-1], (row, column + begin), b.load(part, (row, column)))
            begin += part.shape[1]
