"""The oracle's LayerNormalization and RMSNormalization: sums start at 0.0 and run row-major."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from asnet.network.elementary import Float32
from asnet.network.functions import ArraySteps, sqrt
from asnet.network.layer_norm import layer_norm
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.types import AnyArray

__all__ = ["OPERATORS"]


def _mean(x: AnyArray, count: int) -> AnyArray:
    total = np.zeros(x.shape[0], np.float32)
    for element in x.T:
        total = np.add(total, element)
    return np.divide(total, np.float32(count))[:, None]


def _normalization(frame: Frame, layer: Layer) -> tuple[Float32, ...]:
    """The result, and for LayerNormalization mean and reciprocal deviation."""
    g = layer_norm(layer, frame.network)
    x = frame.operand(layer, 0).reshape(math.prod(g.outer), g.count)
    mean = _mean(x, g.count) if g.centred else np.zeros((len(x), 1), np.float32)
    distance = np.subtract(x, mean) if g.centred else x
    variance = _mean(np.multiply(distance, distance), g.count)
    deviation = sqrt(ArraySteps(frame.flush), np.add(variance, frame.flush(g.epsilon)))
    factor = np.divide(np.float32(1), deviation)
    result = np.multiply(np.multiply(distance, factor).reshape(g.shape), frame.operand(layer, 1))
    bias = frame.optional(layer, 2)
    return result if bias is None else np.add(result, bias), mean, factor


OPERATORS: Mapping[str, Operator] = dict.fromkeys(("LayerNormalization", "RMSNormalization"), _normalization)
