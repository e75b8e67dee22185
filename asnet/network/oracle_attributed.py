"""The oracle's element-by-element operators with attributes: Clip, Mod, BitShift, IsInf."""

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
    """A shift by the width or more leaves 0."""
    a, b = frame.operand(layer, 0), frame.operand(layer, 1)
    return np.asarray((np.left_shift if shifts_left(layer) else np.right_shift)(a, b))


def is_inf(frame: Frame, layer: Layer) -> AnyArray:
    """Whether it is one of the infinities asked for."""
    return np.isin(frame.operand(layer, 0), infinities(layer))


OPERATORS: Mapping[str, Operator] = {"Clip": clip, "Mod": mod, "BitShift": bit_shift, "IsInf": is_inf}
