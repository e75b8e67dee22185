"""The oracle's operators that compute each element from the elements in the same place: arithmetic, logic, casts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

import numpy as np

from asnet.network.elementary import sigmoid, tanh
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.network.semantics import leaky_alpha
from asnet.types import AnyArray

__all__ = ["OPERATORS", "cast", "maximum", "minimum"]

Unary = Callable[[AnyArray], AnyArray]
Binary = Callable[[AnyArray, AnyArray], AnyArray]


def _unary(function: Unary) -> Operator:
    return lambda frame, layer: np.asarray(function(frame.operand(layer, 0)))


def _binary(function: Binary) -> Operator:
    """An operator of two operands with numpy's broadcasting."""
    return lambda frame, layer: np.asarray(function(frame.operand(layer, 0), frame.operand(layer, 1)))


def _operands(frame: Frame, layer: Layer) -> list[AnyArray]:
    return [frame.operand(layer, position) for position in range(len(layer.inputs))]


def _variadic(function: Binary) -> Operator:
    """``function`` from the first operand to the last."""
    return lambda frame, layer: np.asarray(reduce(function, _operands(frame, layer)))


def _relu(x: AnyArray) -> AnyArray:
    """``x < 0 ? 0 : x``: keeps -0.0 and NaN."""
    return np.where(np.less(x, x.dtype.type(0)), x.dtype.type(0), x)


def _sign(x: AnyArray) -> AnyArray:
    """+0.0 for both zeros."""
    positive = (x > 0).astype(x.dtype)
    if x.dtype.kind == "u":
        return positive
    result = np.subtract(positive, (x < 0).astype(x.dtype))
    return np.where(np.isnan(x), x, result) if x.dtype.kind == "f" else result


def minimum(a: AnyArray, b: AnyArray) -> AnyArray:
    """``b < a ? b : a``; a NaN in either operand wins."""
    return _or_nan(np.where(b < a, b, a), b)


def maximum(a: AnyArray, b: AnyArray) -> AnyArray:
    """``b > a ? b : a``; a NaN in either operand wins."""
    return _or_nan(np.where(b > a, b, a), b)


def _or_nan(result: AnyArray, b: AnyArray) -> AnyArray:
    return np.where(np.isnan(b), b, result) if b.dtype.kind == "f" else result


def _divide(a: AnyArray, b: AnyArray) -> AnyArray:
    """Integers truncate toward zero, ``a / 0`` is 0."""
    if a.dtype.kind == "f":
        return np.divide(a, b)
    safe = np.where(b == 0, b.dtype.type(1), b)
    quotient = np.floor_divide(a, safe)
    inexact = (quotient < 0) & (np.multiply(quotient, safe) != a)
    return np.where(b == 0, a.dtype.type(0), np.where(inexact, np.add(quotient, a.dtype.type(1)), quotient))


def leaky_relu(frame: Frame, layer: Layer) -> AnyArray:
    """``x < 0 ? x·alpha : x``."""
    x = frame.operand(layer, 0)
    return np.where(np.less(x, np.float32(0)), np.multiply(x, frame.flush(leaky_alpha(layer))), x)


def mean(frame: Frame, layer: Layer) -> AnyArray:
    """The sum from the first operand to the last, divided by their number."""
    operands = _operands(frame, layer)
    return np.asarray(np.divide(reduce(np.add, operands), np.float32(len(operands))))


def where(frame: Frame, layer: Layer) -> AnyArray:
    """Where."""
    return np.where(frame.operand(layer, 0), frame.operand(layer, 1), frame.operand(layer, 2))


def cast(x: AnyArray, dtype: str) -> AnyArray:
    """ONNX Cast, defined where ONNX leaves it open: float to integer saturates and makes a NaN 0, integers keep the low
    bits.
    """
    goal = np.dtype(dtype)
    if x.dtype.kind != "f" or goal.kind not in "iu":
        return x.astype(goal)
    limits = np.iinfo(goal)
    low, beyond = np.float32(limits.min), np.float32(2.0 ** (goal.itemsize * 8 - (goal.kind == "i")))
    inside = (x >= low) & (x < beyond)
    result = np.where(inside, x, np.float32(0)).astype(goal)
    result = np.where(x < low, goal.type(limits.min), result)
    return np.where(x >= beyond, goal.type(limits.max), result)


def _cast(frame: Frame, layer: Layer) -> AnyArray:
    return cast(frame.operand(layer, 0), frame.network.tensors[layer.outputs[0]].dtype)


OPERATORS: Mapping[str, Operator] = {
    "Neg": _unary(np.negative),
    "Abs": _unary(np.abs),
    "Sign": _unary(_sign),
    "Relu": _unary(_relu),
    "Reciprocal": _unary(lambda x: np.divide(np.float32(1), x)),
    "Floor": _unary(np.floor),
    "Ceil": _unary(np.ceil),
    "Round": _unary(np.rint),
    "IsNaN": _unary(np.isnan),
    "Not": _unary(np.logical_not),
    "BitwiseNot": _unary(np.bitwise_not),
    "Sigmoid": _unary(sigmoid),
    "Tanh": _unary(tanh),
    "Add": _binary(np.add),
    "Sub": _binary(np.subtract),
    "Mul": _binary(np.multiply),
    "Div": _binary(_divide),
    "Equal": _binary(np.equal),
    "Less": _binary(np.less),
    "LessOrEqual": _binary(np.less_equal),
    "Greater": _binary(np.greater),
    "GreaterOrEqual": _binary(np.greater_equal),
    "And": _binary(np.logical_and),
    "Or": _binary(np.logical_or),
    "Xor": _binary(np.logical_xor),
    "BitwiseAnd": _binary(np.bitwise_and),
    "BitwiseOr": _binary(np.bitwise_or),
    "BitwiseXor": _binary(np.bitwise_xor),
    "Min": _variadic(minimum),
    "Max": _variadic(maximum),
    "Sum": _variadic(np.add),
    "Mean": mean,
    "LeakyRelu": leaky_relu,
    "Where": where,
    "Cast": _cast,
    "CastLike": _cast,
}
