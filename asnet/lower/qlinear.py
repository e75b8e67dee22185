"""Operators on quantised tensors of onnxruntime's com.microsoft domain.

The product of a QLinearMul is a ``mul`` site on raw operands. Everything else belongs to the number format: tables,
sums of integers and single float32 operations, which are no sites.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from llvmlite import ir

from asnet.lower.arithmetic import F32, I32, I64
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import LayerContext
from asnet.lower.elementwise import collapsed
from asnet.lower.index import Index, broadcast, element_names
from asnet.lower.quantised import narrow, saturate, widen
from asnet.lower.registry import lowering
from asnet.lower.windows import emit_padding, padded_memory, place_names, tap_names, under
from asnet.network.narrowing import integer_range, type_range
from asnet.network.qlinear import (
    averages_all,
    concat_tables,
    exponentials,
    lookup_table,
    mean_scale,
    scale,
    sum_table,
    zero_point,
)
from asnet.network.quantisation import unit_operands
from asnet.network.semantics import concat_axis
from asnet.network.windows import pool_geometry

__all__: list[str] = []

_BYTES = ("int8", "uint8")


def _bits(b: LayerBuilder, x: ir.Value) -> Index:
    """The bits of a byte as a subscript of a table."""
    return b.index(b.ir.zext(x, I64))


@lowering("QLinearAdd")
def _add(context: LayerContext) -> None:
    found = sum_table(context.layer, context.network)
    operands = context.input(0, _BYTES), context.input(3, _BYTES)
    inner, outer = reversed(operands) if not found.swapped else operands
    y, table = context.output(), context.constant("table", found.table)
    inner, outer, y = collapsed([inner, outer, y])
    with context.function((*operands, table), (y,)) as b, b.nest(y.shape, names=element_names(y.shape)) as index:
        known = b.load(table, (_bits(b, b.load(inner, broadcast(index, inner.shape))),))
        other = widen(b, b.load(outer, broadcast(index, outer.shape)), outer.dtype)
        total = b.ir.add(known, b.ir.mul(b.ir.sext(other, I64), I64(found.factor)))
        value = b.ir.fmul(b.ir.sitofp(total, F32), b.number(2.0**-found.exponent))
        b.store(y, index, saturate(b, value, I32(0), y.dtype))


@lowering("QLinearMul")
def _mul(context: LayerContext) -> None:
    layer, network = context.layer, context.network
    a, c, y = context.input(0, _BYTES), context.input(3, _BYTES), context.output()
    a_zero, c_zero, y_zero = (zero_point(layer, network, position) for position in (2, 5, 7))
    ranges = (integer_range(network, layer.inputs[position]) for position in (0, 3))
    unit = unit_operands(a.dtype, c.dtype, *ranges)
    a_scale, c_scale, y_scale = (scale(layer, network, position) for position in (1, 4, 6))
    factor = np.divide(np.multiply(a_scale, c_scale), y_scale)
    a, c, y = collapsed([a, c, y])
    with context.function((a, c), (y,)) as b, b.each(y.shape, element_names(y.shape)) as index:
        left = narrow(b, widen(b, b.load(a, broadcast(index, a.shape)), a.dtype), a.dtype, unit.type)
        right = narrow(b, widen(b, b.load(c, broadcast(index, c.shape)), c.dtype), c.dtype, unit.type)
        total = b.site("mul", left, right, unit.type)
        total = b.ir.sub(total, b.ir.mul(left, I32(c_zero))) if c_zero else total
        total = b.ir.sub(total, b.ir.mul(right, I32(a_zero))) if a_zero else total
        total = b.ir.add(total, I32(a_zero * c_zero)) if a_zero and c_zero else total
        value = b.ir.fmul(b.ir.sitofp(total, F32), b.number(factor))
        b.store(y, index, saturate(b, b.ir.fadd(value, b.number(y_zero)), I32(0), y.dtype))


@lowering("QLinearGlobalAveragePool")
def _global_average_pool(context: LayerContext) -> None:
    layer, network = context.layer, context.network
    g = pool_geometry(replace(layer, op_type="GlobalAveragePool"), network)
    planes, count = g.batch * g.channels, int(np.prod(g.window.inputs, dtype=np.int64))
    x = replace(context.input(0, _BYTES), shape=(planes, count))
    y = replace(context.output(), shape=(planes,))
    start = I32(-count * zero_point(layer, network, 2))
    with context.function((x,), (y,)) as b, b.nest(y.shape, names=("plane",)) as (plane,):
        with b.reduction((count,), start, names=("element",)) as total:
            value = widen(b, b.load(x, (plane, *total.index)), x.dtype)
            total.value = b.ir.add(total.value, value)
        mean = b.ir.fmul(b.ir.sitofp(total.value, F32), b.number(mean_scale(layer, network, count)))
        b.store(y, (plane,), saturate(b, mean, I32(zero_point(layer, network, 4)), y.dtype))


@lowering("QLinearAveragePool")
def _average_pool(context: LayerContext) -> None:
    layer, network = context.layer, context.network
    g = pool_geometry(replace(layer, op_type="AveragePool"), network)
    if averages_all(g.window):
        _global_average_pool(context)
        return
    planes = g.batch * g.channels
    x = replace(context.input(0, _BYTES), shape=(planes, *g.window.inputs))
    y = replace(context.output(), shape=(planes, *g.window.outputs))
    source = padded_memory(context, x, g.window)
    scratch = () if source.name == x.name else (source,)
    divisors = context.constant("divisors", g.divisors()) if g.divisor is None else None
    zero, y_zero = zero_point(layer, network, 2), zero_point(layer, network, 4)
    x_scale, y_scale = scale(layer, network, 1), scale(layer, network, 3)
    with context.function((x, divisors), (*scratch, y)) as b:
        emit_padding(b, x, source, g.window, b.constant(zero, x.dtype))
        with b.nest(y.shape, names=("plane", *place_names(g.window))) as (plane, *place):
            with b.reduction(g.window.kernel, b.number(0.0), names=tap_names(g.window)) as total:
                raw = widen(b, b.load(source, (plane, *under(g.window, place, total.index))), x.dtype)
                real = b.ir.fmul(b.ir.sitofp(b.ir.sub(raw, I32(zero)), F32), b.number(x_scale))
                total.value = b.ir.fadd(total.value, real)
            count = b.load(divisors, place) if divisors is not None else b.number(g.divisors().flat[0])
            mean = b.ir.fdiv(b.ir.fdiv(total.value, count), b.number(y_scale))
            value = b.ir.fadd(mean, b.number(y_zero))
            b.store(y, (plane, *place), saturate(b, value, I32(0), y.dtype))


@lowering("QLinearConcat")
def _concat(context: LayerContext) -> None:
    axis = concat_axis(context.layer, context.network)
    parts = [context.input(position, _BYTES) for position in range(2, len(context.layer.inputs), 3)]
    arrays = concat_tables(context.layer, context.network)
    tables = [None if array is None else context.constant(f"table{k}", array) for k, array in enumerate(arrays)]
    y = context.output()
    with context.function((*parts, *tables), (y,)) as b:
        begin = 0
        for part, table in zip(parts, tables, strict=True):
            with b.nest(part.shape) as index:
                value = b.load(part, index)
                value = value if table is None else b.load(table, (_bits(b, value),))
                b.store(y, (*index[:axis], index[axis] + begin, *index[axis + 1 :]), value)
            begin += part.shape[axis]


@lowering("QLinearLeakyRelu", "QLinearSigmoid")
def _lookup(context: LayerContext) -> None:
    x, y = context.input(0, _BYTES), context.output()
    table = context.constant("table", lookup_table(context.layer, context.network))
    with context.function((x, table), (y,)) as b, b.nest((y.size,), names=("element",)) as index:
        b.store(y.flat, index, b.load(table, (_bits(b, b.load(x.flat, index)),)))


@lowering("QLinearSoftmax")
def _softmax(context: LayerContext) -> None:
    found = exponentials(context.layer, context.network)
    x, y = (replace(memory, shape=found.shape) for memory in (context.input(0, _BYTES), context.output()))
    table = context.constant("table", found.table)
    outer, extent, inner = found.shape
    with context.function((x, table), (y,)) as b, b.nest((outer, inner), names=("outer", "inner")) as (i, j):
        with b.reduction((extent,), widen(b, b.load(x, (i, Index(), j)), x.dtype), names=("element",)) as greatest:
            value = widen(b, b.load(x, (i, greatest.index[0], j)), x.dtype)
            greatest.value = b.choose(b.ir.icmp_signed(">", value, greatest.value), value, greatest.value)
        shift = b.ir.sub(I32(255), greatest.value)
        most = I32(type_range(y.dtype)[1])

        def power(k: Index) -> ir.Value:
            place = b.ir.add(widen(b, b.load(x, (i, k, j)), x.dtype), shift)
            return b.load(table, (b.index(b.ir.and_(place, I32(255))),))

        with b.reduction((extent,), b.number(0.0), names=("element",)) as total:
            total.value = b.ir.fadd(total.value, power(total.index[0]))
        with b.nest((extent,), names=("element",)) as (k,):
            quotient = b.ir.fdiv(b.ir.fmul(power(k), b.number(found.factor)), total.value)
            whole = b.ir.add(widen(b, saturate(b, quotient, I32(0), "uint16"), "uint16"), I32(found.zero))
            bounded = b.choose(b.ir.icmp_signed(">", whole, most), most, whole)
            b.store(y, (i, k, j), b.ir.trunc(bounded, ir.IntType(8)))
