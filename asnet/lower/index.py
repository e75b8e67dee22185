"""Affine expressions over loop indices: what a subscript is before it becomes instructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from llvmlite import ir

__all__ = ["Index", "LoopIndex", "flatten", "strides"]


@dataclass(frozen=True)
class LoopIndex:
    """The counter of an open loop; ``depth`` orders it, outermost 0."""

    depth: int
    value: ir.Value = field(compare=False, repr=False)


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
    total = Index()
    for part, stride in zip(index, strides(shape), strict=True):
        total = total + part * stride
    return total
