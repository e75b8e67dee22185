"""``--pass`` with a user's file: in the exploration, in what is saved of it, and refused when the file has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import DATA, NETWORK, Cli
from tests.passes.test_pass_files import GOOD

Constraints = Callable[..., Path]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "passes" / "mine.py"
    path.parent.mkdir()
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_what_is_explored_with_a_pass_stays_with_it(
    cli: Cli, constraints: Constraints, file: Path, tmp_path: Path
) -> None:
    ran = cli(
        "explore", NETWORK, constraints(), "-j", 1, "--pass", "passes/mine.py:Exact{op_type=Softmax}",
        "--save-best", "saved/best.json", "--json",
    )  # fmt: skip
    assert ran.status == 0, ran.err
    explored: Any = ran.json
    best = explored["configurations"][explored["best"]]
    saved = json.loads((tmp_path / "saved" / "best.json").read_text())
    assert [entry["pass"] for entry in saved["passes"]] == ["../passes/mine.py:Exact{op_type=Softmax,strict=false}"]
    for which in ("best", "saved/best.json"):
        found: Any = cli("eval", "--config", which, "--json").json
        assert sorted(found["configuration"]) == ["dense1.fmul", "dense2.fmul", "softmax.fdiv"]  # no softmax.fmul
        assert found["outputs"] == best["outputs"]
    made: Any = cli("synth", "--config", "best", "--images", 1, "--json").json
    assert made["cosimulation"]["differing"] == 0

    file.write_text(GOOD + "\n# another content\n", encoding="utf-8")
    for which in ("best", "saved/best.json"):
        ran = cli("eval", "--config", which)
        assert ran.status == 2
        assert f"mine.py:Exact': the file {str(file)!r} has changed (digest " in ran.err
        assert "…); explore again, or bring back what it was" in ran.err
    ran = cli("explore", NETWORK, constraints(), "-j", 1, "--pass", "passes/mine.py:Exact{op_type=Softmax}")
    assert ran.status == 2
    assert "different are the passes: " in ran.err and "(their contents differ)" in ran.err


def test_other_passes_are_another_study(cli: Cli, constraints: Constraints, file: Path) -> None:
    assert cli("explore", NETWORK, constraints(), "-j", 1).status == 0
    ran = cli("explore", NETWORK, constraints(), "-j", 1, "--pass", "passes/mine.py:Exact")
    assert ran.status == 2
    assert f"the passes: none in the study, {file}:Exact{{op_type=Softmax,strict=false}} now" in ran.err


def test_a_saved_configuration_may_be_written_by_hand(cli: Cli, file: Path, tmp_path: Path) -> None:
    content = {
        "version": 1,
        "network": {"path": str(NETWORK)},
        "passes": [{"pass": "passes/mine.py:Exact{op_type=Gemm}"}],
        "rules": [],
    }
    (tmp_path / "mine.json").write_text(json.dumps(content), encoding="utf-8")
    found: Any = cli("eval", "--config", "mine.json", "--data", DATA, "--json").json
    assert sorted(found["configuration"]) == ["softmax.fdiv", "softmax.fmul"]
