"""Which configurations of a design space are evaluated, and in which order."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from asnet.errors import UsageError
from asnet.exploration.space import DesignSpace
from asnet.testbed import Evaluation

__all__ = ["MOST_WITHOUT_LIMIT", "Exhaustive", "Random", "Search"]

MOST_WITHOUT_LIMIT = 1_000_000
"""Most configurations that are evaluated without being asked for by number."""


class Search(Protocol):
    """A strategy. How to write one: a frozen dataclass whose fields are its options, with two methods.

    `batches` yields positions of the space, batch by batch; a batch is evaluated completely before the next is asked
    for, and ``results`` (position → evaluation, kept up to date) then holds all of it. Positions that were evaluated
    before, in an interrupted run, may be yielded again: they cost nothing. The same space and results must give the
    same batches, so that an interrupted search goes on as if it had not been.
    """

    name: ClassVar[str]

    def total(self, space: DesignSpace) -> int:
        """How many positions `batches` will yield, at most.

        Raises:
            UsageError: the options do not fit the space.
        """
        ...

    def batches(self, space: DesignSpace, results: Mapping[int, Evaluation]) -> Iterator[Sequence[int]]:
        """Yield the positions to evaluate."""
        ...


@dataclass(frozen=True)
class Exhaustive:
    """Every configuration in the order of the space; with ``limit``, the first so many."""

    name: ClassVar[str] = "exhaustive"
    limit: int | None = None

    def total(self, space: DesignSpace) -> int:
        """The size of the space, or the limit.

        Raises:
            UsageError: the space is huge and there is no limit, or the limit is below 1.
        """
        if self.limit is None and space.size > MOST_WITHOUT_LIMIT:
            factors = " x ".join(str(len(variable.candidates)) for variable in space.variables)
            raise UsageError(
                f"the design space has {_count(space.size)} configurations ({factors}), more than "
                f"{MOST_WITHOUT_LIMIT:,}; sample it with --search random --samples N, evaluate the first N with "
                "--limit N, or narrow it: fewer parameter values, rules, a coarser granularity"
            )
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"a limit of {self.limit} configurations evaluates nothing; give at least 1")
        return space.size if self.limit is None else min(self.limit, space.size)

    def batches(self, space: DesignSpace, results: Mapping[int, Evaluation]) -> Iterator[Sequence[int]]:
        """All at once: the order is what lets neighbours share work."""
        yield range(self.total(space))


@dataclass(frozen=True)
class Random:
    """``samples`` different configurations, uniformly; the same ``seed`` gives the same ones."""

    name: ClassVar[str] = "random"
    samples: int = 100
    seed: int = 0

    def total(self, space: DesignSpace) -> int:
        """The number of samples, or the size of a smaller space.

        Raises:
            UsageError: ``samples`` is below 1.
        """
        if self.samples < 1:
            raise UsageError(f"{self.samples} samples evaluate nothing; give at least 1")
        return min(self.samples, space.size)

    def batches(self, space: DesignSpace, results: Mapping[int, Evaluation]) -> Iterator[Sequence[int]]:
        """All at once, sorted, so that neighbours share work."""
        generator = random.Random(self.seed)
        wanted = self.total(space)
        chosen: set[int] = set(range(space.size)) if wanted == space.size else set()
        while len(chosen) < wanted:
            chosen.add(generator.randrange(space.size))
        yield sorted(chosen)


def _count(size: int) -> str:
    return f"{size:,}" if size < 10**12 else f"about 10^{len(str(size)) - 1}"
