"""What one run of a configuration on a test set found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Evaluation", "Evaluator"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """``correct`` of ``images`` images are answered with their class (:class:`asnet.testbed.judging.Judge` says how).

    ``digest`` is the SHA-256 of all outputs, each NaN taken as the canonical quiet one; ``seconds`` the time it took.
    Everything but ``seconds`` depends on configuration, network, test set and float mode alone.

    With a ``verdict``, of a sequential test (:mod:`asnet.testbed.sequential`), evaluating ended when it was found:
    ``images`` are those that it took, ``accuracy`` is an estimate, and there is no digest.
    """

    correct: int
    images: int
    digest: str
    seconds: float = field(default=0.0, compare=False)
    verdict: bool | None = None

    @property
    def accuracy(self) -> float:
        """Share of correct answers, 0 to 1."""
        return self.correct / self.images


class Evaluator(Protocol):
    """Whatever can tell the accuracy of a configuration, a mapping of slot names to instance names."""

    def evaluate(self, configuration: Mapping[str, str], /) -> Evaluation:
        """Run ``configuration`` on the whole test set."""
        ...
