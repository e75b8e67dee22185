"""The oracle's reductions, running sums and selections: element by element along the axes, in row-major order."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from asnet.network.elementary import exp
from asnet.network.functions import ArraySteps, log
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.network.reductions import FINISHES, extremum, reduction, running, selection
from asnet.types import AnyArray

__all__ = ["OPERATORS", "order_key"]

Step = Callable[[AnyArray, AnyArray], AnyArray]
Start = Callable[[np.dtype[np.generic]], float | bool]


def _limit(dtype: np.dtype[np.generic], *, greatest: bool) -> float | bool:
    """The least or the greatest value of a type; infinities of floats."""
    if dtype.kind == "b":
        return greatest
    if dtype.kind == "f":
        return np.inf if greatest else -np.inf
    limits = np.iinfo(dtype.name)
    return limits.max if greatest else limits.min


def _extreme(better: Step) -> Step:
    """``x`` where it is better than the accumulator; a NaN in either wins."""

    def step(accumulator: AnyArray, x: AnyArray) -> AnyArray:
        chosen = np.where(better(x, accumulator), x, accumulator)
        return np.where(np.isnan(x), x, chosen) if x.dtype.kind == "f" else chosen

    return step


_STEPS: Mapping[str, tuple[Start, Step]] = {
    "ReduceSum": (lambda dtype: 0, np.add),
    "ReduceMean": (lambda dtype: 0, np.add),
    "ReduceProd": (lambda dtype: 1, np.multiply),
    "ReduceMax": (lambda dtype: _limit(dtype, greatest=False), _extreme(np.greater)),
    "ReduceMin": (lambda dtype: _limit(dtype, greatest=True), _extreme(np.less)),
    "ReduceL1": (lambda dtype: 0, lambda accumulator, x: np.add(accumulator, np.abs(x))),
    "ReduceSumSquare": (lambda dtype: 0, lambda accumulator, x: np.add(accumulator, np.multiply(x, x))),
    "ReduceL2": (lambda dtype: 0, lambda accumulator, x: np.add(accumulator, np.multiply(x, x))),
    "ReduceLogSum": (lambda dtype: 0, np.add),
}
"""Operator → start of the accumulator, and its successor for the next element."""


def _reduce(start: Start, step: Step, x: AnyArray) -> AnyArray:
    """Reduction over the first axis."""
    accumulator = np.full(x.shape[1:], start(x.dtype), x.dtype)
    for element in x:
        accumulator = step(accumulator, element)
    return accumulator


def _reduced(frame: Frame, layer: Layer) -> AnyArray:
    """The Reduce operators."""
    geometry = reduction(layer, frame.network)
    x = frame.operand(layer, 0).transpose(*geometry.axes, *geometry.kept)
    x = x.reshape(geometry.count, *geometry.results)
    result = _reduce(*_STEPS[layer.op_type], x)
    finish = FINISHES.get(layer.op_type)
    if finish is not None:
        return finish(ArraySteps(frame.flush), np.atleast_1d(result))
    if layer.op_type != "ReduceMean":
        return result
    if x.dtype.kind == "f":
        return np.divide(result, np.float32(geometry.count))
    if geometry.count == 0:
        return np.zeros_like(result)
    size = np.floor_divide(np.abs(result.astype(object)), geometry.count)
    return np.where(result < 0, -size, size).astype(x.dtype)


def _log_sum_exp(frame: Frame, layer: Layer) -> AnyArray:
    """``m + ln Σ e^(x - m)`` with the maximum m, or 0 where that is not finite."""
    geometry = reduction(layer, frame.network)
    x = frame.operand(layer, 0).transpose(*geometry.axes, *geometry.kept).reshape(geometry.count, *geometry.results)
    maximum = _reduce(*_STEPS["ReduceMax"], x)
    maximum = np.where(np.abs(maximum) < np.inf, maximum, np.float32(0.0))
    total = np.zeros_like(maximum)
    for element in x:
        total = np.add(total, exp(np.subtract(element, maximum)))
    return np.add(maximum, log(ArraySteps(frame.flush), np.atleast_1d(total)).reshape(total.shape))


def _arg(better: Step, at_least: Step) -> Operator:
    """ArgMax, ArgMin: an element is taken if it is better than the one so far (or as good, for the last)."""

    def operator(frame: Frame, layer: Layer) -> AnyArray:
        geometry = extremum(layer, frame.network)
        x = frame.operand(layer, 0).reshape(geometry.shape)
        compare = at_least if geometry.last else better
        best = x[:, 0]
        index = np.zeros(best.shape, np.int64)
        for position in range(1, geometry.shape[1]):
            taken = compare(x[:, position], best)
            best = np.where(taken, x[:, position], best)
            index = np.where(taken, np.int64(position), index)
        return index

    return operator


def _cumulative(start: float, step: Step) -> Operator:
    """CumSum, CumProd: the accumulator before (``exclusive``) or after each element."""

    def operator(frame: Frame, layer: Layer) -> AnyArray:
        geometry = running(layer, frame.network)
        x = frame.operand(layer, 0).reshape(geometry.shape)
        result = np.empty_like(x)
        accumulator = np.full_like(x[:, :1], start)[:, 0] if x.shape[1] else x[:, :0]
        for position in range(geometry.shape[1]):
            place = geometry.shape[1] - 1 - position if geometry.reverse else position
            following = step(accumulator, x[:, place])
            result[:, place] = accumulator if geometry.exclusive else following
            accumulator = following
        return result

    return operator


def order_key(x: AnyArray) -> AnyArray:
    """Integers in the order of ``x``: zeros are equal, NaN is greater than all numbers."""
    if x.dtype.kind != "f":
        return x
    bits = np.ascontiguousarray(x).view(np.int32)
    key = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits)
    key = np.where(x == 0, np.int32(0), key)
    return np.where(np.isnan(x), np.int32(0x7FFFFFFF), key)


def _top_k(frame: Frame, layer: Layer) -> tuple[AnyArray, AnyArray]:
    """TopK, in order whether asked for or not; of equal elements the first come first."""
    geometry = selection(layer, frame.network)
    x = frame.operand(layer, 0).reshape(geometry.shape)
    key = order_key(x)
    order = np.argsort(np.invert(key) if geometry.largest else key, axis=1, kind="stable")[:, : geometry.count]
    return np.take_along_axis(x, order, axis=1), order.astype(np.int64)


OPERATORS: Mapping[str, Operator] = {
    **dict.fromkeys(_STEPS, _reduced),
    "ReduceLogSumExp": _log_sum_exp,
    "ArgMax": _arg(np.greater, np.greater_equal),
    "ArgMin": _arg(np.less, np.less_equal),
    "CumSum": _cumulative(0, np.add),
    "CumProd": _cumulative(1, np.multiply),
    "TopK": _top_k,
}
