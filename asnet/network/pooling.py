"""What poolings beyond the mean compute: where the maxima are, the way back from there, norms under a window."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from asnet.errors import NetworkError
from asnet.network.activations import constant_power
from asnet.network.attributes import integer, integers
from asnet.network.functions import Steps, power
from asnet.network.functions.steps import V
from asnet.network.model import Layer, Network
from asnet.network.semantics import check_output, constant_input, has_input
from asnet.network.windows import PoolGeometry, check_spatial, pool_geometry, positive
from asnet.types import ELEMENT_TYPES

__all__ = ["LpPooling", "MaxPooling", "Unpooling", "lowest", "lp_pooling", "max_pooling", "unpooling"]


def lowest(dtype: str) -> float:
    """Where a maximum of elements of type ``dtype`` starts, and what padding is then: no element is less."""
    return -np.inf if ELEMENT_TYPES[dtype].is_float else int(np.iinfo(dtype).min)


@dataclass(frozen=True)
class MaxPooling:
    """A MaxPool: ``m`` starts at :func:`lowest`, ``m = x > m ? x : m``.

    Its index is that of the first greatest element, of the first element of the window in the input if none is greater
    than the start; an element of the input has index ``plane · size + Σ place · strides``, padding has none.
    """

    pool: PoolGeometry
    strides: tuple[int, ...]

    @property
    def size(self) -> int:
        """Elements of one plane (image and channel)."""
        return math.prod(self.pool.window.inputs)


def max_pooling(layer: Layer, network: Network) -> MaxPooling:
    """Windows of a MaxPool, and how it numbers the elements (``storage_order``).

    Raises:
        NetworkError: as :func:`~asnet.network.windows.pool_geometry`, or another storage order than 0 and 1.
    """
    pool = pool_geometry(layer, network)
    order = integer(layer, "storage_order", 0)
    if order not in {0, 1}:
        raise NetworkError(f"{layer}: storage_order {order} is neither 0 (rows) nor 1 (columns); mend the model")
    extents = pool.window.inputs if order else tuple(reversed(pool.window.inputs))
    steps = tuple(math.prod(extents[:axis]) for axis in range(len(extents)))
    return MaxPooling(pool, steps if order else tuple(reversed(steps)))


@dataclass(frozen=True)
class Unpooling:
    """A MaxUnpool: the element of index ``i`` goes to place ``i`` of an array of shape ``inner``, which is zero else
    and of which ``shape`` is a part or which is a part of it.
    """

    inner: tuple[int, ...]
    shape: tuple[int, ...]


def unpooling(layer: Layer, network: Network) -> Unpooling:
    """Shapes of a MaxUnpool.

    Raises:
        NetworkError: shapes or attributes contradict each other.
        UnsupportedError: the output shape is computed by the network.
    """
    shape, indices = network.shape(layer.inputs[0]), network.shape(layer.inputs[1])
    check_spatial(layer, shape)
    rank = len(shape) - 2
    if indices != shape:
        raise NetworkError(f"{layer}: indices of shape {list(indices)} do not fit elements of shape {list(shape)}")
    kernel = positive(layer, "kernel_shape", integers(layer, "kernel_shape", ()), rank)
    strides = positive(layer, "strides", integers(layer, "strides", (1,) * rank), rank)
    pads = integers(layer, "pads", (0,) * (2 * rank))
    if len(pads) != 2 * rank:
        raise NetworkError(f"{layer}: pads {list(pads)} must be {2 * rank} integers, begins then ends")
    spatial = tuple(
        (extent - 1) * stride + k - begin - end
        for extent, stride, k, begin, end in zip(shape[2:], strides, kernel, pads[:rank], pads[rank:], strict=True)
    )
    inner = (*shape[:2], *spatial)
    goal = inner
    if has_input(layer, 2):
        goal = tuple(int(extent) for extent in constant_input(layer, network, 2, "output_shape").ravel())
    if len(goal) != len(inner) or min((*spatial, *goal), default=1) < 1:
        raise NetworkError(f"{layer}: elements of shape {list(inner)} do not fit the output's shape {list(goal)}")
    check_output(layer, network, goal)
    return Unpooling(inner, goal)


@dataclass(frozen=True)
class LpPooling:
    """An LpPool: ``(Σ |x|^p)^(1/p)`` over the window, from 0.0 in window order; padding adds nothing."""

    pool: PoolGeometry
    p: int

    def term(self, s: Steps[V], x: V) -> V:
        """``|x|^p``."""
        size = s.magnitude(x)
        direct = constant_power(float(self.p))
        return direct(s, size) if direct is not None else power(s, size, s.number(float(self.p)))

    def root(self, s: Steps[V], total: V) -> V:
        """``total^(1/p)``."""
        direct = constant_power(1 / self.p)
        return direct(s, total) if direct is not None else power(s, total, s.number(1 / self.p))


def lp_pooling(layer: Layer, network: Network) -> LpPooling:
    """Windows and exponent of an LpPool or GlobalLpPool.

    Raises:
        NetworkError: as :func:`~asnet.network.windows.pool_geometry`, or p is not positive.
    """
    p = integer(layer, "p", 2)
    if p < 1:
        raise NetworkError(f"{layer}: p {p} must be at least 1; mend the model")
    return LpPooling(pool_geometry(layer, network), p)
