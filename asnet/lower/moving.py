"""Operators that move elements to static places: copies with affine subscripts, or along tables of positions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from asnet.ir.module import Memory
from asnet.lower.arithmetic import I64
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import ANY, NUMBERS, LayerContext
from asnet.lower.elementwise import map_broadcast
from asnet.lower.index import Index
from asnet.lower.registry import lowering
from asnet.network.moving import (
    Positions,
    block_axes,
    center_positions,
    eye,
    one_hot,
    reverse_axes,
    slice_positions,
    split_sections,
    tile_repeats,
    trilu_diagonal,
)
from asnet.network.semantics import pad_amounts

__all__ = ["copy_positions"]

_MOST_RUNS = 4
"""Positions of an axis in more pieces than these are a table."""


@dataclass(frozen=True)
class _Run:
    """Part of one axis: element ``target + i`` of the output is element ``source + i·step`` of the input.

    With ``table``, a constant memory, it is element ``table[i]``.
    """

    target: int
    source: int
    extent: int
    step: int
    table: Memory | None = None


def copy_positions(context: LayerContext, x: Memory, y: Memory, positions: Sequence[Positions]) -> None:
    """The layer's function: ``y[i, j, ..] = x[positions[0][i], positions[1][j], ..]``."""
    axes = [_runs(context, axis, axis_positions) for axis, axis_positions in enumerate(positions)]
    tables = [run.table for runs in axes for run in runs]
    with context.function((x, *tables), (y,)) as b:
        for region in itertools.product(*axes):
            with b.nest([run.extent for run in region]) as index:
                source = [
                    b.index(b.load(run.table, (part,))) if run.table else part * run.step + run.source
                    for run, part in zip(region, index, strict=True)
                ]
                target = [part + run.target for run, part in zip(region, index, strict=True)]
                b.store(y, target, b.load(x, source))


def _fill_and_move(
    b: LayerBuilder,
    x: Memory,
    y: Memory,
    source: Sequence[int],
    target: Sequence[int],
    extents: Sequence[int],
    value: np.generic,
) -> None:
    """``y`` = ``value`` everywhere, then ``extents`` elements of ``x`` from ``source`` on at ``target``."""
    whole = replace(y, shape=(y.size,))
    with b.nest(whole.shape) as index:
        b.store(whole, index, b.constant(value, y.dtype))
    with b.nest(extents) as index:
        taken, inside = ([i + begin for i, begin in zip(index, begins, strict=True)] for begins in (source, target))
        b.store(y, inside, b.load(x, taken))


def _runs(context: LayerContext, axis: int, positions: Positions) -> list[_Run]:
    runs: list[_Run] = []
    begin = 0
    while begin < len(positions):
        end = begin + 1
        step = positions[end] - positions[begin] if end < len(positions) else 0
        while end < len(positions) and positions[end] - positions[end - 1] == step:
            end += 1
        runs.append(_Run(begin, positions[begin], end - begin, step if end - begin > 1 else 0))
        begin = end
    if len(runs) > _MOST_RUNS:
        table = context.constant(f"positions{axis}", np.array(positions, np.int64))
        return [_Run(0, 0, len(positions), 0, table)]
    return runs or [_Run(0, 0, 0, 0)]


@lowering("Slice")
def _slice(context: LayerContext) -> None:
    positions = slice_positions(context.layer, context.network)
    copy_positions(context, context.input(0, ANY), context.output(), positions)


@lowering("Pad")
def _pad(context: LayerContext) -> None:
    padding = pad_amounts(context.layer, context.network)
    x, y = context.input(0, ANY), context.output()
    if padding.mode != "constant":
        copy_positions(context, x, y, padding.positions(x.shape))
        return
    kept = padding.kept(x.shape)
    with context.function((x,), (y,)) as b:
        source, target = [part.start for part in kept], [max(begin, 0) for begin in padding.begins]
        _fill_and_move(b, x, y, source, target, [len(part) for part in kept], padding.value)


@lowering("Split")
def _split(context: LayerContext) -> None:
    axis, sections = split_sections(context.layer, context.network)
    x = context.input(0, ANY)
    outer, inner = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    source = replace(x, shape=(outer, x.shape[axis] * inner))
    parts = [context.optional_output(position) for position in range(len(context.layer.outputs))]
    with context.function((x,), [part for part in parts if part]) as b:
        for part, end, extent in zip(parts, itertools.accumulate(sections), sections, strict=False):
            if part:
                target = replace(part, shape=(outer, extent * inner))
                with b.nest(target.shape) as (row, column):
                    b.store(target, (row, column), b.load(source, (row, column + (end - extent) * inner)))


