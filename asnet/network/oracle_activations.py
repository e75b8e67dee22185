"""The oracle's elementary functions and activations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.errors import UnsupportedError
from asnet.network.activations import ACTIVATIONS, FUNCTIONS, activation, constant_power
from asnet.network.elementary import Float32, exp
from asnet.network.functions import ArraySteps, log, power
from asnet.network.model import Layer
from asnet.network.oracle_elementwise import cast
from asnet.network.oracle_frame import Frame, Operator
from asnet.network.semantics import softmax_axes
from asnet.types import AnyArray

__all__ = ["OPERATORS"]


def _activation(frame: Frame, layer: Layer) -> AnyArray:
    x = frame.operand(layer, 0)
    if x.dtype != np.float32:
        raise UnsupportedError(f"{layer} of type {x.dtype} is not supported; supported type: float32")
    return activation(layer)(ArraySteps(frame.flush), np.atleast_1d(x))


def _pow(frame: Frame, layer: Layer) -> AnyArray:
    """Floats: constant powers by multiplication, others by 2^(y·log2 x), an integer y first rounded to a float."""
    x, exponent = np.atleast_1d(frame.operand(layer, 0)), np.atleast_1d(frame.operand(layer, 1))
    if x.dtype != np.float32:
        return _integer_pow(frame, x, exponent, layer)
    y, steps = exponent.astype(np.float32), ArraySteps(frame.flush)
    if layer.inputs[1] in frame.network.constants and y.size == 1:
        direct = constant_power(y.item())
        if direct is not None:
            return direct(steps, x)
    return power(steps, x, y)


def _integer_pow(frame: Frame, x: AnyArray, exponent: AnyArray, layer: Layer) -> AnyArray:
    """To a whole power by squares and products that wrap, to another by floats, then :func:`_whole`."""
    if x.dtype.name not in ("int32", "int64"):
        raise UnsupportedError(
            f"{layer} of {x.dtype} is not supported; supported: float32, int32 and int64 to any power"
        )
    if exponent.dtype != np.float32:
        return _whole_power(x, exponent)
    with_whole = np.equal(np.floor(exponent), exponent) & np.less(np.abs(exponent), np.float32(2**63))
    by_squares = _whole_power(x, np.where(with_whole, exponent, np.float32(0)).astype(np.int64))
    by_floats = cast(_whole(power(ArraySteps(frame.flush), x.astype(np.float32), exponent)), x.dtype.name)
    return np.where(with_whole, by_squares, by_floats)


def _whole(x: AnyArray) -> AnyArray:
    """``x``, or the whole number that it is but for an error of 2^-20."""
    nearest = np.rint(x)
    close = np.less_equal(np.abs(np.subtract(x, nearest)), np.abs(np.multiply(x, np.float32(2**-20))))
    return np.where(close, nearest, x)


def _whole_power(x: AnyArray, exponent: AnyArray) -> AnyArray:
    """By squares and products that wrap; to a negative power ±1 is ±1 and any other number 0, zero too."""
    negative, rest = exponent < 0, exponent.astype(np.uint64)
    result, square = np.ones(np.broadcast_shapes(x.shape, exponent.shape), x.dtype), x
    for _ in range(exponent.dtype.itemsize * 8):
        result = np.where(np.bitwise_and(rest, np.uint64(1)) != 0, np.multiply(result, square), result)
        square, rest = np.multiply(square, square), np.right_shift(rest, np.uint64(1))
    return np.where(negative & (np.abs(x) != 1), x.dtype.type(0), result)


def _prelu(frame: Frame, layer: Layer) -> AnyArray:
    """``x < 0 ? x·slope : x``."""
    x, slope = frame.operand(layer, 0), frame.operand(layer, 1)
    return np.where(np.less(x, x.dtype.type(0)), np.multiply(x, slope), x)


def _log_softmax(frame: Frame, layer: Layer) -> Float32:
    """``d_i = x_i - max``, ``y_i = d_i - ln Σ exp(d_i)``; maximum and sum along the axis in order."""
    x = frame.operand(layer, 0).reshape(softmax_axes(layer, frame.network))
    maximum = x[:, 0]
    for index in range(1, x.shape[1]):
        maximum = np.where(np.greater(x[:, index], maximum), x[:, index], maximum)
    difference = np.subtract(x, maximum[:, None])
    total = np.zeros_like(maximum)
    for index in range(x.shape[1]):
        total = np.add(total, exp(difference[:, index]))
    return np.subtract(difference, log(ArraySteps(frame.flush), total)[:, None])


def _hardmax(frame: Frame, layer: Layer) -> Float32:
    """1 at the first of the greatest elements along the axis, else 0; a NaN is greatest only if it is the first."""
    x = frame.operand(layer, 0).reshape(softmax_axes(layer, frame.network))
    best, place = x[:, 0], np.zeros(x[:, 0].shape, np.int64)
    for index in range(1, x.shape[1]):
        greater = np.greater(x[:, index], best)
        best, place = np.where(greater, x[:, index], best), np.where(greater, index, place)
    return np.equal(np.arange(x.shape[1]).reshape(1, -1, 1), place[:, None]).astype(np.float32)


OPERATORS: Mapping[str, Operator] = {
    **dict.fromkeys((*FUNCTIONS, *ACTIVATIONS), _activation),
    "Pow": _pow,
    "PRelu": _prelu,
    "LogSoftmax": _log_softmax,
    "Hardmax": _hardmax,
}
