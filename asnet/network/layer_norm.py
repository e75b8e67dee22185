"""LayerNormalization and RMSNormalization: one reading for the oracle and the lowering."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.attributes import integer, real
from asnet.network.model import Layer, Network
from asnet.network.semantics import has_input, normalize_axis

__all__ = ["LayerNorm", "layer_norm"]


@dataclass(frozen=True)
class LayerNorm:
    """``(d·r)·scale + bias`` with ``r = 1/√(Σ d²/count + epsilon)`` over ``inner``, the last axes of ``[*outer,
    *inner]``; d is ``x - Σ x/count`` if ``centred``, else x. Scale and bias broadcast.
    """

    outer: tuple[int, ...]
    inner: tuple[int, ...]
    epsilon: np.float32
    centred: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Of input and output."""
        return (*self.outer, *self.inner)

    @property
    def count(self) -> int:
        """Elements that are normalised together."""
        return math.prod(self.inner)


def layer_norm(layer: Layer, network: Network) -> LayerNorm:
    """What a LayerNormalization or RMSNormalization computes.

    Raises:
        NetworkError: the axis is out of range, or scale or bias do not broadcast to the input.
        UnsupportedError: another type than float32 in between (``stash_type``).
    """
    shape = network.shape(layer.inputs[0])
    axis = normalize_axis(layer, integer(layer, "axis", -1), len(shape))
    if integer(layer, "stash_type", 1) != 1:
        raise UnsupportedError(f"{layer}: only stash_type 1, float32, is supported")
    for position, role in ((1, "scale"), (2, "bias")):
        found = network.shape(layer.inputs[position]) if has_input(layer, position) else ()
        pairs = zip(reversed(found), reversed(shape), strict=False)
        if len(found) > len(shape) or any(extent not in (1, goal) for extent, goal in pairs):
            raise NetworkError(f"{layer}: {role} of shape {list(found)} does not broadcast to {list(shape)}")
    epsilon = np.float32(real(layer, "epsilon", 1e-5))
    return LayerNorm(shape[:axis], shape[axis:], epsilon, centred=layer.op_type == "LayerNormalization")
