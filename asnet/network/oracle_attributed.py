"""The oracle's element-by-element operators with attributes: Clip, Mod, BitShift, BitCast, IsInf."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.network.elementwise import Bound, clip_bounds, infinities, modulo_floors, shifts_left
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.types import AnyArray

__all__ = ["OPERATORS"]


def clip(frame: Frame, layer: Layer) -> AnyArray:
    """``v = x < low ? low : x``, then ``v > high ? high : v``; a missing bound is no step."""
    low, high = clip_bounds(layer, frame.network)
    value = frame.operand(layer, 0)
    if low is not None:
        limit = _limit(frame, layer, low)
        value = np.where(np.less(value, limit), limit, value)
    if high is not None:
        limit = _limit(frame, layer, high)
        value = np.where(np.greater(value, limit), limit, value)
    return value


def _limit(frame: Frame, layer: Layer, bound: Bound) -> AnyArray:
    if bound.value is None:
        return frame.operand(layer, bound.input).reshape(())
    return frame.boundary(np.asarray(bound.value))


def mod(frame: Frame, layer: Layer) -> AnyArray:
    """``a - b·q`` with ``q = a / b`` rounded down or toward zero; integers give 0 for ``b`` = 0.

    For floats the remainder toward zero is exact; where that has the other sign than ``b``, ``b`` is added to it.
    """
    a, b = frame.operand(layer, 0), frame.operand(layer, 1)
    floors = modulo_floors(layer)
    if a.dtype != np.float32:
        return np.asarray((np.mod if floors else np.fmod)(a, b))
    rest = frame.flush(np.fmod(a, b))  # the library's fmod may not know the thread's float mode
    if not floors:
        return rest
    moved = np.where((b < 0) != (rest < 0), np.add(rest, b), rest)
    return np.where(rest == 0, np.copysign(np.float32(0), b), np.where(np.isnan(rest), rest, moved))


def bit_shift(frame: Frame, layer: Layer) -> AnyArray:
    """By the width or more, or by a negative amount, only copies of the sign (right) or zeros remain."""
    a, b = frame.operand(layer, 0), frame.operand(layer, 1)
    width = a.dtype.itemsize * 8
    outside = (b < 0) | (b >= b.dtype.type(width))
    if shifts_left(layer):
        return np.where(outside, a.dtype.type(0), np.left_shift(a, np.where(outside, b.dtype.type(0), b)))
    return (
        np.right_shift(a, np.where(outside, b.dtype.type(width - 1), b))
        if a.dtype.kind == "i"
        else np.where(outside, a.dtype.type(0), np.right_shift(a, np.where(outside, b.dtype.type(0), b)))
    )


def is_inf(frame: Frame, layer: Layer) -> AnyArray:
    """Whether it is one of the infinities asked for."""
    return np.isin(frame.operand(layer, 0), infinities(layer))


def bit_cast(frame: Frame, layer: Layer) -> AnyArray:
    """The same bytes as another type; a byte other than 0 is true."""
    goal = frame.network.tensors[layer.outputs[0]].dtype
    x = np.ascontiguousarray(frame.operand(layer, 0))
    return frame.boundary(x.view(np.uint8) != 0 if goal == "bool" else x.view(goal))


OPERATORS: Mapping[str, Operator] = {
    "Clip": clip,
    "Mod": mod,
    "BitShift": bit_shift,
    "BitCast": bit_cast,
    "IsInf": is_inf,
}
