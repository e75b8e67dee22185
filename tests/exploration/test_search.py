"""Searches, executors and the driver."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

from asnet.errors import DataError, ToolError, UsageError
from asnet.exploration import DesignSpace, Exhaustive, InProcess, Processes, Random, Study, explore
from asnet.exploration.processes import _blocks  # pyright: ignore[reportPrivateUsage]
from asnet.testbed import Evaluation, Evaluator

from .conftest import SLOTS, FakeEvaluator, facts_of, slot


def positions(search: Exhaustive | Random, space: DesignSpace) -> list[int]:
    found = [p for batch in search.batches(space, {}) for p in batch]
    assert len(found) == search.total(space)
    return found


def test_exhaustive(space: DesignSpace) -> None:
    assert positions(Exhaustive(), space) == list(range(18))
    assert positions(Exhaustive(limit=4), space) == [0, 1, 2, 3]
    assert positions(Exhaustive(limit=99), space) == list(range(18))
    with pytest.raises(UsageError, match="a limit of 0 configurations evaluates nothing; give at least 1"):
        Exhaustive(limit=0).total(space)


def test_a_huge_space_needs_a_number() -> None:
    slots = [slot(f"l{i}", "Conv", "fmul") for i in range(5)]
    space = DesignSpace.of(slots, {"fmul_trunc": {"p": range(23)}}, granularity="layer")
    with pytest.raises(UsageError) as caught:
        Exhaustive().total(space)
    assert str(caught.value) == (
        "the design space has 6,436,343 configurations (23 x 23 x 23 x 23 x 23), more than 1,000,000; sample it with "
        "--search random --samples N, evaluate the first N with --limit N, or narrow it: fewer parameter values, "
        "rules, a coarser granularity"
    )
    assert Exhaustive(limit=5).total(space) == 5


def test_random_is_reproducible_and_never_repeats(space: DesignSpace) -> None:
    first = positions(Random(samples=10, seed=1), space)
    assert first == positions(Random(samples=10, seed=1), space) == sorted(set(first))
    assert first != positions(Random(samples=10, seed=2), space)
    assert positions(Random(samples=50), space) == list(range(18))
    with pytest.raises(UsageError, match="0 samples evaluate nothing"):
        Random(samples=0).total(space)


def test_the_driver_skips_what_is_stored_and_tells(tmp_path: Path, space: DesignSpace) -> None:
    told: list[tuple[int, int, str]] = []
    evaluator = FakeEvaluator()
    with Study.open(tmp_path / "a.study", facts_of(space)) as study:
        assert explore(study, Exhaustive(limit=5), InProcess(space, evaluator)) == 5
        done = explore(study, Exhaustive(), InProcess(space, evaluator), progress=lambda *report: told.append(report))
        assert (done, evaluator.calls, len(study.evaluations)) == (13, 18, 18)
    assert told[0] == (5, 18, "5 stored before")
    assert {total for _, total, _ in told} == {18} and told[-1][0] == 18
    assert [done for done, _, _ in told] == sorted({done for done, _, _ in told})
    assert told[-1][2].startswith("fmul: fmul_trunc(p=20), fdiv: fdiv_trunc(p=22): ")


class Failing:
    """Runs `action` at one configuration; a worker process builds its own."""

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action

    def evaluate(self, configuration: Mapping[str, str], /) -> Evaluation:
        if configuration["softmax.fdiv"] == "fdiv_trunc(p=22)" and configuration["conv1.fmul"] == "fmul_trunc(p=16)":
            self._action()
        return FakeEvaluator().evaluate(configuration)


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse() -> None:
    raise DataError("the data is gone")


def crash() -> None:
    raise ZeroDivisionError("a bug")


def no_evaluator() -> Evaluator:
    raise ToolError("no compiler")


def run(tmp_path: Path, space: DesignSpace, factory: Callable[[], Evaluator], jobs: int = 2) -> dict[int, Evaluation]:
    with Study.open(tmp_path / "p.study", facts_of(space)) as study:
        explore(study, Exhaustive(), Processes(space, factory, jobs))
        return dict(study.evaluations)


def test_two_processes_equal_one(tmp_path: Path, space: DesignSpace) -> None:
    expected = {position: FakeEvaluator().evaluate(space[position]) for position in range(18)}
    assert run(tmp_path, space, FakeEvaluator) == expected
    assert run(tmp_path, space, no_evaluator) == expected  # all stored: no worker is needed


def test_blocks_are_cut_where_a_slow_variable_changes() -> None:
    space = DesignSpace.of(SLOTS, {"fmul_trunc": {"p": range(23)}, "fdiv_trunc": {"p": range(23)}})
    blocks = _blocks(space, range(529), 2)
    assert [position for block in blocks for position in block] == list(range(529))
    assert {block[0] % 23 for block in blocks} == {0}
    sizes = [len(block) for block in blocks]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] <= 529 / 4 and sizes[-1] == 23
    assert list(_blocks(space, [], 2)) == []
    assert [list(block) for block in _blocks(space, [3, 500], 2)] == [[3], [500]]


def test_a_killed_worker_is_told_and_nothing_is_lost(tmp_path: Path, space: DesignSpace) -> None:
    with pytest.raises(ToolError) as caught:
        run(tmp_path, space, partial(Failing, kill))
    told = str(caught.value)
    assert "was killed by SIGKILL (the system kills processes when memory runs out); " in told
    assert told.endswith(
        "what had finished is stored: the same command goes on, with fewer processes if you say --jobs 1"
    )
    with Study.read(tmp_path / "p.study") as study:
        kept = dict(study.evaluations)
    assert 0 < len(kept) < 18
    assert kept.items() <= run(tmp_path, space, FakeEvaluator).items()


@pytest.mark.parametrize(
    ("factory", "kind", "expected"),
    [
        (partial(Failing, refuse), DataError, "the data is gone"),
        (partial(Failing, crash), RuntimeError, "ZeroDivisionError: a bug"),
        (no_evaluator, ToolError, "no compiler"),
    ],
    ids=["fault", "bug", "start"],
)
def test_faults_of_workers_reach_the_parent(
    tmp_path: Path, space: DesignSpace, factory: Callable[[], Evaluator], kind: type[Exception], expected: str
) -> None:
    with pytest.raises(kind, match=expected):
        run(tmp_path, space, factory)


class Interrupting:
    """Presses Ctrl-C while it is sent to a worker."""

    def __call__(self) -> Evaluator:
        return FakeEvaluator()

    def __reduce__(self) -> tuple[object, ...]:
        os.kill(os.getpid(), signal.SIGINT)
        return Interrupting, ()


def test_ctrl_c_while_a_worker_starts(space: DesignSpace, capfd: pytest.CaptureFixture[str]) -> None:
    """It waits until the worker knows all: a worker that is told a part ends with a traceback."""
    executor = Processes(space, Interrupting(), 2)
    with pytest.raises(KeyboardInterrupt):
        list(executor.run(range(18)))
    assert "Traceback" not in capfd.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_ctrl_c_stops_the_workers_and_keeps_results(tmp_path: Path, space: DesignSpace) -> None:
    executor = Processes(space, FakeEvaluator, 2)
    with Study.open(tmp_path / "i.study", facts_of(space)) as study:

        def interrupt(done: int, total: int, what: str) -> None:
            if done >= 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            explore(study, Exhaustive(), executor, progress=interrupt)
        assert executor._workers == []  # pyright: ignore[reportPrivateUsage]
        assert len(study.evaluations) >= 3
    assert len(run(tmp_path, space, FakeEvaluator)) == 18
