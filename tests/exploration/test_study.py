"""The study file: what it keeps, what it refuses, and that nothing stored is ever lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from asnet.errors import NoFeasibleConfigurationError, OutputError, StudyError
from asnet.exploration import (
    Cost,
    DesignSpace,
    Exhaustive,
    InProcess,
    Limit,
    Study,
    best,
    explore,
    pareto_front,
)
from asnet.testbed import Evaluation, SequentialTest

from .conftest import SLOTS, FakeEvaluator, facts_of

ONE = Evaluation(3, 4, "ab", 0.5)


def text_of(path: Path, space: DesignSpace, *, fresh: bool = False, **changes: object) -> str:
    with pytest.raises(StudyError) as caught:
        Study.open(path, facts_of(space, **changes), fresh=fresh)
    return str(caught.value)


def test_round_trip(tmp_path: Path, space: DesignSpace) -> None:
    path = tmp_path / "sub" / "net.study"
    costs = {
        ("fmul", "f32", "fmul_trunc(p=0)"): Cost(100.0, 2.5),
        ("fdiv", "f32", "fdiv_trunc(p=20)"): Cost(50.0, None),
    }
    with Study.open(path, facts_of(space, constraints=Path("c.json"), constraints_text="{}")) as study:
        study.add(4, ONE)
        study.add(1, Evaluation(4, 4, "cd", 0.25))
        study.set_costs(costs)
        assert list(study.evaluations) == [4, 1]
    assert [p.name for p in path.parent.iterdir()] == ["net.study"]
    with Study.read(path) as study:
        assert study.facts == facts_of(space, constraints=Path("c.json"), constraints_text="{}")
        assert dict(study.evaluations) == {1: Evaluation(4, 4, "cd"), 4: ONE}
        assert study.evaluations[4].seconds == 0.5
        assert study.costs == costs
        assert [study.space[p] for p in (1, 4)] == [space[1], space[4]]
        results = study.results()
    assert [r.position for r in results] == [1, 4]
    assert results[0].label == "fmul: fmul_trunc(p=0), fdiv: fdiv_trunc(p=20)"
    assert (results[0].accuracy, results[0].cost) == (1.0, Cost(150.0, None))
    assert results[1].cost == Cost(None, None)


def test_verdicts(tmp_path: Path, space: DesignSpace) -> None:
    """A decided evaluation comes back as one; its accuracy is what was decided, or unknown."""
    test = SequentialTest(0.9, 0.05)
    path = tmp_path / "net.study"
    kept, dropped = Evaluation(99, 100, "", 0.5, True), Evaluation(89, 100, "", 0.5, False)
    with Study.open(path, facts_of(space, decide=test)) as study:
        study.add_all([(0, kept), (1, dropped), (2, Evaluation(240, 256, "cd"))])
    with Study.read(path) as study:
        assert study.facts.decide == test
        assert dict(study.evaluations) == {0: kept, 1: dropped, 2: Evaluation(240, 256, "cd")}
        results = study.results()
    assert [result.value("accuracy") for result in results] == [0.9, None, 240 / 256]
    limits = {"accuracy": Limit(min=0.9)}
    assert best(results[:2], ["accuracy"], limits).position == 0
    with pytest.raises(NoFeasibleConfigurationError, match=r"none of the 1 .* nearest is .* with accuracy 0\.89"):
        best(results[1:2], ["accuracy"], limits)
    with pytest.raises(NoFeasibleConfigurationError):
        best([replace(results[1], evaluation=Evaluation(95, 100, "", 0.5, False))], ["accuracy"], limits)
    assert [result.position for result in pareto_front(results, ["accuracy"])] == [2]
    assert text_of(path, space).startswith(
        f"study {str(path)!r} belongs to other inputs; different are the sequential test: accuracy >= 0.9 at a risk of "
        "0.05 outside of 0.89 to 0.91, images in the order of seed 0 in the study, none now. "
    )


def test_positions_beyond_64_bits(tmp_path: Path, space: DesignSpace) -> None:
    from .conftest import slot

    slots = [slot(f"l{i}", "Conv", "fmul") for i in range(40)]
    huge = DesignSpace.of(slots, {"fmul_trunc": {"p": range(23)}}, granularity="layer")
    with Study.open(tmp_path / "h.study", facts_of(huge)) as study:
        study.add(23**40 - 1, ONE)
    with Study.read(tmp_path / "h.study") as study:
        assert list(study.evaluations) == [23**40 - 1]


def test_resumes_only_with_the_same_inputs(tmp_path: Path, space: DesignSpace) -> None:
    path = tmp_path / "net.study"
    with Study.open(path, facts_of(space)) as study:
        study.add(0, ONE)
    end = ". Continue with the inputs it was made from, write another study with --study FILE, or start it anew with "
    end += "--fresh"
    here = Path.cwd()
    start = f"study {str(path)!r} belongs to other inputs; different are "
    assert text_of(path, space, network_digest="dd" * 32) == (
        f"{start}the network: {here}/net.onnx in the study, {here}/net.onnx now (their contents differ){end}"
    )
    assert text_of(path, space, data=Path("/d.npz"), data_digest="x", images=9) == (
        f"{start}the test set: {here}/test.npz (256 images) in the study, /d.npz (9 images) now{end}"
    )
    assert text_of(path, space, backend="auto") == f"{start}the backend: golden in the study, auto now{end}"
    other = DesignSpace.of(SLOTS, {"fmul_trunc": {"p": [1]}})
    assert text_of(path, other) == (
        f"{start}the constraints: fmul of 6, fdiv of 3 in the study, fmul of 1, fdiv of 1 now{end}"
    )
    assert text_of(path, space, program="x", version="0.2") == (
        f"{start}the compiled network: ASNet 0.1.0 made the study, this is 0.2{end}"
    )
    with Study.open(path, facts_of(space, network=Path("moved.onnx"), constraints_text="other limits")) as study:
        assert list(study.evaluations) == [0]
    with Study.open(path, facts_of(space, backend="auto"), fresh=True) as study:
        assert list(study.evaluations) == []


def test_damaged_and_foreign_files(tmp_path: Path, space: DesignSpace) -> None:
    path = tmp_path / "net.study"
    path.write_bytes(b"not a database" * 100)
    assert text_of(path, space).startswith(f"{str(path)!r} is not a study of ASNet: no SQLite file; name another one")
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("create table precious (x)")
    other.close()
    expected = "is an SQLite file, but not a study of ASNet; name another one with --study FILE"
    assert expected in text_of(tmp_path / "other.db", space)
    assert "is not a study of ASNet and stays" in text_of(tmp_path / "other.db", space, fresh=True)
    with Study.open(path, facts_of(space), fresh=True) as study:
        for position in range(18):
            study.add(position, ONE)
    whole = path.read_bytes()
    for cut in (len(whole) // 2, 150, 5000):
        path.write_bytes(whole[:cut])
        assert f"study {str(path)!r} is damaged: " in text_of(path, space)
    page = bytearray(whole)
    page[4096 * 2 : 4096 * 2 + 2000] = bytes(2000)
    path.write_bytes(page)
    with pytest.raises(StudyError, match="is damaged"), Study.read(path) as study:
        study.results()
    path.write_bytes(b"")  # as an editor or a full disk leaves it
    with Study.open(path, facts_of(space)) as study:
        assert not study.evaluations
    with pytest.raises(StudyError, match=r"no study '.*none.study'; make it with `asnet explore`"):
        Study.read(tmp_path / "none.study")


def test_a_later_format_is_refused(tmp_path: Path, space: DesignSpace) -> None:
    path = tmp_path / "net.study"
    Study.open(path, facts_of(space)).close()
    with sqlite3.connect(path) as database:
        database.execute("pragma user_version = 7")
    database.close()
    assert text_of(path, space) == (
        f"study {str(path)!r} has format 7, this ASNet knows format 2; start it anew with --fresh"
    )


def test_one_writer_at_a_time(tmp_path: Path, space: DesignSpace) -> None:
    path = tmp_path / "net.study"
    with Study.open(path, facts_of(space)) as study:
        study.add(0, ONE)
        expected = (
            f"study {str(path)!r} is in use by another process (pid {os.getpid()}); wait until it has finished, or "
            "write another study with --study FILE"
        )
        assert text_of(path, space) == expected
        assert text_of(path, space, fresh=True) == expected
        with Study.read(path) as reader:
            assert list(reader.evaluations) == [0]
    Study.open(path, facts_of(space)).close()


def test_unwritable_folders(space: DesignSpace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*net.study-lock'.*; choose another folder with --study FILE"):
        Study.open(tmp_path / "file" / "net.study", facts_of(space))


def test_a_full_disk_keeps_what_was_stored(tmp_path: Path, space: DesignSpace) -> None:
    path = tmp_path / "net.study"
    with Study.open(path, facts_of(space)) as study:
        study.add(0, ONE)
        study._database.execute("pragma max_page_count = 1")  # pyright: ignore[reportPrivateUsage]
        with pytest.raises(OutputError, match=r"cannot write study .*: database or disk is full; free space"):
            for position in range(1, 18):
                study.add(position, Evaluation(1, 4, "x" * 4000))
        kept = dict(study.evaluations)
        assert kept[0] == ONE and len(kept) < 18
    with Study.read(path) as study:
        assert dict(study.evaluations) == kept


SLOW = """
import sys, time
sys.path.insert(0, {folder!r})
from pathlib import Path
from asnet.exploration import DesignSpace, Exhaustive, InProcess, Study, explore
from explore_fixtures import SLOTS, FakeEvaluator, facts_of
class Slow(FakeEvaluator):
    def evaluate(self, configuration):
        time.sleep(0.02)
        return super().evaluate(configuration)
