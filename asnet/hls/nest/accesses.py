"""Which word each iteration of a pipeline accesses, where that follows from its counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd, prod

import numpy as np
from numpy.typing import NDArray

from asnet.hls.kernel import Constant, Operand, Operation, signed
from asnet.hls.nest.affine import affine_range
from asnet.hls.nest.program import Affine, Condition, Pipeline, Program

__all__ = ["Access", "accesses", "may_meet"]

Numbers = NDArray[np.int64]

_MOST_CELLS = 1 << 22
"""Iterations that are looked at one by one."""


@dataclass(frozen=True)
class Access:
    """A load or store. ``box``: least and greatest value of each counter of the pipeline when it counts.

    ``index``: its address; None where it depends on data. ``weights``: iterations from one value of a counter to the
    next. ``order``: its place in the body.
    """

    operation: Operation
    order: int
    counters: tuple[str, ...]
    box: tuple[tuple[int, int], ...]
    weights: tuple[int, ...]
    index: Affine | None

    @property
    def store(self) -> bool:
        """Whether it writes."""
        return self.operation.op == "store"

    @property
    def memory(self) -> str:
        """The memory's name."""
        return self.operation.detail

    @property
    def cells(self) -> int:
        """In how many iterations it counts, at most."""
        return prod(high - low + 1 for low, high in self.box)

    @property
    def few(self) -> bool:
        """Whether its iterations can be looked at one by one."""
        return self.index is not None and self.cells <= _MOST_CELLS

    def strides(self) -> tuple[int, ...]:
        """The steps of the address by counter of the pipeline; needs an index."""
        assert self.index is not None
        return tuple(self.index.strides.get(name, 0) for name in self.counters)

    def outside(self) -> Mapping[str, int]:
        """The steps of the address by counters of repeats around the pipeline; needs an index."""
        assert self.index is not None
        return {name: step for name, step in self.index.strides.items() if name not in self.counters and step}

    def addresses(self) -> Numbers:
        """The address of each iteration in which it counts, in their order, apart from counters of repeats."""
        assert self.index is not None
        return self.index.offset + _over(self.box, self.strides())

    def iterations(self) -> Numbers:
        """The numbers of the iterations in which it counts, ascending."""
        return _over(self.box, self.weights)

    def digits(self, counters: Sequence[str]) -> Numbers:
        """A number for the values of ``counters`` in each iteration in which it counts."""
        chosen = [w if name in counters else 0 for name, w in zip(self.counters, self.weights, strict=True)]
        return _over(self.box, chosen)


def _over(box: Sequence[tuple[int, int]], steps: Sequence[int]) -> Numbers:
    """Σ steps·counters for all counters in ``box``, the last one fastest."""
    result = np.zeros(1, np.int64)
    for (low, high), step in zip(box, steps, strict=True):
        result = (result[:, None] + step * np.arange(low, high + 1, dtype=np.int64)).reshape(-1)
    return result


def accesses(pipeline: Pipeline) -> tuple[Access, ...]:
    """The loads and stores of ``pipeline``, in the order of its body."""
    counters = tuple(counter.name for counter in pipeline.counters)
    extents = [counter.extent for counter in pipeline.counters]
    weights = tuple(prod(extents[place + 1 :]) for place in range(len(extents)))
    found: list[Access] = []
    for order, operation in enumerate(pipeline.operations):
        if operation.is_memory:
            bounds = pipeline.conditions.get(operation.name, Condition()).bounds
            box = tuple(bounds.get(c.name, (0, c.extent - 1)) for c in pipeline.counters)
            index = _index(pipeline, counters, operation.operands[0])
            found.append(Access(operation, order, counters, box, weights, index))
    return tuple(found)


def _index(pipeline: Pipeline, counters: tuple[str, ...], operand: Operand) -> Affine | None:
    if isinstance(operand, Constant):
        return Affine({}, signed(operand.bits, operand.width))
    if operand in pipeline.affine:
        return pipeline.affine[operand]
    return Affine({operand: 1}) if operand in counters else None


def may_meet(a: Access, b: Access, program: Program) -> bool:
    """Whether two accesses of one memory can touch one word, in any iterations; for certain only if not."""
    if a.memory != b.memory:
        return False
    if a.index is None or b.index is None:
        return True
    spans = [_span(access, program) for access in (a, b)]
    if spans[0][1] < spans[1][0] or spans[1][1] < spans[0][0]:
        return False
    steps = gcd(*a.index.strides.values(), *b.index.strides.values())
    difference = a.index.offset - b.index.offset
    return difference % steps == 0 if steps else difference == 0


def _span(access: Access, program: Program) -> tuple[int, int]:
    """Least and greatest address."""
    assert access.index is not None
    lows = dict(zip(access.counters, (low for low, _ in access.box), strict=True))
    spans = dict(zip(access.counters, (high - low + 1 for low, high in access.box), strict=True))
    extents = {**program.repeats, **spans}
    offset = access.index.offset + sum(step * lows.get(name, 0) for name, step in access.index.strides.items())
    return affine_range(access.index.strides, offset, extents)
