"""Stopping early: a sequential test of whether an accuracy is at least a limit, on images in a shuffled order.

Wald's sequential probability ratio test (A. Wald, "Sequential Tests of Statistical Hypotheses", 1945) of the accuracies
p0 = limit - margin and p1 = limit + margin. After c right and w wrong answers the logarithm of the likelihood ratio is

    L = c ln(p1 / p0) + w ln((1 - p1) / (1 - p0))

and the test ends with "at least the limit" when L >= ln(1 / risk), with "below" when L <= -ln(1 / risk). Under p0 (or
less) exp(L) is a supermartingale that starts at 1, so that it ever reaches 1 / risk with probability risk at most
(Ville's inequality); under p1 (or more) the same holds for exp(-L). These bounds are a little wider than Wald's
approximations, and the error stays within ``risk`` whenever and however often one looks. Between p0 and p1, the region
of indifference, either verdict may come.

A test set is finite: where the rest of it cannot change the verdict, the verdict is certain, and so it is after the
last image.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from asnet.errors import UsageError

__all__ = ["SequentialTest"]

_WRITTEN: Final = re.compile(r"\s*accuracy\s*>=\s*([0-9]*\.?[0-9]+(?:[eE]-?[0-9]+)?)\s*(%?)\s*")


@dataclass(frozen=True)
class SequentialTest:
    """Is the accuracy at least ``limit``? Wrong with a probability of at most ``risk``, if it is not within ``margin``
    of the limit.

    ``margin`` is cut where p0 or p1 would leave 0..1. ``seed`` gives the order of the images.

    Raises:
        UsageError: a value that makes no sense.
    """

    limit: float
    risk: float = 0.01
    margin: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, highest in (
            ("limit", self.limit, 1.0),
            ("risk", self.risk, 0.5),
            ("margin", self.margin, 1.0),
        ):
            if not 0 < value < highest:
                raise UsageError(
                    f"a {name} of {value:g} makes no sequential test; give more than 0, less than {highest:g}"
                )

    @classmethod
    def parse(cls, text: str, *, risk: float = 0.01, margin: float = 0.01) -> SequentialTest:
        """The test that ``text`` means: ``accuracy>=0.97``, or ``accuracy>=97%``.

        Raises:
            UsageError: it is written otherwise, or as above.
        """
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise UsageError(f"cannot decide {text!r}; write it like accuracy>=0.97")
        return cls(float(found[1]) / (100 if found[2] else 1), risk, margin)

    @property
    def hypotheses(self) -> tuple[float, float]:
        """p0 and p1."""
        margin = min(self.margin, (1 - self.limit) / 2, self.limit / 2)
        return self.limit - margin, self.limit + margin

    def verdict(self, correct: int, asked: int, images: int) -> bool | None:
        """Whether the accuracy is at least the limit, after ``asked`` of ``images`` images; None: go on."""
        if correct >= self.limit * images:
            return True
        if correct + images - asked < self.limit * images:
            return False
        below, above = self.hypotheses
        ratio = correct * math.log(above / below) + (asked - correct) * math.log((1 - above) / (1 - below))
        bound = -math.log(self.risk)
        return True if ratio >= bound else False if ratio <= -bound else None

    def __str__(self) -> str:
        below, above = self.hypotheses
        return (
            f"accuracy >= {self.limit:g} at a risk of {self.risk:g} outside of {below:.6g} to {above:.6g}, images in "
            f"the order of seed {self.seed}"
        )
