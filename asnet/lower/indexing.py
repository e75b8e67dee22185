"""Operators that pick or replace elements by indices: loads of the indices, kept inside the axis, then copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from llvmlite import ir

from asnet.ir.module import Memory
from asnet.lower.arithmetic import I64
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import ANY, LayerContext
from asnet.lower.index import Index
from asnet.lower.registry import lowering
from asnet.network.indexing import (
    INDEX_TYPES,
    gather_axis,
    gather_coordinates,
    gather_elements_axis,
    scatter_coordinates,
    scatter_elements,
    tensor_scatter,
)

__all__ = ["subscript"]

_Reduction = Callable[[LayerBuilder, ir.Value, ir.Value, str], ir.Value]

_REDUCTIONS: Mapping[str, _Reduction] = {
    "add": LayerBuilder.add,
    "mul": LayerBuilder.multiply,
    "max": LayerBuilder.maximum,
    "min": LayerBuilder.minimum,
}


def subscript(b: LayerBuilder, indices: Memory, index: Sequence[Index], extent: int) -> Index:
    """The index loaded from ``indices``, counted from the front, the nearest one inside if it is outside."""
    value = b.cast(b.load(indices, index), indices.dtype, "int64")
    from_front = b.ir.add(value, I64(extent))
    value = b.choose(b.compare("<", value, I64(0), "int64"), from_front, value)
    value = b.maximum(b.minimum(value, I64(max(extent - 1, 0)), "int64"), I64(0), "int64")
    return b.index(value)


@lowering("Gather")
def _gather(context: LayerContext) -> None:
    axis = gather_axis(context.layer, context.network)
    x, indices, y = context.input(0, ANY), context.input(1, INDEX_TYPES), context.output()
    behind = axis + len(indices.shape)
    with context.function((x, indices), (y,)) as b, b.nest(y.shape) as index:
        place = subscript(b, indices, index[axis:behind], x.shape[axis])
        b.store(y, index, b.load(x, (*index[:axis], place, *index[behind:])))


@lowering("GatherElements")
def _gather_elements(context: LayerContext) -> None:
    axis = gather_elements_axis(context.layer, context.network)
    x, indices, y = context.input(0, ANY), context.input(1, INDEX_TYPES), context.output()
    with context.function((x, indices), (y,)) as b, b.nest(y.shape) as index:
        place = subscript(b, indices, index, x.shape[axis])
        b.store(y, index, b.load(x, (*index[:axis], place, *index[axis + 1 :])))


@lowering("GatherND")
def _gather_nd(context: LayerContext) -> None:
    found = gather_coordinates(context.layer, context.network)
    x, indices, y = context.input(0, ANY), context.input(1, INDEX_TYPES), context.output()
    outer = len(indices.shape) - 1
    with context.function((x, indices), (y,)) as b, b.nest(y.shape) as index:
        places = [
            subscript(b, indices, (*index[:outer], Index(k)), x.shape[found.batch + k]) for k in range(found.depth)
        ]
        b.store(y, index, b.load(x, (*index[: found.batch], *places, *index[outer:])))


@lowering("Scatter", "ScatterElements")
def _scatter(context: LayerContext) -> None:
    axis, reduction = scatter_elements(context.layer, context.network)
    x, indices, updates = context.input(0, ANY), context.input(1, INDEX_TYPES), context.input(2, ANY)
    y = context.output()
    with context.function((x, indices, updates), (y,)) as b:
        _copy(b, x, y)
        with b.nest(updates.shape) as index:
            place = subscript(b, indices, index, x.shape[axis])
            _update(b, y, (*index[:axis], place, *index[axis + 1 :]), b.load(updates, index), reduction)


@lowering("ScatterND")
def _scatter_nd(context: LayerContext) -> None:
    found = scatter_coordinates(context.layer, context.network)
    x, indices, updates = context.input(0, ANY), context.input(1, INDEX_TYPES), context.input(2, ANY)
    y = context.output()
    outer = len(indices.shape) - 1
    with context.function((x, indices, updates), (y,)) as b:
        _copy(b, x, y)
        with b.nest(updates.shape) as index:
            places = [subscript(b, indices, (*index[:outer], Index(k)), x.shape[k]) for k in range(found.depth)]
            _update(b, y, (*places, *index[outer:]), b.load(updates, index), found.reduction)


@lowering("TensorScatter")
def _tensor_scatter(context: LayerContext) -> None:
    found = tensor_scatter(context.layer, context.network)
    x, update, y = context.input(0, ANY), context.input(1, ANY), context.output()
    starts = context.optional_input(2, ("int64",))
    extent = x.shape[found.axis]
    with context.function((x, update, starts), (y,)) as b:
        _copy(b, x, y)

        def inside(place: ir.Value, low: int, high: int) -> ir.Value:
            if found.circular:
                return b.remainder(place, I64(extent), "int64", floor=True)
            return b.maximum(b.minimum(place, I64(high), "int64"), I64(low), "int64")

        with b.nest(update.shape) as index:
            start = b.load(starts, index[:1]) if starts is not None else I64(0)
            start = inside(start, -extent, extent)  # so that the sum does not wrap
            place = inside(b.ir.add(start, b.position(index[found.axis])), 0, extent - 1)
            target = (*index[: found.axis], b.index(place), *index[found.axis + 1 :])
            b.store(y, target, b.load(update, index))


def _copy(b: LayerBuilder, x: Memory, y: Memory) -> None:
    source, target = (replace(memory, shape=(memory.size,)) for memory in (x, y))
    with b.nest(target.shape) as index:
        b.store(target, index, b.load(source, index))


def _update(b: LayerBuilder, y: Memory, place: Sequence[Index], value: ir.Value, reduction: str) -> None:
    if reduction != "none":
        value = _REDUCTIONS[reduction](b, b.load(y, place), value, y.dtype)
    b.store(y, place, value)
