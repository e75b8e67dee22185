"""Operators that compute each element from the elements in the same place, operands broadcast as in numpy.

The three tables are the operators without attributes: one line each, what is computed in registers and for which types
of the operands (all of one type, but for Where's condition).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce

from llvmlite import ir

from asnet.ir.module import Memory
from asnet.lower.arithmetic import I1
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import ANY, FLOATS, NUMBERS, SIGNED, LayerContext
from asnet.lower.index import broadcast, collapse, element_names
from asnet.lower.registry import lowering
from asnet.lower.rounding import ceil, floor, magnitude, round_to_even
from asnet.types import ELEMENT_TYPES, INTEGER_TYPES

__all__ = ["collapsed", "map_broadcast", "map_elements"]

Unary = Callable[[LayerBuilder, ir.Value, str], ir.Value]
Binary = Callable[[LayerBuilder, ir.Value, ir.Value, str], ir.Value]


def collapsed(memories: Sequence[Memory]) -> list[Memory]:
    """``memories`` of a broadcast (the last one is its result) with the fewest axes."""
    shapes = collapse([memory.shape for memory in memories])
    return [replace(memory, shape=shape) for memory, shape in zip(memories, shapes, strict=True)]


def map_broadcast(
    context: LayerContext, operands: Sequence[Memory], function: Callable[[LayerBuilder, Sequence[ir.Value]], ir.Value]
) -> None:
    """Output = ``function`` of the elements of ``operands`` that broadcasting puts in the same place."""
    *flat, y = collapsed([*operands, context.output()])
    with context.function(flat, (y,)) as b, b.each(y.shape, element_names(y.shape)) as index:
        values = [b.load(operand, broadcast(index, operand.shape)) for operand in flat]
        b.store(y, index, function(b, values))


def map_elements(
    context: LayerContext, function: Callable[[LayerBuilder, ir.Value], ir.Value], types: Sequence[str] = FLOATS
) -> None:
    """Output = ``function`` of the first operand (of one of ``types``), element by element whatever the shapes."""
    x, y = (replace(memory, shape=(memory.size,)) for memory in (context.input(0, types), context.output()))
    with context.function((x,), (y,)) as b, b.each(y.shape, element_names(y.shape)) as index:
        b.store(y, index, function(b, b.load(x, index)))


def _absolute(b: LayerBuilder, x: ir.Value, dtype: str) -> ir.Value:
    if ELEMENT_TYPES[dtype].is_float:
        return magnitude(b, x)
    return b.choose(b.compare("<", x, b.constant(0, dtype), dtype), b.negative(x, dtype), x)


def _sign(b: LayerBuilder, x: ir.Value, dtype: str) -> ir.Value:
    zero, one = b.constant(0, dtype), b.constant(1, dtype)
    positive = b.choose(b.compare(">", x, zero, dtype), one, zero)
    kind = ELEMENT_TYPES[dtype]
    if not kind.signed:
        return positive
    result = b.choose(b.compare("<", x, zero, dtype), b.constant(-1, dtype), positive)
    return b.choose(b.is_nan(x), x, result) if kind.is_float else result


def _relu(b: LayerBuilder, x: ir.Value, dtype: str) -> ir.Value:
    zero = b.constant(0, dtype)
    return b.choose(b.compare("<", x, zero, dtype), zero, x)


UNARY: Mapping[str, tuple[Unary, Sequence[str]]] = {
    "Neg": (LayerBuilder.negative, SIGNED),
    "Abs": (_absolute, NUMBERS),
    "Sign": (_sign, NUMBERS),
    "Relu": (_relu, SIGNED),
    "Reciprocal": (lambda b, x, dtype: b.divide(b.constant(1, dtype), x, dtype), FLOATS),
    "Floor": (lambda b, x, dtype: floor(b, x), FLOATS),
    "Ceil": (lambda b, x, dtype: ceil(b, x), FLOATS),
    "Round": (lambda b, x, dtype: round_to_even(b, x), FLOATS),
    "IsNaN": (lambda b, x, dtype: b.is_nan(x), FLOATS),
    "Not": (lambda b, x, dtype: b.ir.xor(x, I1(1)), ("bool",)),
    "BitwiseNot": (lambda b, x, dtype: b.ir.xor(x, b.constant(-1, dtype)), INTEGER_TYPES),
}

BINARY: Mapping[str, tuple[Binary, Sequence[str]]] = {
    "Add": (LayerBuilder.add, NUMBERS),
    "Sub": (LayerBuilder.subtract, NUMBERS),
    "Mul": (LayerBuilder.multiply, NUMBERS),
    "Div": (LayerBuilder.divide, NUMBERS),
    "Equal": (lambda b, x, y, dtype: b.compare("==", x, y, dtype), ANY),
    "Less": (lambda b, x, y, dtype: b.compare("<", x, y, dtype), NUMBERS),
    "LessOrEqual": (lambda b, x, y, dtype: b.compare("<=", x, y, dtype), NUMBERS),
    "Greater": (lambda b, x, y, dtype: b.compare(">", x, y, dtype), NUMBERS),
    "GreaterOrEqual": (lambda b, x, y, dtype: b.compare(">=", x, y, dtype), NUMBERS),
    "And": (lambda b, x, y, dtype: b.ir.and_(x, y), ("bool",)),
    "Or": (lambda b, x, y, dtype: b.ir.or_(x, y), ("bool",)),
    "Xor": (lambda b, x, y, dtype: b.ir.xor(x, y), ("bool",)),
    "BitwiseAnd": (lambda b, x, y, dtype: b.ir.and_(x, y), INTEGER_TYPES),
    "BitwiseOr": (lambda b, x, y, dtype: b.ir.or_(x, y), INTEGER_TYPES),
    "BitwiseXor": (lambda b, x, y, dtype: b.ir.xor(x, y), INTEGER_TYPES),
}

VARIADIC: Mapping[str, tuple[Binary, Sequence[str]]] = {
    "Min": (LayerBuilder.minimum, NUMBERS),
    "Max": (LayerBuilder.maximum, NUMBERS),
    "Sum": (LayerBuilder.add, FLOATS),
    "Mean": (LayerBuilder.add, FLOATS),
}
"""Applied from the first operand to the last; Mean then divides by their number."""


@lowering(*UNARY)
def _unary(context: LayerContext) -> None:
    emit, types = UNARY[context.layer.op_type]
    x = context.input(0, types)
    map_broadcast(context, [x], lambda b, values: emit(b, values[0], x.dtype))


@lowering(*BINARY)
def _binary(context: LayerContext) -> None:
    emit, types = BINARY[context.layer.op_type]
    operands = [context.input(0, types), context.input(1, types)]
    map_broadcast(context, operands, lambda b, values: emit(b, values[0], values[1], operands[0].dtype))


@lowering(*VARIADIC)
def _variadic(context: LayerContext) -> None:
    emit, types = VARIADIC[context.layer.op_type]
    operands = [context.input(position, types) for position in range(len(context.layer.inputs))]
    dtype = operands[0].dtype

    def combine(b: LayerBuilder, values: Sequence[ir.Value]) -> ir.Value:
        result = reduce(lambda a, c: emit(b, a, c, dtype), values)
        return b.site("fdiv", result, b.number(len(values))) if context.layer.op_type == "Mean" else result

    map_broadcast(context, operands, combine)


@lowering("Where")
def _where(context: LayerContext) -> None:
    operands = [context.input(0, ("bool",)), context.input(1, ANY), context.input(2, ANY)]
    map_broadcast(context, operands, lambda b, values: b.choose(values[0], values[1], values[2]))


@lowering("Cast", "CastLike")
def _cast(context: LayerContext) -> None:
    x, y = context.input(0, ANY), context.output()
    map_broadcast(context, [x], lambda b, values: b.cast(values[0], x.dtype, y.dtype))