space = DesignSpace.of(SLOTS, {{"fmul_trunc": {{"p": range(0, 23, 4)}}, "fdiv_trunc": {{"p": [0, 20, 22]}}}})
with Study.open(Path({path!r}), facts_of(space)) as study:
    explore(study, Exhaustive(), InProcess(space, Slow()), progress=lambda done, total, what: print(done, flush=True))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_goes_on_where_it_stopped(
    tmp_path: Path, space: DesignSpace, number: signal.Signals
) -> None:
    (tmp_path / "explore_fixtures.py").write_text((Path(__file__).parent / "conftest.py").read_text())
    path = tmp_path / "net.study"
    script = textwrap.dedent(SLOW).format(folder=str(tmp_path), path=str(path))
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    seen = 0
    while seen < 5:
        seen = int(process.stdout.readline())
    process.send_signal(number)
    rest = process.stdout.read().split()
    process.wait(timeout=20)
    process.stdout.close()
    told = int(rest[-1]) if rest else seen
    with Study.read(path) as study:
        kept = dict(study.evaluations)
    assert told <= len(kept) < 18  # what was told is stored
    evaluator = FakeEvaluator()
    with Study.open(path, facts_of(space)) as study:
        made = explore(study, Exhaustive(), InProcess(space, evaluator))
        everything = dict(study.evaluations)
    assert made == evaluator.calls == 18 - len(kept)
    assert everything == {p: FakeEvaluator().evaluate(space[p]) for p in range(18)}
