"""Which elements reductions, running sums and selections go over: one reading for the oracle and the lowering."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from asnet.errors import NetworkError
from asnet.network.attributes import integer, integers
from asnet.network.functions import Function, log, sqrt
from asnet.network.model import Layer, Network
from asnet.network.semantics import constant_input, has_input, normalize_axis

__all__ = ["FINISHES", "Extremum", "Reduction", "Running", "Selection", "extremum", "reduction", "running", "selection"]

FINISHES: Mapping[str, Function] = {"ReduceL2": sqrt, "ReduceLogSum": log}
"""Reduce operator → what makes its result of the sum."""


@dataclass(frozen=True)
class Reduction:
    """A reduction of an array of ``shape`` over ``axes`` (ascending), the last of them fastest."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]

    @property
    def kept(self) -> tuple[int, ...]:
        """The axes that stay, ascending."""
        return tuple(axis for axis in range(len(self.shape)) if axis not in self.axes)

    @property
    def extents(self) -> tuple[int, ...]:
        """Extents of ``axes``."""
        return tuple(self.shape[axis] for axis in self.axes)

    @property
    def results(self) -> tuple[int, ...]:
        """Extents of the axes that stay."""
        return tuple(self.shape[axis] for axis in self.kept)

    @property
    def count(self) -> int:
        """Number of elements of one reduction."""
        return math.prod(self.extents)


def reduction(layer: Layer, network: Network) -> Reduction:
    """Axes of a Reduce operator: an attribute in old opsets, a constant input since; all, or none, if there are none.

    Raises:
        NetworkError: an axis is out of range or there twice, or the output's size is not that of the axes that stay.
        UnsupportedError: the axes are computed by the network.
    """
    shape = network.shape(layer.inputs[0])
    rank = len(shape)
    given = integers(layer, "axes", ())
    if has_input(layer, 1):
        given = tuple(int(axis) for axis in constant_input(layer, network, 1, "axes").ravel())
    axes = tuple(sorted(normalize_axis(layer, axis, rank) for axis in given))
    if len(set(axes)) != len(axes):
        raise NetworkError(f"{layer}: axes {list(given)} name an axis twice; name each once")
    if not axes and not integer(layer, "noop_with_empty_axes", 0):
        axes = tuple(range(rank))
    found = Reduction(shape, axes)
    size = network.tensors[layer.outputs[0]].size
    if math.prod(found.results) != size:
        raise NetworkError(
            f"{layer}: reducing {list(shape)} over axes {list(axes)} leaves {math.prod(found.results)} elements, the "
            f"model says {size}; mend the model"
        )
    return found


def _along(layer: Layer, network: Network, axis: int) -> tuple[int, int, int]:
    """Elements before, along and after ``axis`` of the first input."""
    shape = network.shape(layer.inputs[0])
    axis = normalize_axis(layer, axis, len(shape))
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])


@dataclass(frozen=True)
class Extremum:
    """An ArgMax or ArgMin over the middle axis of an array of ``shape``; ``last``: of equal elements the last is it."""

    shape: tuple[int, int, int]
    last: bool


def extremum(layer: Layer, network: Network) -> Extremum:
    """What an ArgMax or ArgMin looks at.

    Raises:
        NetworkError: the axis is out of range, or it has no elements.
    """
    shape = _along(layer, network, integer(layer, "axis", 0))
    if shape[1] == 0:
        raise NetworkError(f"{layer}: an axis without elements has no extremum; mend the model")
    return Extremum(shape, integer(layer, "select_last_index", 0) != 0)


@dataclass(frozen=True)
class Running:
    """A CumSum or CumProd over the middle axis of an array of ``shape``, from its end if ``reverse``; ``exclusive``:
    an element's result leaves the element out.
    """

    shape: tuple[int, int, int]
    exclusive: bool
    reverse: bool


def running(layer: Layer, network: Network) -> Running:
    """Axis and direction of a CumSum or CumProd.

    Raises:
        NetworkError: the axis is out of range or no scalar.
        UnsupportedError: the axis is computed by the network.
    """
    axis = constant_input(layer, network, 1, "axis")
    if axis.size != 1:
        raise NetworkError(f"{layer}: axis of shape {list(axis.shape)} must be a scalar")
    shape = _along(layer, network, int(axis.item()))
    return Running(shape, integer(layer, "exclusive", 0) != 0, integer(layer, "reverse", 0) != 0)


@dataclass(frozen=True)
class Selection:
    """A TopK: the ``count`` largest (or smallest) elements along the middle axis of an array of ``shape``, in order."""

    shape: tuple[int, int, int]
    count: int
    largest: bool


def selection(layer: Layer, network: Network) -> Selection:
    """What a TopK selects.

    Raises:
        NetworkError: k is no scalar, or there are not that many elements.
        UnsupportedError: k is computed by the network.
    """
    shape = _along(layer, network, integer(layer, "axis", -1))
    if has_input(layer, 1):
        k = constant_input(layer, network, 1, "k")
        if k.size != 1:
            raise NetworkError(f"{layer}: k of shape {list(k.shape)} must be a scalar")
        count = int(k.item())
    else:
        count = integer(layer, "k", 0)
    if not 0 <= count <= shape[1]:
        raise NetworkError(f"{layer}: k {count} is outside [0, {shape[1]}], the elements of the axis")
    return Selection(shape, count, integer(layer, "largest", 1) != 0)
