"""An 8-bit network from onnxruntime's quantiser to co-simulated Verilog, explored with 8 x 8 units."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from asnet.cli import main
from tests.lower.test_onnxruntime_networks import NETWORKS, Images

DIGITS = NETWORKS / "digits_test.npz"


def test_explored_then_synthesised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    monkeypatch.chdir(tmp_path)
    with np.load(DIGITS) as data:
        images = data["x"][:60, None, :]
    quantize_static(
        NETWORKS / "digits_dense.onnx",
        "dense8.onnx",
        Images("x", images),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    units = {"mul8s_trunc": {"op": "mul", "params": {"t": {"ParamValues": [1, 3]}}}}
    constraints = {"version": 1, "data": str(DIGITS), "units": units, "limits": {"accuracy": {"min": 0.95}}}
    Path("constraints.json").write_text(json.dumps(constraints))
    for command in (
        ["explore", "dense8.onnx", "constraints.json", "-j", "1"],
        ["synth", "--config", "best", "--images", "3"],
    ):
        capsys.readouterr()
        assert main([*command, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
    assert set(found["configuration"].values()) == {"mul8s_trunc(t=3)"}
    assert found["cosimulation"]["differing"] == 0


@pytest.mark.parametrize(("bits", "t"), [(4, 1), (12, 5)])
def test_other_widths(bits: int, t: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    network = ["quantize", str(NETWORKS / "digits_dense.onnx"), "--data", str(DIGITS), "-o", "narrow.onnx"]
    assert main([*network, "--weights", str(bits), "--activations", str(bits)]) == 0
    units = {f"mul{bits}s_trunc": {"op": "mul", "params": {"t": {"ParamValues": [0, t]}}}}
    constraints = {"version": 1, "data": str(DIGITS), "units": units, "limits": {"accuracy": {"min": 0.2}}}
    Path("constraints.json").write_text(json.dumps(constraints))
    for command in (
        ["explore", "narrow.onnx", "constraints.json", "-j", "1"],
        ["synth", "--config", "best", "--images", "2"],
    ):
        capsys.readouterr()
        assert main([*command, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
    assert f"mul{bits}s_trunc(t={t})" in found["configuration"].values()
    assert found["cosimulation"]["differing"] == 0
