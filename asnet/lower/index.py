"""Affine expressions over loop indices: what a subscript is before it becomes instructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from llvmlite import ir

__all__ = ["Index", "LoopIndex", "broadcast", "collapse", "element_names", "flatten", "place", "strides"]


def element_names(shape: Sequence[int]) -> tuple[str, ...]:
    """What loops over all elements of ``shape`` count."""
    return ("element",) if len(shape) == 1 else tuple(f"axis{number}" for number in range(len(shape)))


@dataclass(frozen=True)
class LoopIndex:
    """The counter of an open loop; ``depth`` orders it, outermost 0.

    With ``computed``, a value that the layer computes (:meth:`asnet.lower.builder.LayerBuilder.index`), in the order
    of ``depth`` behind all loops.
    """

    depth: int
    value: ir.Value = field(compare=False, repr=False)
    computed: bool = False


@dataclass(frozen=True)
class Index:
    """``offset`` + Σ coefficient · loop index."""

    offset: int = 0
    terms: Mapping[LoopIndex, int] = field(default_factory=dict[LoopIndex, int])

    def __add__(self, other: Index | int) -> Index:
        if isinstance(other, int):
            return Index(self.offset + other, self.terms)
        terms = dict(self.terms)
        for loop, coefficient in other.terms.items():
            terms[loop] = terms.get(loop, 0) + coefficient
        return Index(self.offset + other.offset, terms)

    def __mul__(self, factor: int) -> Index:
        terms = {loop: coefficient * factor for loop, coefficient in self.terms.items()}
        return Index(self.offset * factor, terms if factor else {})


def strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Elements between neighbours along each axis of a row-major array of ``shape``."""
    result: list[int] = []
    step = 1
    for extent in reversed(shape):
        result.append(step)
        step *= extent
    return tuple(reversed(result))


def flatten(index: Sequence[Index], shape: Sequence[int]) -> Index:
    """The row-major position of element ``index`` in an array of ``shape``."""
    return place(index, strides(shape))


def place(index: Sequence[Index], steps: Sequence[int]) -> Index:
    """The position of element ``index`` in an array whose neighbours along each axis are ``steps`` elements apart."""
    total = Index()
    for part, step in zip(index, steps, strict=True):
        total = total + part * step
    return total


def broadcast(index: Sequence[Index], shape: Sequence[int]) -> tuple[Index, ...]:
    """The element of an array of ``shape`` that numpy broadcasting reads for element ``index`` of the result."""
    trailing = index[len(index) - len(shape) :]
    return tuple(Index() if extent == 1 else part for part, extent in zip(trailing, shape, strict=True))


def collapse(shapes: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """The same broadcast with the fewest axes: ``shapes`` with neighbouring axes merged wherever all arrays allow.

    The arrays keep their memory layout; the results have the same number of axes.
    """
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    merged: list[list[int]] = []
    pattern: tuple[bool, ...] | None = None
    for extents in zip(*padded, strict=True):
        total = 0 if 0 in extents else max(extents)
        if total == 1:
            continue
        present = tuple(extent == total for extent in extents)
        if present == pattern:
            merged[-1] = [before * extent for before, extent in zip(merged[-1], extents, strict=True)]
        else:
            merged.append(list(extents))
            pattern = present
    return [tuple(axis[array] for axis in merged) for array in range(len(shapes))]
