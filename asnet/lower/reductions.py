"""Reductions, running sums and selections: one accumulator per result, elements in row-major order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from llvmlite import ir

from asnet.lower import elementary
from asnet.lower.arithmetic import I32, I64
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import FLOATS, NUMBERS, LayerContext
from asnet.lower.index import Index
from asnet.lower.registry import lowering
from asnet.lower.rounding import magnitude
from asnet.lower.steps import LayerSteps
from asnet.network.functions import log
from asnet.network.reductions import FINISHES, extremum, reduction, running, selection
from asnet.types import ELEMENT_TYPES

__all__ = ["STEPS", "limit"]

Step = Callable[[LayerBuilder, ir.Value, ir.Value, str], ir.Value]

_ORDERED = (*NUMBERS, "bool")


def limit(dtype: str, *, greatest: bool) -> float | bool:
    """The least or the greatest value of a type; infinities of floats."""
    if dtype == "bool":
        return greatest
    if ELEMENT_TYPES[dtype].is_float:
        return np.inf if greatest else -np.inf
    return np.iinfo(dtype).max if greatest else np.iinfo(dtype).min


def _maximum(b: LayerBuilder, accumulator: ir.Value, x: ir.Value, dtype: str) -> ir.Value:
    return b.ir.or_(accumulator, x) if dtype == "bool" else b.maximum(accumulator, x, dtype)


def _minimum(b: LayerBuilder, accumulator: ir.Value, x: ir.Value, dtype: str) -> ir.Value:
    return b.ir.and_(accumulator, x) if dtype == "bool" else b.minimum(accumulator, x, dtype)


def _add_magnitude(b: LayerBuilder, accumulator: ir.Value, x: ir.Value, dtype: str) -> ir.Value:
    if ELEMENT_TYPES[dtype].is_float:
        return b.add(accumulator, magnitude(b, x), dtype)
    return b.add(accumulator, b.choose(b.compare("<", x, b.constant(0, dtype), dtype), b.negative(x, dtype), x), dtype)


def _add_square(b: LayerBuilder, accumulator: ir.Value, x: ir.Value, dtype: str) -> ir.Value:
    return b.add(accumulator, b.multiply(x, x, dtype), dtype)


STEPS: Mapping[str, tuple[Callable[[str], float | bool], Step, tuple[str, ...]]] = {
    "ReduceSum": (lambda dtype: 0, LayerBuilder.add, NUMBERS),
    "ReduceMean": (lambda dtype: 0, LayerBuilder.add, NUMBERS),
    "ReduceProd": (lambda dtype: 1, LayerBuilder.multiply, NUMBERS),
    "ReduceMax": (lambda dtype: limit(dtype, greatest=False), _maximum, _ORDERED),
    "ReduceMin": (lambda dtype: limit(dtype, greatest=True), _minimum, _ORDERED),
    "ReduceL1": (lambda dtype: 0, _add_magnitude, NUMBERS),
    "ReduceSumSquare": (lambda dtype: 0, _add_square, NUMBERS),
    "ReduceL2": (lambda dtype: 0, _add_square, FLOATS),
    "ReduceLogSum": (lambda dtype: 0, LayerBuilder.add, FLOATS),
}
"""Operator → start of the accumulator, its successor for the next element, types."""


@lowering(*STEPS)
def _reduce(context: LayerContext) -> None:
    start, step, types = STEPS[context.layer.op_type]
    g = reduction(context.layer, context.network)
    x, y = context.input(0, types), replace(context.output(), shape=g.results)
    with context.function((x,), (y,)) as b, b.each(y.shape) as place:
        with b.reduction(g.extents, b.constant(start(x.dtype), x.dtype)) as acc:
            parts = dict(zip((*g.kept, *g.axes), (*place, *acc.index), strict=True))
            element = b.load(x, [parts[axis] for axis in range(len(parts))])
            acc.value = step(b, acc.value, element, x.dtype)
        result = acc.value
        finish = FINISHES.get(context.layer.op_type)
        if finish is not None:
            result = finish(LayerSteps(b), result)
        if context.layer.op_type == "ReduceMean":
            result = b.divide(result, b.constant(g.count, x.dtype), x.dtype)
        b.store(y, place, result)


@lowering("ReduceLogSumExp")
def _log_sum_exp(context: LayerContext) -> None:
    """``m + ln Σ e^(x - m)`` with the maximum m, or 0 where that is not finite."""
    g = reduction(context.layer, context.network)
    x, y = context.input(), replace(context.output(), shape=g.results)
    with context.function((x,), (y,)) as b, b.each(y.shape) as place:

        def element(index: Sequence[Index]) -> ir.Value:
            parts = dict(zip((*g.kept, *g.axes), (*place, *index), strict=True))
            return b.load(x, [parts[axis] for axis in range(len(parts))])

        zero = b.number(0.0)
        with b.reduction(g.extents, b.number(-np.inf)) as highest:
            highest.value = b.maximum(highest.value, element(highest.index), x.dtype)
        maximum = b.select("<", magnitude(b, highest.value), b.number(np.inf), highest.value, zero)
        with b.reduction(g.extents, zero) as total:
            power = elementary.exp(b, b.site("fsub", element(total.index), maximum))
            total.value = b.site("fadd", total.value, power)
        b.store(y, place, b.site("fadd", maximum, log(LayerSteps(b), total.value)))


@lowering("ArgMax", "ArgMin")
def _arg(context: LayerContext) -> None:
    g = extremum(context.layer, context.network)
    outer, extent, inner = g.shape
    x, y = replace(context.input(0, NUMBERS), shape=g.shape), replace(context.output(), shape=(outer, inner))
    comparison = (">" if context.layer.op_type == "ArgMax" else "<") + ("=" if g.last else "")
    with context.function((x,), (y,)) as b, b.nest(y.shape) as (i, j):
        with b.reduction((extent - 1,), b.load(x, (i, Index(), j)), I64(0)) as best:
            position = best.index[0] + 1
            value, index = best.values
            element = b.load(x, (i, position, j))
            taken = b.compare(comparison, element, value, x.dtype)
            best.values = [b.choose(taken, element, value), b.choose(taken, b.position(position), index)]
        b.store(y, (i, j), best.values[1])


@lowering("CumSum", "CumProd")
def _cumulative(context: LayerContext) -> None:
    g = running(context.layer, context.network)
    outer, extent, inner = g.shape
    x, y = (replace(memory, shape=g.shape) for memory in (context.input(0, NUMBERS), context.output()))
    product = context.layer.op_type == "CumProd"
    with context.function((x,), (y,)) as b, b.nest((outer, inner)) as (i, j):
        start = b.constant(int(product), x.dtype)
        with b.reduction((extent,), start) as acc:
            (k,) = acc.index
            if g.reverse:
                k = b.index(b.ir.sub(I64(extent - 1), b.position(k)))
            before, element = acc.value, b.load(x, (i, k, j))
            acc.value = (b.multiply if product else b.add)(before, element, x.dtype)
            b.store(y, (i, k, j), before if g.exclusive else acc.value)


def _order_key(b: LayerBuilder, x: ir.Value, dtype: str) -> ir.Value:
    """An integer in the order of ``x``: zeros are equal, NaN is greater than all numbers."""
    if not ELEMENT_TYPES[dtype].is_float:
        return x
    bits = b.ir.bitcast(x, I32)
    key = b.choose(b.ir.icmp_signed("<", bits, I32(0)), b.ir.xor(bits, I32(0x7FFFFFFF)), bits)
    key = b.choose(b.compare("==", x, b.number(0.0), dtype), I32(0), key)
    return b.choose(b.is_nan(x), I32(0x7FFFFFFF), key)


@lowering("TopK")
def _top_k(context: LayerContext) -> None:
    """Each pass over the axis selects the best element of those that come after the one selected before."""
    g = selection(context.layer, context.network)
    outer, extent, inner = g.shape
    x = replace(context.input(0, NUMBERS), shape=g.shape)
    selected = (outer, g.count, inner)
    outputs = [context.optional_output(number) for number in range(2)]
    values, indices = (replace(memory, shape=selected) if memory is not None else None for memory in outputs)
    order = "int32" if x.dtype in FLOATS else x.dtype
    comparison = ">" if g.largest else "<"
    writes = [memory for memory in (values, indices) if memory is not None]
    with context.function((x,), writes) as b, b.nest((outer, inner)) as (i, j):
        bound = b.constant(limit(order, greatest=g.largest), order)
        with b.reduction((g.count,), bound, I64(-1)) as passes:
            last, last_index = passes.values
            (rank,) = passes.index
            start = b.constant(limit(order, greatest=not g.largest), order)
            with b.reduction((extent,), start, I64(-1)) as search:
                best, best_index = search.values
                position = b.position(search.index[0])
                key = _order_key(b, b.load(x, (i, search.index[0], j)), x.dtype)
                after = b.ir.and_(b.compare("==", key, last, order), b.ir.icmp_signed(">", position, last_index))
                open_ = b.ir.or_(b.compare(comparison, last, key, order), after)
                better = b.ir.or_(b.compare(comparison, key, best, order), b.ir.icmp_signed("<", best_index, I64(0)))
                taken = b.ir.and_(open_, better)
                search.values = [b.choose(taken, key, best), b.choose(taken, position, best_index)]
            passes.values = list(search.values)
            found = b.index(search.values[1])
            if values is not None:
                b.store(values, (i, rank, j), b.load(x, (i, found, j)))
            if indices is not None:
                b.store(indices, (i, rank, j), search.values[1])
