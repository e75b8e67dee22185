"""The command line run in process, and the shipped example as its input."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from asnet.cli import main

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NETWORK = EXAMPLES / "networks" / "digits_dense.onnx"
DATA = EXAMPLES / "networks" / "digits_test.npz"


@dataclass(frozen=True)
class Ran:
    """Exit status, stdout and stderr of a command."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> object:
        return json.loads(self.out)


Cli = Callable[..., Ran]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> Ran:
        capsys.readouterr()
        try:
            status = main([str(word) for word in words])
        except SystemExit as stop:  # argparse
            status = stop.code if isinstance(stop.code, int) else 1
        captured = capsys.readouterr()
        return Ran(status, captured.out, captured.err)

    return run


@pytest.fixture
def constraints(tmp_path: Path) -> Callable[..., Path]:
    """Write a constraints file: a small one, with the given keys changed."""

    def write(**changes: object) -> Path:
        content: dict[str, object] = {
            "version": 1,
            "data": str(DATA),
            "units": {"fmul_trunc": {"op": "fmul", "params": {"p": {"ParamValues": [0, 20]}}}},
            "limits": {"accuracy": {"min": 0.9}},
            **changes,
        }
        path = tmp_path / "constraints.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return write
