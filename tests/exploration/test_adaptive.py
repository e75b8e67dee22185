"""Who evaluates: this process, or several, by the rule; the same results."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import pytest

from asnet.exploration import Adaptive, DesignSpace, adaptive
from asnet.testbed import Evaluation

from .conftest import FakeEvaluator


class Signed(FakeEvaluator):
    """Says in `images` which process evaluated, after a moment."""

    def evaluate(self, configuration: Mapping[str, str], /) -> Evaluation:
        time.sleep(0.002)
        return Evaluation(0, os.getpid(), super().evaluate(configuration).digest)


def processes(space: DesignSpace, order: list[int]) -> tuple[dict[int, Evaluation], set[int]]:
    executor = Adaptive(space, Signed(), Signed, 2)
    try:
        found = dict(executor.run(order))
    finally:
        executor.close()
    return found, {evaluation.images for evaluation in found.values()}


def test_one_process_for_little_work(space: DesignSpace) -> None:
    found, workers = processes(space, list(range(18))[::-1])
    assert sorted(found) == list(range(18)) and workers == {os.getpid()}


def test_processes_where_they_pay(space: DesignSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptive, "TRIAL", 0.003)
    monkeypatch.setattr(adaptive, "PAYS", 0.0)
    found, workers = processes(space, list(range(18)))
    assert sorted(found) == list(range(18)) and os.getpid() in workers and len(workers) >= 2
    expected = {position: FakeEvaluator().evaluate(space[position]).digest for position in range(18)}
    assert {position: evaluation.digest for position, evaluation in found.items()} == expected


def test_one_process_for_large_configurations(space: DesignSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptive, "TRIAL", 0.003)
    monkeypatch.setattr(adaptive, "PAYS", 0.0)
    monkeypatch.setattr(adaptive, "LARGE", 0.001)
    assert processes(space, list(range(18)))[1] == {os.getpid()}
