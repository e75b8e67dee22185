"""Long runs over many seeds: what fails is found, and what is done is not done again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.campaign import Campaign


def _odd_fails(seed: int) -> str:
    return "odd" if seed % 2 else ""


def _never(seed: int) -> str:
    raise AssertionError(seed)


def test_what_fails_is_found(capfd: pytest.CaptureFixture[str]) -> None:
    assert Campaign(_odd_fails, "things", 3).run(range(4), jobs=2) == {1: "odd", 3: "odd"}
    assert "12 things, 2 seeds fail" in capfd.readouterr().err


def test_a_run_goes_on(tmp_path: Path) -> None:
    """What the file holds of this revision is not run again; a line cut off by a kill, or another revision's, is."""
    state = tmp_path / "state.jsonl"
    assert Campaign(_odd_fails, "things").run(range(3), 1, state) == {1: "odd"}
    assert Campaign(_never, "things").run(range(3), 1, state) == {1: "odd"}
    lines = state.read_text().splitlines()
    other = json.dumps(json.loads(lines[1]) | {"revision": "before"})
    state.write_text(f"{lines[0]}\n{other}\n{lines[2][:20]}\n"[:-1])
    with pytest.raises(AssertionError):
        Campaign(_never, "things").run(range(3), 1, state)
    assert Campaign(_odd_fails, "things").run(range(3), 1, state) == {1: "odd"}


def test_totals(tmp_path: Path) -> None:
    state = tmp_path / "state.jsonl"
    campaign = Campaign(_odd_fails, "things", 24)
    campaign.run(range(3), 1, state)
    text = campaign.total(state)
    assert "72 things, 1 seeds fail" in text
    assert text.endswith("in all 72 things")
