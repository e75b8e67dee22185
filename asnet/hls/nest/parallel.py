"""How a wish for so many operations at once is met: by outputs of the same inputs, and by products of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from asnet.hls.nest.lanes import UNITS, separable
from asnet.hls.nest.program import Pipeline
from asnet.hls.nest.reduction import Reduction, broadcast
from asnet.hls.nest.unroll import factors, interchangeable, sums
from asnet.ir import Memory

__all__ = ["Choices", "Parts", "choices"]

_LONGEST_CHAIN = 16
"""Steps of a reduction that follow one another in one iteration, at most."""

_STEP = 8
"""Cycles of a step of a chain that goes on in the next iteration, about."""

_MOST_BETWEEN = 64
"""Iterations of other outputs in between, at most."""

_UNITS = 2
"""Operations on units in a step of a reduction that is worth repeating: a multiplication and an addition."""


@dataclass(frozen=True)
class Parts:
    """``outputs`` of a counter at once, ``products`` of each; ``iterations`` of the loop then."""

    outputs: int
    products: int
    iterations: int


@dataclass(frozen=True)
class Choices:
    """What a loop can do at once. ``counter``: of outputs of the same inputs, ``total`` of them; None: there are none.

    ``products``: how many of an output, ascending; ``any_order``: they are of an integer sum. ``length``: steps of the
    reduction; ``iterations``: of the loop as it is.
    """

    counter: str | None
    total: int
    products: tuple[int, ...]
    any_order: bool
    length: int
    iterations: int

    def best(self, wanted: int) -> Parts:
        """The fastest way to do ``wanted`` things at once; of equally fast ones that which reads the fewest inputs.

        Products are taken only where outputs of the same inputs are fewer than wanted.
        """
        found: list[Parts] = []
        for products in self.products if wanted > self.total else (1,):
            steps = self.length // products
            outputs = max(1, min(self.total, wanted // products, steps))
            groups = -(-self.total // outputs)
            iterations = self.iterations // self.length // self.total * groups * steps
            if products <= wanted:
                found.append(Parts(-(-self.total // groups), products, iterations))
        return min(found, key=lambda part: (part.iterations, part.products))


def choices(pipeline: Pipeline, found: Reduction, memories: Mapping[str, Memory]) -> Choices:
    """What ``pipeline``, with its reduction, can do at once."""
    extents = {counter.name: counter.extent for counter in pipeline.counters}
    length = prod(extents[name] for name in found.over)
    if not separable(pipeline, found):
        return Choices(None, 1, (1,), any_order=False, length=length, iterations=pipeline.iterations)
    counter = max(broadcast(pipeline, found, memories), key=lambda name: extents[name], default=None)
    total = extents[counter] if counter is not None else 1
    any_order = interchangeable(pipeline, found)
    others = pipeline.iterations // length // total
    products = _products(pipeline, found, others, length, any_order=any_order)
    return Choices(counter, total, products, any_order, length, pipeline.iterations)


def _products(pipeline: Pipeline, found: Reduction, others: int, length: int, *, any_order: bool) -> tuple[int, ...]:
    """How many products of an output can be added up, or compared, at once, ascending, from 1.

    A chain that goes on in the next iteration needs the time that ``others``, outputs of other inputs, give it.
    """
    units = sum(operation.op in UNITS for operation in pipeline.operations if operation.name in found.core)
    if not found.outside or units > _UNITS:
        return (1,)
    if any_order:
        return sums(pipeline, found)
    time = min(others, _MOST_BETWEEN)
    return tuple(
        factor
        for factor in factors(pipeline)
        if factor <= _LONGEST_CHAIN and (factor in (1, length) or factor * _STEP <= time)
    )
