"""Who runs the evaluations: this process, or several processes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from asnet.exploration.space import DesignSpace
from asnet.testbed import Evaluation, Evaluator

__all__ = ["Executor", "InProcess", "evaluations"]


class Executor(Protocol):
    """Evaluates positions of a design space and hands the results back as they finish, in any order."""

    def run(self, positions: Sequence[int]) -> Iterator[tuple[int, Evaluation]]:
        """Evaluate ``positions``; neighbours should be evaluated one after the other, they share work."""
        ...

    def close(self) -> None:
        """Let go of processes and memory; cheap to repeat."""
        ...


@runtime_checkable
class _Together(Protocol):
    """An evaluator that gains from knowing several configurations."""

    def evaluate_all(self, configurations: Iterable[Mapping[str, str]], /) -> Iterator[Evaluation]: ...


def evaluations(space: DesignSpace, evaluator: Evaluator, positions: Iterable[int]) -> Iterator[tuple[int, Evaluation]]:
    """``positions`` with their evaluations, one after the other."""
    if isinstance(evaluator, _Together):
        wanted, asked = itertools.tee(positions)
        yield from zip(wanted, evaluator.evaluate_all(space[position] for position in asked), strict=True)
    else:
        for position in positions:
            yield position, evaluator.evaluate(space[position])


class InProcess:
    """Evaluates in this process, in the order of the space."""

    def __init__(self, space: DesignSpace, evaluator: Evaluator) -> None:
        self._space = space
        self._evaluator = evaluator

    def run(self, positions: Sequence[int]) -> Iterator[tuple[int, Evaluation]]:
        """Evaluate ``positions`` one after the other."""
        return evaluations(self._space, self._evaluator, sorted(positions))

    def close(self) -> None:
        """Nothing to let go of."""
