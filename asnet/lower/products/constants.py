"""Constant operands as kernels' forms expect them: whole, raw, before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from asnet.ir.module import Memory
from asnet.ir.products import ALIGNMENT, padded
from asnet.lower.context import LayerContext
from asnet.lower.products.operands import Operand
from asnet.lower.products.plan import Plan
from asnet.types import Array

__all__ = ["constant_scalars", "constant_vectors", "is_constant"]

_NAME = "operands"


def constant_scalars(context: LayerContext, s: Operand, plan: Plan) -> Memory | None:
    """A constant with all rows of the scalar operand, (groups, rows, depth); None if it is not constant."""
    values = s.constant()
    if values is None:
        return None
    groups = [(axis.extent, plan.scalar(axis)) for axis in plan.groups]
    row = [(axis.extent, plan.scalar(axis)) for axis in (plan.row,) if axis is not None]
    places = _places([*groups, *row, (plan.depth, plan.s_step)])
    return context.constant(_NAME, _taken(values, places).reshape(-1, plan.rows, plan.depth))


def is_constant(v: Operand, plan: Plan) -> bool:
    """Whether the vector operand is one panel that is known."""
    return v.values is not None and not any(plan.vector(axis) for axis in plan.outer)


def constant_vectors(context: LayerContext, v: Operand, plan: Plan) -> Memory | None:
    """A constant with all columns of the vector operand, (depth, columns and some more); None if it is not constant, or
    different for each index around."""
    values = v.constant() if is_constant(v, plan) else None
    if values is None:
        return None
    axes = [(axis.extent, axis.v) for axis in (*plan.steps, *plan.columns)]
    panel = _aligned((plan.depth, padded(plan.width)), values.dtype)
    panel[:, : plan.width] = _taken(values, _places(axes)).reshape(plan.depth, plan.width)
    return context.constant(_NAME, panel)


def _places(axes: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """The places of all indices of ``axes``, (extent, elements from neighbour to neighbour), the last one fastest."""
    steps = (np.arange(extent, dtype=np.int64) * stride for extent, stride in axes)
    return reduce(lambda whole, part: np.add.outer(whole, part).reshape(-1), steps, np.zeros(1, np.int64))


def _taken(values: Array, places: NDArray[np.int64]) -> Array:
    """Without a copy where the places are all there are, in order."""
    flat = np.ascontiguousarray(values).reshape(-1)
    in_order = places.size == flat.size and bool((places == np.arange(flat.size)).all())
    return flat if in_order else flat[places]


def _aligned(shape: tuple[int, int], dtype: np.dtype[np.generic]) -> Array:
    size = shape[0] * shape[1] * dtype.itemsize
    raw = np.zeros(size + ALIGNMENT, np.uint8)
    begin = -raw.ctypes.data % ALIGNMENT
    return raw[begin : begin + size].view(dtype).reshape(shape)
