"""Who runs the evaluations: this process, or several processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from asnet.exploration.space import DesignSpace
from asnet.testbed import Evaluation, Evaluator

__all__ = ["Executor", "InProcess"]


class Executor(Protocol):
    """Evaluates positions of a design space and hands the results back as they finish, in any order."""

    def run(self, positions: Sequence[int]) -> Iterator[tuple[int, Evaluation]]:
        """Evaluate ``positions``; neighbours should be evaluated one after the other, they share work."""
        ...

    def close(self) -> None:
        """Let go of processes and memory; cheap to repeat."""
        ...


class InProcess:
    """Evaluates in this process, in the order given."""

    def __init__(self, space: DesignSpace, evaluator: Evaluator) -> None:
        self._space = space
        self._evaluator = evaluator

    def run(self, positions: Sequence[int]) -> Iterator[tuple[int, Evaluation]]:
        """Evaluate ``positions`` one after the other."""
        for position in positions:
            yield position, self._evaluator.evaluate(self._space[position])

    def close(self) -> None:
        """Nothing to let go of."""
