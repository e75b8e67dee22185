"""InstanceNormalization, LRN and LpNormalization: one reading for the oracle and the lowering."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.attributes import integer, real
from asnet.network.model import Layer, Network
from asnet.network.semantics import normalize_axis

__all__ = ["InstanceNorm", "LpNorm", "Response", "instance_norm", "lp_norm", "response"]


@dataclass(frozen=True)
class InstanceNorm:
    """``(x - mean)/√(variance + epsilon)·scale + bias`` over the last axis of ``[batch, channels, elements]``."""

    shape: tuple[int, int, int]
    epsilon: np.float32


def instance_norm(layer: Layer, network: Network) -> InstanceNorm:
    """What an InstanceNormalization computes.

    Raises:
        NetworkError: shapes contradict each other.
    """
    shape = network.shape(layer.inputs[0])
    if len(shape) < 3:
        raise NetworkError(f"{layer}: an input of shape {list(shape)} must be batch, channels and spatial axes")
    for position, role in ((1, "scale"), (2, "bias")):
        found = network.shape(layer.inputs[position])
        if found != (shape[1],):
            raise NetworkError(f"{layer}: {role} of shape {list(found)} must have {shape[1]} elements, one per channel")
    flat = shape[0], shape[1], math.prod(shape[2:])
    return InstanceNorm(flat, np.float32(real(layer, "epsilon", 1e-5)))


@dataclass(frozen=True)
class Response:
    """An LRN of ``[batch, channels, elements]``: ``x/(bias + scale·Σ x²)^beta`` over the channels from ``before``
    channels before to ``size - 1 - before`` after, as far as there are.
    """

    shape: tuple[int, int, int]
    size: int
    scale: np.float32
    beta: np.float32
    bias: np.float32

    @property
    def before(self) -> int:
        """Channels before the element's own."""
        return (self.size - 1) // 2


def response(layer: Layer, network: Network) -> Response:
    """What an LRN computes.

    Raises:
        NetworkError: shape or size make no sense.
    """
    shape = network.shape(layer.inputs[0])
    size = integer(layer, "size", 0)
    if len(shape) < 2 or size < 1:
        raise NetworkError(
            f"{layer}: size {size} of an input of shape {list(shape)}; give channels and a positive size"
        )
    return Response(
        shape=(shape[0], shape[1], math.prod(shape[2:])),
        size=size,
        scale=np.float32(real(layer, "alpha", 1e-4) / size),
        beta=np.float32(real(layer, "beta", 0.75)),
        bias=np.float32(real(layer, "bias", 1.0)),
    )


@dataclass(frozen=True)
class LpNorm:
    """An LpNormalization over the middle axis of ``shape``: ``x`` divided by the norm, 0 where that is 0."""

    shape: tuple[int, int, int]
    squares: bool


def lp_norm(layer: Layer, network: Network) -> LpNorm:
    """What an LpNormalization computes.

    Raises:
        NetworkError: the axis is out of range.
        UnsupportedError: p is neither 1 nor 2.
    """
    shape = network.shape(layer.inputs[0])
    axis = normalize_axis(layer, integer(layer, "axis", -1), len(shape))
    p = integer(layer, "p", 2)
    if p not in {1, 2}:
        raise UnsupportedError(f"{layer}: p {p} is not supported; supported: 1, 2")
    return LpNorm((math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])), squares=p == 2)
