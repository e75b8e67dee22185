"""``asnet quantize``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asnet.network import load
from tests.cli.conftest import DATA, EXAMPLES, Cli

CONV = EXAMPLES / "networks" / "digits_conv.onnx"


def test_table_and_next_command(cli: Cli) -> None:
    ran = cli("quantize", CONV, "--data", DATA, "--images", 50)
    assert ran.status == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0] == "digits_conv: max, 50 images"
    assert [line.split()[:2] for line in lines[3:7] if line.startswith((" conv", " dense"))] == [
        ["conv1", "Conv"],
        ["conv2", "Conv"],
        ["dense1", "Gemm"],
    ]
    assert lines[-2] == "wrote digits_conv_w8a8.onnx"
    words = lines[-1].split()
    assert words[:4] == ["next:", "asnet", "explore", "digits_conv_w8a8.onnx"]
    assert "op" in json.loads(Path(words[4]).read_text())["units"]["mul8s_trunc"]
    assert {layer.op_type for layer in load("digits_conv_w8a8.onnx").layers} >= {"QLinearConv", "MaxPool"}


def test_json_and_every_option(cli: Cli) -> None:
    options = ["--weights", 4, "--activations", 6, "--scheme", "affine", "--weight-scheme", "affine", "--per-tensor"]
    options += ["--calibrate", "percentile", "--percentile", 99, "--equalize", "--bias-correction", "--layers", "conv*"]
    options += ["--exclude", "conv1", "--bits", "conv2=3,5", "--format", "qoperator", "-o", "out.onnx", "--json"]
    ran = cli("quantize", CONV, "--data", DATA, "--images", 20, *options)
    assert ran.status == 0, ran.err
    found = ran.json
    assert (found["out"], found["images"], len(found["layers"])) == ("out.onnx", 20, 1)
    layer = found["layers"][0]
    assert (layer["name"], layer["weights"], layer["activations"], layer["result"]) == ("conv2", "u3", "u5", "u8")
    assert len(layer["weight_scales"]) == 1 and layer["sqnr"] > 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--percentile", "99"], "--percentile has no meaning with --calibrate max; remove one of them"),
        (["--bits", "conv*"], "--bits 'conv*' is not written like conv*=4,8"),
        (["--bits", "conv*=4,x"], "--bits 'conv*=4,x' is not written like conv*=4,8"),
        (["--weights", "10"], "weights: 10 bits are not supported"),
        (["--layers", "nothing"], "no layer matches nothing"),
        (["-o", str(CONV)], "is the float network itself; name another file with -o FILE"),
    ],
)
def test_wrong_arguments(cli: Cli, words: list[str], message: str, tmp_path: Path) -> None:
    ran = cli("quantize", CONV, "--data", DATA, *words)
    assert ran.status == 2
    assert message in ran.err and ran.err.startswith("asnet: error: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "file"),
    [
        (["--weights", 4, "--activations", 4], "mul4s.json"),
        (["--weights", 4, "--activations", 6], "mul6s.json"),
        (["--scheme", "affine", "--weight-scheme", "affine"], "mul8u.json"),
        (["--weights", 5, "--activations", 5], None),
        (["--bits", "conv1=8,8", "--weights", 4, "--activations", 4], None),
    ],
)
def test_the_constraints_file_for_the_width(cli: Cli, options: list[object], file: str | None) -> None:
    ran = cli("quantize", CONV, "--data", DATA, "--images", 10, "-o", "q.onnx", *options)
    last = ran.out.splitlines()[-1]
    if file is None:
        assert last == "wrote q.onnx"
    else:
        assert Path(last.split()[4]).name == file and Path(last.split()[4]).exists()