@lowering("Expand")
def _expand(context: LayerContext) -> None:
    map_broadcast(context, [context.input(0, ANY)], lambda b, values: values[0])


@lowering("Tile")
def _tile(context: LayerContext) -> None:
    repeats = tile_repeats(context.layer, context.network)
    x, y = context.input(0, ANY), context.output()
    with context.function((x,), (y,)) as b, b.nest(list(itertools.chain(*zip(repeats, x.shape, strict=True)))) as index:
        target = [copy * extent + part for copy, part, extent in zip(index[::2], index[1::2], x.shape, strict=True)]
        b.store(y, target, b.load(x, index[1::2]))


@lowering("CenterCropPad")
def _center(context: LayerContext) -> None:
    source, target, extents = center_positions(context.layer, context.network)
    x, y = context.input(0, ANY), context.output()
    with context.function((x,), (y,)) as b:
        _fill_and_move(b, x, y, source, target, extents, np.dtype(y.dtype).type(0))


@lowering("DepthToSpace", "SpaceToDepth")
def _blocks(context: LayerContext) -> None:
    shape, permutation = block_axes(context.layer, context.network)
    x, y = replace(context.input(0, ANY), shape=shape), context.output()
    y = replace(y, shape=tuple(shape[axis] for axis in permutation))
    with context.function((x,), (y,)) as b, b.nest(y.shape) as index:
        b.store(y, index, b.load(x, [index[permutation.index(axis)] for axis in range(len(shape))]))


@lowering("OneHot")
def _one_hot(context: LayerContext) -> None:
    axis, depth = one_hot(context.layer, context.network)
    x, values, y = context.input(0, NUMBERS), context.input(2, ANY), context.output()
    with context.function((x, values), (y,)) as b, b.nest(y.shape) as index:
        place = b.cast(b.load(x, (*index[:axis], *index[axis + 1 :])), x.dtype, "int64")
        number = b.position(index[axis])
        same = b.compare("==", place, number, "int64")
        counted_back = b.compare("==", place, b.ir.sub(number, I64(depth)), "int64")
        off, on = (b.load(values, (Index(position),)) for position in (0, 1))
        b.store(y, index, b.choose(b.ir.or_(same, counted_back), on, off))


@lowering("EyeLike")
def _eye(context: LayerContext) -> None:
    values = context.constant("eye", eye(context.layer, context.network))
    y = context.output()
    with context.function((values,), (y,)) as b, b.nest(y.shape) as index:
        b.store(y, index, b.load(values, index))


@lowering("Trilu")
def _trilu(context: LayerContext) -> None:
    upper, k = trilu_diagonal(context.layer, context.network)
    x, y = context.input(0, ANY), context.output()
    with context.function((x,), (y,)) as b, b.nest(y.shape) as index:
        diagonal = b.ir.add(b.position(index[-2]), I64(k))
        stays = b.compare(">=" if upper else "<=", b.position(index[-1]), diagonal, "int64")
        b.store(y, index, b.choose(stays, b.load(x, index), b.constant(0, y.dtype)))


@lowering("ReverseSequence")
def _reverse_sequence(context: LayerContext) -> None:
    time, batch = reverse_axes(context.layer, context.network)
    x, lengths, y = context.input(0, ANY), context.input(1, ("int64",)), context.output()
    extent = x.shape[time]
    with context.function((x, lengths), (y,)) as b, b.nest(y.shape) as index:
        length = b.load(lengths, (index[batch],))
        length = b.choose(b.compare(">", length, I64(extent), "int64"), I64(extent), length)
        step = b.position(index[time])
        mirrored = b.ir.sub(b.ir.sub(length, I64(1)), step)
        place = b.index(b.choose(b.compare("<", step, length, "int64"), mirrored, step))
        b.store(y, index, b.load(x, [place if axis == time else part for axis, part in enumerate(index)]))


@lowering("Range")
def _range(context: LayerContext) -> None:
    raise context.unsupported("operands that the network computes: start, limit and delta must be constants")
