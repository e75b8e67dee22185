"""Choosing among evaluated configurations: the best within the limits, and the Pareto front."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from asnet.errors import NoFeasibleConfigurationError
from asnet.exploration.constraints import Limit
from asnet.exploration.costs import Cost
from asnet.testbed import Evaluation

__all__ = ["Result", "best", "pareto_front"]

_UNDECIDED = 1e-9
"""How far outside the limits an accuracy is at least that was found to be too small, whatever its estimate."""


@dataclass(frozen=True, slots=True)
class Result:
    """An evaluated configuration: its place in the design space, what was measured, what it costs.

    ``label`` is the configuration in one line. ``bound``: the accuracy that verdicts are about, where there are any.
    """

    position: int
    label: str
    evaluation: Evaluation
    cost: Cost = field(default_factory=Cost)
    bound: float | None = None

    @property
    def accuracy(self) -> float:
        """Share of correct answers, 0 to 1; with a verdict an estimate."""
        return self.evaluation.accuracy

    @property
    def known_accuracy(self) -> float | None:
        """The accuracy on all images; with a verdict what is known of it: at least ``bound``, or nothing."""
        if self.evaluation.verdict is None:
            return self.evaluation.accuracy
        return self.bound if self.evaluation.verdict else None

    def value(self, objective: str) -> float | None:
        """The value of ``accuracy`` (as far as known), ``area`` or ``delay``; None if it is unknown."""
        values = {"accuracy": self.known_accuracy, "area": self.cost.area, "delay": self.cost.delay}
        return values[objective]

    def loss(self, objective: str) -> float:
        """What is to be small: the objective, or its negative if it is to be large; infinite if unknown."""
        value = self.value(objective)
        if value is None:
            return math.inf
        return -value if objective == "accuracy" else value


def best(results: Iterable[Result], objectives: Sequence[str], limits: Mapping[str, Limit]) -> Result:
    """The best of the results within ``limits``.

    Objectives without a limit decide first, in their order, then those with one; among equals the first in the order
    of the design space. An unknown value satisfies no limit and is worse than any known one.

    Raises:
        NoFeasibleConfigurationError: nothing was evaluated, or no result is within the limits; names the nearest.
    """
    candidates = list(results)
    if not candidates:
        raise NoFeasibleConfigurationError("no configuration has been evaluated yet; run `asnet explore` first")
    feasible = [result for result in candidates if _distance(result, limits) == 0]
    if not feasible:
        raise NoFeasibleConfigurationError(_nearest(candidates, limits))
    free = [objective for objective in objectives if objective not in limits]
    order = [*free, *(name for name in objectives if name in limits), *(n for n in limits if n not in objectives)]
    return min(feasible, key=lambda result: (*(result.loss(objective) for objective in order), result.position))


def pareto_front(results: Iterable[Result], objectives: Sequence[str]) -> list[Result]:
    """The results that no other one beats: none is at least as good in all objectives and better in one.

    Those that were found to be below an accuracy limit are left out; those found to be above it count as just there.
    Of results that are equal in all objectives the first in the order of the design space stays. Sorted by the
    objectives.
    """
    keyed = sorted(
        (
            (tuple(result.loss(objective) for objective in objectives), result.position, result)
            for result in results
            if result.evaluation.verdict is not False
        ),
        key=lambda item: item[:2],
    )
    front: list[Result] = []
    kept: list[tuple[float, ...]] = []  # what of the front may beat later ones: none is beaten in all but the first
    for losses, _, result in keyed:
        rest = losses[1:]
        if not any(all(map(operator.le, other, rest)) for other in kept):
            front.append(result)
            kept = [other for other in kept if not all(map(operator.le, rest, other))]
            kept.append(rest)
    return front


def _distance(result: Result, limits: Mapping[str, Limit]) -> float:
    """How far outside the limits: the sum of the relative excesses; 0 within, infinite with an unknown value."""
    total = 0.0
    for objective, limit in limits.items():
        value = result.value(objective)
        if value is None and objective == "accuracy":
            value, total = result.accuracy, total + _UNDECIDED
        if value is None:
            return math.inf
        for excess, bound in ((limit.min, 1.0), (limit.max, -1.0)):
            if excess is not None and (missing := bound * (excess - value)) > 0:
                total += missing / (abs(excess) or 1.0)
    return total


def _nearest(candidates: Sequence[Result], limits: Mapping[str, Limit]) -> str:
    wanted = ", ".join(f"{objective} {limit}" for objective, limit in limits.items())
    costs = [name for name in limits if name != "accuracy"]
    unknown = [name for name in costs if all(result.value(name) is None for result in candidates)]
    if unknown:
        return (
            f"no configuration is known to have {wanted}: the {' and '.join(unknown)} of the units is unknown; "
            "install yosys (`asnet doctor` says how), or remove the limit"
        )
    nearest = min(candidates, key=lambda result: (_distance(result, limits), result.position))
    known = {name: nearest.accuracy if name == "accuracy" else nearest.value(name) for name in limits}
    values = ", ".join(f"{name} {value:.6g}" for name, value in known.items() if value is not None)
    return (
        f"none of the {len(candidates)} evaluated configurations has {wanted}; the nearest is {nearest.label} "
        f"with {values}; relax the limits or offer other units"
    )
