"""QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear, QONNX's Quant.

Scales are applied by exact float32 operations that are no sites: they belong to the number format, not to the network's
products.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from llvmlite import ir

from asnet.lower.arithmetic import F32, I32
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import FLOATS, LayerContext
from asnet.lower.index import broadcast, collapse, element_names
from asnet.lower.registry import lowering
from asnet.network.narrowing import Range, type_range
from asnet.network.quantisation import QUANTISED_TYPES, axis_shapes, output_range
from asnet.network.quantiser import quantiser
from asnet.types import ELEMENT_TYPES, operand_type

__all__ = ["narrow", "saturate", "widen"]

_SHIFTER = 12582912.0
"""1.5·2²³: added to a number below 2²² it leaves that number, rounded to even, in the low bits."""


def widen(b: LayerBuilder, x: ir.Value, dtype: str) -> ir.Value:
    """The integer ``x`` of type ``dtype`` (at most 32 bits) as i32."""
    kind = ELEMENT_TYPES[dtype]
    return x if kind.bits == I32.width else b.ir.sext(x, I32) if kind.signed else b.ir.zext(x, I32)


def narrow(b: LayerBuilder, x: ir.Value, dtype: str, unit: str) -> ir.Value:
    """The i32 ``x``, from a tensor of type ``dtype``, as an operand of type ``unit``, which holds it: where that is
    narrower, everyone is shown that the bits above are its extension."""
    operand = operand_type(unit)
    if operand.width >= ELEMENT_TYPES[dtype].bits:
        return x
    cut = b.ir.trunc(x, ir.IntType(operand.width))
    return (b.ir.sext if operand.signed else b.ir.zext)(cut, I32)


def saturate(b: LayerBuilder, value: ir.Value, zero: ir.Value, dtype: str, limits: Range | None = None) -> ir.Value:
    """``saturate(round(value) + zero)`` of a float and an i32, half to even, to the ``limits``, by default those of the
    type; a NaN becomes the least number."""
    low, high = (_bound(b, limit, zero) for limit in limits or type_range(dtype))
    value = b.select(">", value, low, value, low)
    value = b.select("<", value, high, value, high)
    shifter = b.number(_SHIFTER)
    whole = b.ir.sub(b.ir.bitcast(b.ir.fadd(value, shifter), I32), I32(int(np.float32(_SHIFTER).view(np.int32))))
    return b.ir.trunc(b.ir.add(whole, zero), ir.IntType(ELEMENT_TYPES[dtype].bits))


def _bound(b: LayerBuilder, limit: int, zero: ir.Value) -> ir.Value:
    if isinstance(zero, ir.Constant):
        return b.number(float(limit - int(zero.constant)))
    return b.ir.sitofp(b.ir.sub(I32(limit), zero), F32)


@lowering("QuantizeLinear")
def _quantize(context: LayerContext) -> None:
    view, shape = collapse(axis_shapes(context.layer, context.network))
    x, scale, y = context.input(0, (*FLOATS, "int32")), context.input(1), context.output()
    if y.dtype not in QUANTISED_TYPES:
        raise context.unsupported(f"an output of type {y.dtype} (supported types: {', '.join(QUANTISED_TYPES)})")
    zero, limits = context.optional_input(2, QUANTISED_TYPES), output_range(context.layer, y.dtype)
    with context.function((x, scale, zero), (y,)) as b, b.nest(view, names=element_names(view)) as index:
        place = broadcast(index, shape)
        value = b.load(replace(x, shape=view), index)
        value = value if x.dtype == "float32" else b.ir.sitofp(value, F32)
        quotient = b.ir.fdiv(value, b.load(replace(scale, shape=shape), place))
        base = I32(0) if zero is None else widen(b, b.load(replace(zero, shape=shape), place), zero.dtype)
        b.store(replace(y, shape=view), index, saturate(b, quotient, base, y.dtype, limits))


@lowering("DequantizeLinear")
def _dequantize(context: LayerContext) -> None:
    view, shape = collapse(axis_shapes(context.layer, context.network))
    types = (*QUANTISED_TYPES, "int32", "int64")
    x, scale, y = context.input(0, types), context.input(1), context.output()
    zero = context.optional_input(2, types)
    with context.function((x, scale, zero), (y,)) as b, b.nest(view, names=element_names(view)) as index:
        place = broadcast(index, shape)
        value = b.load(replace(x, shape=view), index)
        value = value if x.dtype == "int64" else widen(b, value, x.dtype)
        if zero is not None:
            value = b.ir.sub(value, widen(b, b.load(replace(zero, shape=shape), place), zero.dtype))
        product = b.ir.fmul(b.ir.sitofp(value, F32), b.load(replace(scale, shape=shape), place))
        b.store(replace(y, shape=view), index, product)


@lowering("DynamicQuantizeLinear")
def _dynamic_quantize(context: LayerContext) -> None:
    x = context.input()
    y = context.optional_output(0) or context.scratch("quantised", x.shape, "uint8")
    others = [context.optional_output(position) for position in (1, 2)]
    with context.function((x,), (y, *(memory for memory in others if memory is not None))) as b:
        nothing = b.number(0.0)
        with b.reduction((x.size,), nothing, nothing, names=("element",)) as bounds:
            value = b.load(x.flat, bounds.index)
            low, high = bounds.values
            bounds.values = [b.select("<", value, low, value, low), b.select(">", value, high, value, high)]
        low, high = bounds.values
        extent = b.ir.fdiv(b.ir.fsub(high, low), b.number(255.0))
        scale = b.choose(b.ir.fcmp_ordered("==", high, low), b.number(1.0), extent)
        zero = saturate(b, b.ir.fsub(nothing, b.ir.fdiv(low, scale)), I32(0), "uint8")
        for memory, result in zip(others, (scale, zero), strict=True):
            if memory is not None:
                b.store(memory, (), result)
        base = widen(b, zero, "uint8")
        with b.nest((y.size,), names=("element",)) as index:
            b.store(y.flat, index, saturate(b, b.ir.fdiv(b.load(x.flat, index), scale), base, "uint8"))


@lowering("Quant")
def _quant(context: LayerContext) -> None:
    found = quantiser(context.layer, context.network)
    x, scale, y = context.input(0), context.input(1), context.output()
    zero = context.input(2, (*QUANTISED_TYPES, "int32"))
    if max(-found.low, found.high) > 1 << 21:
        raise context.unsupported(f"numbers from {found.low} to {found.high} at run time; quantise to 22 bits or fewer")
    kind = ir.IntType(ELEMENT_TYPES[y.dtype].bits)
    view, shape = collapse([y.shape, found.shape])
    x, y = replace(x, shape=view), replace(y, shape=view)
    with context.function((x, scale, zero), (y,)) as b, b.nest(view, names=element_names(view)) as index:
        value = b.load(x, index)
        if found.rounding == "BIPOLAR":
            b.store(y, index, b.select(">=", value, b.number(0.0), kind(1), kind(-1)))
        else:
            place = broadcast(index, shape)
            base = widen(b, b.load(replace(zero, shape=shape), place), zero.dtype)
            value = b.ir.fdiv(value, b.load(replace(scale, shape=shape), place))
            value = b.ir.fadd(value, b.ir.sitofp(base, F32))
            low, high = b.number(found.low), b.number(found.high)
            value = b.select(">", value, low, value, low)
            value = b.select("<", value, high, value, high)
            whole = _rounded(b, value, found.rounding)
            b.store(y, index, whole if kind == I32 else b.ir.trunc(whole, kind))


def _rounded(b: LayerBuilder, value: ir.Value, rounding: str) -> ir.Value:
    """A float of less than 2²² in magnitude as i32."""
    shifted = b.ir.fadd(value, b.number(_SHIFTER))
    whole = b.ir.sub(b.ir.bitcast(shifted, I32), I32(int(np.float32(_SHIFTER).view(np.int32))))
    if rounding == "ROUND":
        return whole
    nearest = b.ir.sitofp(whole, F32)
    up = b.select("<", nearest, value, b.ir.add(whole, I32(1)), whole)
    down = b.select(">", nearest, value, b.ir.sub(whole, I32(1)), whole)
    positive = b.ir.fcmp_ordered(">=", value, b.number(0.0))
    return {
        "CEIL": up,
        "FLOOR": down,
        "UP": b.choose(positive, up, down),
        "DOWN": b.choose(positive, down, up),
    }[rounding]
