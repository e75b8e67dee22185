"""The oracle's InstanceNormalization, LRN and LpNormalization: sums start at 0.0 and run in order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.network.elementary import Float32
from asnet.network.functions import ArraySteps, power, sqrt
from asnet.network.model import Layer
from asnet.network.normalizing import instance_norm, lp_norm, response
from asnet.network.oracle_frame import Frame, Operator
from asnet.types import AnyArray

__all__ = ["OPERATORS"]

_ZERO = np.float32(0.0)


def _sum(x: AnyArray, axis: int) -> Float32:
    total = np.zeros_like(np.take(x, 0, axis)) if x.shape[axis] else np.zeros(np.delete(x.shape, axis), np.float32)
    for index in range(x.shape[axis]):
        total = np.add(total, np.take(x, index, axis))
    return total


def _instance_normalization(frame: Frame, layer: Layer) -> Float32:
    """``(x - mean)·a + bias`` with ``a = scale/√(variance + epsilon)``."""
    g = instance_norm(layer, frame.network)
    x, scale, bias = (frame.operand(layer, position) for position in range(3))
    x = x.reshape(g.shape)
    count = np.float32(g.shape[2])
    distance = np.subtract(x, np.divide(_sum(x, 2), count)[..., None])
    variance = np.divide(_sum(np.multiply(distance, distance), 2), count)
    deviation = sqrt(ArraySteps(frame.flush), np.add(variance, frame.flush(g.epsilon)))
    return np.add(np.multiply(distance, np.divide(scale, deviation)[..., None]), bias[:, None])


def _lrn(frame: Frame, layer: Layer) -> Float32:
    """Squares in a frame of zeros, their sums, power and quotient."""
    g = response(layer, frame.network)
    x = frame.operand(layer, 0).reshape(g.shape)
    batch, channels, elements = g.shape
    squares = np.zeros((batch, channels + g.size - 1, elements), np.float32)
    squares[:, g.before : g.before + channels] = np.multiply(x, x)
    total = np.zeros_like(x)
    for tap in range(g.size):
        total = np.add(total, squares[:, tap : tap + channels])
    base = np.add(np.multiply(total, frame.flush(g.scale)), frame.flush(g.bias))
    steps = ArraySteps(frame.flush)
    return np.divide(x, power(steps, base, steps.number(g.beta)))


def _lp_normalization(frame: Frame, layer: Layer) -> Float32:
    """``norm = 0 ? 0 : x / norm``."""
    g = lp_norm(layer, frame.network)
    x = frame.operand(layer, 0).reshape(g.shape)
    norm = _sum(np.multiply(x, x) if g.squares else np.abs(x), 1)
    if g.squares:
        norm = sqrt(ArraySteps(frame.flush), norm)
    norm = norm[:, None]
    return np.where(norm == 0, _ZERO, np.divide(x, norm))


OPERATORS: Mapping[str, Operator] = {
    "InstanceNormalization": _instance_normalization,
    "LRN": _lrn,
    "LpNormalization": _lp_normalization,
}
