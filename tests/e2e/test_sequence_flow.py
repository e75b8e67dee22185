"""A network that reads words (int64, two dynamic axes, an LSTM, one probability) from exploring to hardware."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from asnet.cli import main

SENTENCES = Path(__file__).resolve().parents[2] / "examples" / "sentences"
NETWORK, DATA = SENTENCES / "sentences.onnx", SENTENCES / "sentences_test.npz"

Cli = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command with --json in an empty folder: status, result, talk."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, Any, str]:
        capsys.readouterr()
        status = main([*map(str, words), "--json"])
        captured = capsys.readouterr()
        return status, json.loads(captured.out) if status == 0 else None, captured.err

    return run


@pytest.fixture
def constraints(tmp_path: Path) -> Path:
    path = tmp_path / "constraints.json"
    units = {
        "fmul_trunc": {"op": "fmul", "params": {"p": {"ParamValues": [0, 20]}}},
        "fdiv_trunc": {"op": "fdiv", "params": {"p": 20}},
    }
    path.write_text(json.dumps({"version": 1, "data": str(DATA), "units": units, "limits": {"accuracy": {"min": 0.9}}}))
    return path


def test_exact_is_onnxruntime(cli: Cli) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="the reference")
    status, found, talk = cli("eval", NETWORK, "--config", "exact", "--data", DATA, "--shape", "length=12")
    assert status == 0
    assert "output 'liked' is one value: class 1 above 0.5, else class 0" in talk
    session = runtime.InferenceSession(NETWORK, providers=["CPUExecutionProvider"])
    with np.load(DATA) as data:
        (liked,) = session.run(["liked"], {"words": data["words"]})
        assert found["accuracy"] == np.mean((liked[:, 0] > 0.5) == data["y"])


def test_the_shapes_of_an_exploration_are_those_of_its_hardware(cli: Cli, constraints: Path, tmp_path: Path) -> None:
    shape = ("--shape", "length=12")
    status, explored, _ = cli(
        "explore", NETWORK, constraints, "-j", 1, "--images", 40, *shape, "--save-best", "best.json"
    )
    assert status == 0 and explored["images"] == 40
    saved = json.loads((tmp_path / "best.json").read_text())
    assert saved["network"]["shapes"] == {"length": [12]}
    best = explored["configurations"][explored["best"]]

    status, made, _ = cli("synth", "--config", "best", "--images", 1)
    assert status == 0 and made["cosimulation"]["differing"] == 0
    assert {"embedded", "state", "liked"} <= set(made["cosimulation"]["memories"])
    assert set(made["configuration"].values()) == {"fmul_trunc(p=20)", "fdiv_trunc(p=20)"}

    status, found, _ = cli("eval", "--config", "best.json", "--images", 40)
    assert status == 0 and found["outputs"] == best["outputs"]
    status, _, talk = cli("eval", "--config", "best", *shape)
    assert (status, talk) == (
        2,
        "asnet: error: --config best takes the study's own network, shapes and float mode; leave yours out\n",
    )
    status, _, talk = cli("explore", NETWORK, constraints, "-j", 1, "--images", 40, "--shape", "words=1x12")
    assert status == 2
    assert "the shapes: length=12 in the study, words=1x12 now" in talk


def test_a_shape_that_is_missing_is_told(cli: Cli, constraints: Path) -> None:
    status, _, talk = cli("explore", NETWORK, constraints)
    assert status == 2
    assert "input 'words': axis 1 ('length') is dynamic; say how large with --shape length=? (a number" in talk
    status, _, talk = cli("explore", NETWORK, constraints, "--shape", "lenght=12")
    assert status == 2
    assert "shape lenght=12: no input and no axis of one is called 'lenght'; did you mean 'length'?" in talk
    status, _, talk = cli("explore", NETWORK, constraints, "--shape", "length=12", "--shape", "length=13")
    assert (status, talk) == (2, "asnet: error: --shape length=… is given 2 times; give it once\n")


@pytest.mark.parametrize("text", ["length", "=12", "length=", "length=a", "length=3x", "length=-4"])
def test_a_shape_that_cannot_be_read(
    cli: Cli, constraints: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        cli("explore", NETWORK, constraints, "--shape", text)
    assert stop.value.code == 2
    assert f"argument --shape: {text!r} is not written like seq=16, or like image=1x3x32x32" in capsys.readouterr().err


def test_a_fixed_batch_runs_and_synthesises(cli: Cli, constraints: Path, tmp_path: Path) -> None:
    """The same network, exported for 4 sentences of 12 words at a time: the same answers, whole runs."""
    model = onnx.load(NETWORK)
    for value, extents in ((model.graph.input[0], (4, 12)), (model.graph.output[0], (4, 1))):
        for dim, extent in zip(value.type.tensor_type.shape.dim, extents, strict=True):
            dim.dim_value = extent
    onnx.save(model, tmp_path / "four.onnx")
    with np.load(DATA) as data:
        np.savez(tmp_path / "some.npz", words=data["words"][:42], y=data["y"][:42])
    options = ("--config", "exact", "--data", "some.npz")
    status, four, talk = cli("eval", "four.onnx", *options)
    assert status == 0 and four["images"] == 40
    assert "the last 2 images are left out: network 'four' takes 4 at a time" in talk
    status, one, _ = cli("eval", NETWORK, *options, "--shape", "length=12", "--images", 40)
    assert status == 0 and (one["accuracy"], one["outputs"]) == (four["accuracy"], four["outputs"])
    status, made, _ = cli("synth", "four.onnx", *options, "--images", 1)
    assert status == 0 and (made["cosimulation"]["images"], made["cosimulation"]["differing"]) == (4, 0)


def test_one_of_several_outputs(cli: Cli, tmp_path: Path) -> None:
    model = onnx.load(NETWORK)
    model.graph.output.append(onnx.helper.make_tensor_value_info("opinion", onnx.TensorProto.FLOAT, ["N", 1]))
    onnx.save(model, tmp_path / "both.onnx")
    options = ("--config", "exact", "--data", DATA, "--shape", "length=12", "--images", 40)
    status, both, talk = cli("eval", "both.onnx", *options)
    assert status == 0
    assert "judged by 'liked', the first of the outputs liked, opinion; choose with --output" in talk
    status, found, talk = cli("eval", "both.onnx", *options, "--output", "opinion")
    assert status == 0 and found["accuracy"] == both["accuracy"]
    assert "output 'opinion' is one value: class 1 above 0, else class 0" in talk
    assert "sigmoid.fmul" not in found["configuration"]
    status, _, talk = cli("eval", "both.onnx", *options, "--output", "opinoin")
    assert (status, talk) == (2, "asnet: error: both.onnx: no output 'opinoin'; did you mean 'opinion'?\n")


def test_quantising_takes_the_same_options(cli: Cli, tmp_path: Path) -> None:
    model = onnx.load(NETWORK)
    model.graph.output.append(onnx.helper.make_tensor_value_info("opinion", onnx.TensorProto.FLOAT, ["N", 1]))
    onnx.save(model, tmp_path / "both.onnx")
    command = ("quantize", "both.onnx", "--data", DATA, "--images", 20, "-o", "q.onnx", "--output", "opinion")
    status, _, talk = cli(*command)
    assert status == 2 and "say how large with --shape length=?" in talk
    status, _, talk = cli(*command, "--shape", "length=12")
    assert status == 0, talk
    assert [value.name for value in onnx.load(tmp_path / "q.onnx").graph.output] == ["opinion"]
    status, found, _ = cli("eval", "q.onnx", "--config", "exact", "--data", DATA, "--shape", "length=12")
    assert status == 0 and found["accuracy"] > 0.98
