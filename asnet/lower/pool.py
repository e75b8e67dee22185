"""Pooling: the maximum, the mean or the norm under a window, or over the whole spatial extent."""

from __future__ import annotations

from dataclasses import replace

from asnet.ir import Memory
from asnet.lower.arithmetic import I64
from asnet.lower.context import FLOATS, LayerContext
from asnet.lower.registry import lowering
from asnet.lower.steps import LayerSteps
from asnet.lower.windows import emit_padding, padded_memory, place_names, tap_names, under
from asnet.network.pooling import MaxPooling, lowest, lp_pooling, max_pooling
from asnet.network.windows import PoolGeometry, pool_geometry

__all__: list[str] = []


def _memories(context: LayerContext, g: PoolGeometry) -> tuple[Memory, Memory, Memory, tuple[Memory, ...]]:
    """Input and output as planes, the padded input, and the scratch memories that this takes."""
    planes = g.batch * g.channels
    types = (*FLOATS, "int8", "uint8") if context.layer.op_type == "MaxPool" else FLOATS
    x = replace(context.input(0, types), shape=(planes, *g.window.inputs))
    shape = planes, *g.window.outputs
    y = context.optional_output(0)
    y = context.scratch("unused", shape, x.dtype) if y is None else replace(y, shape=shape)
    padded = padded_memory(context, x, g.window)
    return x, y, padded, () if padded.name == x.name else (padded,)


@lowering("GlobalMaxPool")
def _global_max_pool(context: LayerContext) -> None:
    _emit_max(context, pool_geometry(context.layer, context.network))


@lowering("MaxPool")
def _max_pool(context: LayerContext) -> None:
    found = max_pooling(context.layer, context.network)
    indices = context.optional_output(1)
    if indices is None:
        _emit_max(context, found.pool)
    else:
        _emit_max_with_indices(context, found, indices)


def _emit_max(context: LayerContext, g: PoolGeometry) -> None:
    x, y, padded, scratch = _memories(context, g)
    with context.function((x,), (*scratch, y)) as b:
        start = b.constant(lowest(x.dtype), x.dtype)
        emit_padding(b, x, padded, g.window, start)
        with b.nest(y.shape, names=("plane", *place_names(g.window))) as (plane, *place):
            with b.reduction(g.window.kernel, start, names=tap_names(g.window)) as maximum:
                value = b.load(padded, (plane, *under(g.window, place, maximum.index)))
                greater = b.compare(">", value, maximum.value, x.dtype)
                maximum.value = b.choose(greater, value, maximum.value)
            b.store(y, (plane, *place), maximum.value)


def _emit_max_with_indices(context: LayerContext, found: MaxPooling, indices: Memory) -> None:
    window = found.pool.window
    x, y, padded, scratch = _memories(context, found.pool)
    indices = replace(indices, shape=y.shape)
    with context.function((x,), (*scratch, y, indices)) as b:
        start = b.constant(lowest(x.dtype), x.dtype)
        emit_padding(b, x, padded, window, start)
        with b.nest(y.shape, names=("plane", *place_names(window))) as (plane, *place):
            with b.reduction(window.kernel, start, I64(-1), names=tap_names(window)) as best:
                maximum, index = best.values
                taps = under(window, place, best.index)
                reads = [tap + -begin for tap, begin in zip(taps, window.pads_begin, strict=True)]
                here = plane * found.size
                for read, stride in zip(reads, found.strides, strict=True):
                    here = here + read * stride
                value = b.load(padded, (plane, *taps))
                greater = b.compare(">", value, maximum, x.dtype)
                first = b.ir.icmp_signed("<", index, I64(0))
                if window.needs_padding:
                    for read, extent in zip(reads, window.inputs, strict=True):
                        inside = b.ir.icmp_unsigned("<", b.position(read), I64(extent))
                        first = b.ir.and_(first, inside)
                index = b.choose(b.ir.or_(greater, first), b.position(here), index)
                best.values = [b.choose(greater, value, maximum), index]
            b.store(y, (plane, *place), best.values[0])
            b.store(indices, (plane, *place), best.values[1])


@lowering("AveragePool", "GlobalAveragePool")
def _average_pool(context: LayerContext) -> None:
    g = pool_geometry(context.layer, context.network)
    x, y, padded, scratch = _memories(context, g)
    divisors = context.constant("divisors", g.divisors()) if g.divisor is None else None
    with context.function((x, divisors), (*scratch, y)) as b:
        emit_padding(b, x, padded, g.window, 0.0)
        with b.each(y.shape, ("plane", *place_names(g.window))) as (plane, *place):
            with b.reduction(g.window.kernel, b.number(0.0), names=tap_names(g.window)) as total:
                value = b.load(padded, (plane, *under(g.window, place, total.index)))
                total.value = b.site("fadd", total.value, value)
            count = b.load(divisors, place) if divisors is not None else b.number(g.divisors().flat[0])
            b.store(y, (plane, *place), b.site("fdiv", total.value, count))


@lowering("LpPool", "GlobalLpPool")
def _lp_pool(context: LayerContext) -> None:
    found = lp_pooling(context.layer, context.network)
    window = found.pool.window
    x, y, padded, scratch = _memories(context, found.pool)
    with context.function((x,), (*scratch, y)) as b:
        emit_padding(b, x, padded, window, 0.0)
        with b.each(y.shape, ("plane", *place_names(window))) as (plane, *place):
            with b.reduction(window.kernel, b.number(0.0), names=tap_names(window)) as total:
                value = b.load(padded, (plane, *under(window, place, total.index)))
                total.value = b.site("fadd", total.value, found.term(LayerSteps(b), value))
            b.store(y, (plane, *place), found.root(LayerSteps(b), total.value))
