"""From an ONNX file to co-simulated Verilog, through the command line and the shipped programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asnet.cli import main
from asnet.tools import verilator

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = ROOT / "examples" / "networks"
DIGITS = NETWORKS / "digits_test.npz"
SHARED_DATA = Path(os.environ.get("ASNET_DATA", ROOT.parent / "shared" / "data"))

CONSTRAINTS = {
    "version": 1,
    "data": str(DIGITS),
    "units": {
        "fmul_trunc": {"op": "fmul", "params": {"p": {"ParamValues": [0, 20]}}},
        "fdiv_trunc": {"op": "fdiv", "params": {"p": {"ParamValues": [0, 22]}}},
    },
    "limits": {"accuracy": {"min": 0.96}},
}


def json_of(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    """The JSON that a command prints; it must succeed."""
    capsys.readouterr()
    status = main([*(str(word) for word in words), "--json"])
    captured = capsys.readouterr()
    assert status == 0, captured.err
    return json.loads(captured.out)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "constraints.json").write_text(json.dumps(CONSTRAINTS))
    return tmp_path


@pytest.mark.parametrize(("name", "images"), [("digits_dense", 20), ("digits_conv", 4)])
def test_explored_then_synthesised(name: str, images: int, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    explored = json_of(capsys, "explore", NETWORKS / f"{name}.onnx", "constraints.json", "-j", 1)
    best = explored["configurations"][explored["best"]]
    made = json_of(capsys, "synth", "--config", "best", "--images", images)

    assert made["cosimulation"]["images"] == images
    assert made["cosimulation"]["differing"] == 0
    assert made["cosimulation"]["cycles_max"] > 0
    assert set(made["configuration"].values()) == set(best["choices"].values())
    for unit, digest in made["units"].items():
        assert explored["units"][unit] == digest  # what was explored is what was synthesised

    design = folder / f"{name}_rtl"
    top = (design / "rtl" / f"{made['design']['top']}.v").read_text()
    for digest in made["units"].values():
        assert digest in top
    for unit_file in (design / "units").iterdir():
        shipped = ROOT / "verilog" / unit_file.name
        assert unit_file.read_bytes() == shipped.read_bytes()  # the very same text
    sources = sorted(str(path) for path in design.rglob("*.v"))
    good, log = verilator.find().attempt(
        ["--lint-only", "-Wall", "--top-module", made["design"]["top"], *sources], design
    )
    assert good, log


def test_the_same_configuration_gives_the_same_bytes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "c.json").write_text('{"version": 1, "rules": [{"match": {"op": "fmul"}, "unit": "fmul_trunc(p=20)"}]}')
    digests = set()
    for out in ("one", "two"):
        made = json_of(
            capsys, "synth", NETWORKS / "digits_dense.onnx", "--config", "c.json", "--data", DIGITS,
            "--images", 1, "--out", out,
        )  # fmt: skip
        digests.add(made["design"]["digest"])
    assert len(digests) == 1
    names = sorted(path.relative_to("one") for path in Path("one").rglob("*") if path.is_file())
    assert names == sorted(path.relative_to("two") for path in Path("two").rglob("*") if path.is_file())
    for name in names:
        assert ("one" / name).read_bytes() == ("two" / name).read_bytes()


@pytest.mark.parametrize("mode", ["ftz", "ieee"])
def test_both_float_modes_with_random_stalls(mode: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = json_of(
        capsys, "synth", NETWORKS / "digits_dense.onnx", "--config", "exact", "--data", DIGITS,
        "--images", 3, "--mode", mode, "--stalls",
    )  # fmt: skip
    assert made["float_mode"] == mode
    assert made["cosimulation"]["differing"] == 0


def test_a_difference_is_status_1_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bit of one weight is flipped in the emitted ROM."""
    from dataclasses import replace

    from asnet.flow import synthesising
    from asnet.hls import RtlDesign

    def faulty(*args: Any, **options: Any) -> RtlDesign:
        design = synthesise(*args, **options)
        rom = next(path for path in design.files if path.endswith("dense2_weight.hex"))
        words = design.files[rom].split("\n")
        at = next(i for i, word in enumerate(words) if word and not word.startswith("//"))
        words[at] = f"{int(words[at].split()[0], 16) ^ 1 << 20:08x}"
        return replace(design, files={**design.files, rom: "\n".join(words)})

    synthesise = synthesising.synthesise
    monkeypatch.setattr(synthesising, "synthesise", faulty)
    status = main(["synth", str(NETWORKS / "digits_dense.onnx"), "--config", "exact", "--data", str(DIGITS)])
    captured = capsys.readouterr()
    assert status == 1
    assert "the hardware differs from the test bed: layer 'dense2', image 0, dense2_out[0, 0]" in captured.err
    assert not (folder / "digits_dense_rtl").exists()


def test_a_folder_of_somebody_else_is_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "thesis.tex").write_text("…")
    words = ["synth", str(NETWORKS / "digits_dense.onnx"), "--config", "exact", "--data", str(DIGITS), "--images", "1"]
    assert main([*words, "--out", "mine"]) == 2
    assert "mine" in capsys.readouterr().err
    assert [path.name for path in (folder / "mine").iterdir()] == ["thesis.tex"]


def test_a_unit_of_ones_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    explored = json_of(
        capsys, "explore", NETWORKS / "digits_dense.onnx", ROOT / "examples" / "own_unit" / "constraints.json", "-j", 2
    )
    by_unit = {c["choices"]["fmul"]: c["accuracy"] for c in explored["configurations"]}
    assert 0.9 < by_unit["mitchell_fmul"] < 1
    (folder / "c.json").write_text(
        json.dumps(
            {
                "version": 1,
                "constraints": os.path.relpath(ROOT / "examples" / "own_unit" / "constraints.json", folder),
                "rules": [{"match": {"op": "fmul"}, "unit": "mitchell_fmul"}],
            }
        )
    )
    made = json_of(capsys, "synth", NETWORKS / "digits_dense.onnx", "--config", "c.json", "--images", 3)
    assert made["cosimulation"]["differing"] == 0
    emitted = folder / "digits_dense_rtl" / "units" / "mitchell_fmul.v"
    assert emitted.read_bytes() == (ROOT / "examples" / "own_unit" / "mitchell_fmul.v").read_bytes()


def test_mnist_classification(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not (SHARED_DATA / "mnist.npz").is_file():
        pytest.skip("no mnist.npz in $ASNET_DATA")
    raw = np.load(SHARED_DATA / "mnist.npz")
    images = raw["x_test"].reshape(-1, 784).astype(np.float32) / 255
    np.savez(folder / "mnist.npz", x=images[:2000], y=raw["y_test"][:2000])
    network = NETWORKS / "mnist_classification.onnx"
    explored = json_of(capsys, "explore", network, "constraints.json", "--data", "mnist.npz", "-j", 2)
    accuracies = [c["accuracy"] for c in explored["configurations"]]
    assert min(accuracies) > 0.85
    status = main(["synth", str(network), "--config", "exact", "--data", "mnist.npz", "--images", "3"])
    captured = capsys.readouterr()
    assert status == 0, captured.err
    assert "0 differing bits" in captured.out


@pytest.mark.parametrize("program", ["custom_pass.py", "python_api.py"])
def test_example_programs_run(program: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / program)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    expected = {"custom_pass.py": "same outputs, bit for bit", "python_api.py": "co-simulated 5 images bit for bit"}
    assert expected[program] in done.stdout
