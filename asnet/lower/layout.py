"""Operators that move elements: aliases where they can be, copies where they must be."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from asnet.lower.context import ANY, LayerContext
from asnet.lower.elementwise import map_elements
from asnet.lower.registry import lowering
from asnet.lower.windows import fill_and_copy
from asnet.network.semantics import Padding, concat_axis, pad_amounts, transpose_permutation

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
    with context.function(parts, (y,)) as b:
        begin = 0
        for part in parts:
            with b.nest(part.shape) as index:
                b.store(y, (*index[:axis], index[axis] + begin, *index[axis + 1 :]), b.load(part, index))
            begin += part.shape[axis]


@lowering("Pad")
def _pad(context: LayerContext) -> None:
    padding = pad_amounts(context.layer, context.network)
    x, y = context.input(), context.output()
    with context.function((x,), (y,)) as b:
        if padding.mode == "constant":
            fill_and_copy(b, x, y, padding.begins, padding.value)
            return
        for region in itertools.product(*(_pieces(padding, axis, extent) for axis, extent in enumerate(x.shape))):
            with b.nest([piece.extent for piece in region]) as index:
                source = [part * piece.step + piece.source for piece, part in zip(region, index, strict=True)]
                target = [part + piece.target for piece, part in zip(region, index, strict=True)]
                b.store(y, target, b.load(x, source))


@dataclass(frozen=True)
class _Piece:
    """Part of one axis of a padded array: element ``target + i`` is input element ``source + i*step``."""

    target: int
    source: int
    extent: int
    step: int


def _pieces(padding: Padding, axis: int, extent: int) -> list[_Piece]:
    begin, end = padding.begins[axis], padding.ends[axis]
    inside = _Piece(begin, 0, extent, 1)
    if padding.mode == "edge":
        around = [_Piece(0, 0, begin, 0), inside, _Piece(begin + extent, extent - 1, end, 0)]
        return [piece for piece in around if piece.extent]
    before = [_Piece(begin - distance, distance, 1, 0) for distance in range(begin, 0, -1)]
    after = [_Piece(begin + extent + i, extent - 2 - i, 1, 0) for i in range(end)]
    return [*before, inside, *after]
