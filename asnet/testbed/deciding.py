"""Evaluating configurations only until it is certain enough whether they keep an accuracy limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from asnet.ir.staged import Blob
from asnet.testbed.evaluation import Evaluation
from asnet.testbed.reuse import Kept
from asnet.testbed.sequential import SequentialTest
from asnet.testbed.testbed import TestBed

__all__ = ["Deciding"]

_BLOCK = 128
"""Images between two looks at the test, and what is kept together of earlier configurations."""


class Deciding:
    """An evaluator that stops at a verdict of ``test``; the images of ``bed`` in the order that the test's seed gives.

    Its evaluations have a verdict, the images that it took, and no digest. What layers computed for a block of images
    is kept as a test bed keeps it.
    """

    def __init__(self, bed: TestBed, test: SequentialTest) -> None:
        self._test = test
        self._staging = bed.shuffled(test.seed)
        data = self._staging.dataset
        self._images = len(data)
        step = max(1, _BLOCK // data.images_a_run)
        self._blocks = [slice(low, min(low + step, data.runs)) for low in range(0, data.runs, step)]
        self._kept: dict[int, Kept[int]] = {}
        self._most_kept = self._staging.runs_kept // step

    @classmethod
    def of(cls, recipe: Callable[[], TestBed], test: SequentialTest) -> Deciding:
        """For the test bed that ``recipe`` makes: picklable as ``partial(Deciding.of, recipe, test)``."""
        return cls(recipe(), test)

    def evaluate(self, configuration: Mapping[str, str], /) -> Evaluation:
        """Run ``configuration`` on images until there is a verdict; raises as :meth:`TestBed.evaluate`."""
        began = time.perf_counter()
        data, staging = self._staging.dataset, self._staging
        correct = asked = 0
        for number, block in enumerate(self._blocks):
            classes = data.y[block.start * data.images_a_run : block.stop * data.images_a_run]

            def judge(blobs: Sequence[Blob | None], classes: NDArray[np.int64] = classes) -> int:
                return staging.scoring.score(blobs, classes)[0]

            kept = self._kept.get(number)
            if kept is None:
                kept = staging.kept(block, remember=True, spare=0)
                if number < self._most_kept:
                    self._kept[number] = kept
            correct += staging.answer(kept, configuration, judge)
            asked += len(classes)
            verdict = self._test.verdict(correct, asked, self._images)
            if verdict is not None:
                break
        else:
            verdict = correct >= self._test.limit * self._images
        return Evaluation(correct, asked, "", time.perf_counter() - began, verdict)

    def evaluate_all(self, configurations: Iterable[Mapping[str, str]], /) -> Iterator[Evaluation]:
        """The evaluations of ``configurations``, one after the other."""
        return map(self.evaluate, configurations)
