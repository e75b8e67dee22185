"""``asnet inspect``: layers, sites, and everything that is not supported at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from tests.cli.conftest import NETWORK, Cli

FLOAT = TensorProto.FLOAT


def save(path: Path, nodes: list[onnx.NodeProto], output: int = FLOAT) -> None:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", output, ["N", 4])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def test_the_table(cli: Cli) -> None:
    ran = cli("inspect", NETWORK)
    assert (ran.status, ran.err) == (0, "")
    assert [" ".join(line.split()) for line in ran.out.splitlines()[4:-1]] == [
        "dense1 Gemm float32[1, 32] native 1 fmul f32 x 2,048 2,080 2,048",
        "relu1 Relu float32[1, 32] native",
        "dense2 Gemm float32[1, 10] native 1 fmul f32 x 320 330 320",
        "softmax Softmax float32[1, 10] native 7 fmul f32 x 70, 1 fdiv f32 x 10",
        "total 4 layers 2,410 2,368",
    ]


def test_json(cli: Cli) -> None:
    found: Any = cli("inspect", NETWORK, "--json").json
    assert found["supported"] is True and found["problems"] == [] and found["resolved"] == {}
    assert found["inputs"] == [{"name": "x", "type": "float32", "shape": [1, 64]}]
    softmax = found["layers"][-1]
    assert softmax["outputs"] == [{"name": "probabilities", "type": "float32", "shape": [1, 10]}]
    assert {"op": "fdiv", "type": "f32", "sites": 1, "operations": 10} in softmax["sites"]
    assert {"op": "fadd", "type": "f32", "sites": 9, "operations": 90} not in softmax["sites"]
    assert sum(layer["macs"] for layer in found["layers"]) == 2368


def test_all_that_is_not_supported_is_told(cli: Cli, tmp_path: Path) -> None:
    save(
        tmp_path / "noise.onnx",
        [
            helper.make_node("RandomNormalLike", ["x"], ["a"], name="first"),
            helper.make_node("Relu", ["a"], ["b"], name="relu"),
            helper.make_node("RandomUniformLike", ["b"], ["y"], name="second"),
        ],
    )
    ran = cli("inspect", "noise.onnx")
    assert ran.status == 2
    assert [line.split()[-2:] for line in ran.out.splitlines() if "RandomNormalLike  " in line] == [
        ["NOT", "SUPPORTED"]
    ]
    assert ran.out.splitlines()[-3:] == [
        "not supported: 2",
        "  noise.onnx: node 'first' (RandomNormalLike) is not supported",
        "  noise.onnx: node 'second' (RandomUniformLike) is not supported",
    ]
    found: Any = cli("inspect", "noise.onnx", "--json").json
    assert found["supported"] is False and len(found["problems"]) == 2
    assert [layer["lowered"] for layer in found["layers"]] == ["NOT SUPPORTED", "native", "NOT SUPPORTED"]


def test_what_cannot_be_loaded_is_told_at_once(cli: Cli, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["a"], name="wide", to=TensorProto.DOUBLE),
        helper.make_node("Cast", ["a"], ["b"], name="half", to=TensorProto.FLOAT16),
        helper.make_node("Cast", ["b"], ["y"], name="back", to=FLOAT),
    ]
    save(tmp_path / "types.onnx", nodes)
    ran = cli("inspect", "types.onnx")
    assert ran.status == 2
    lines = ran.out.splitlines()
    assert lines[0] == "not supported: 2"
    assert lines[1].startswith("  types.onnx: node 'wide' (Cast): output 'a' is float64; supported types: ")
    assert lines[2].startswith("  types.onnx: node 'half' (Cast): output 'b' is float16; supported types: ")
    found: Any = cli("inspect", "types.onnx", "--json").json
    assert found["supported"] is False and len(found["problems"]) == 2
    ran = cli("eval", "types.onnx", "--config", "exact", "--data", "none.npz")
    assert ran.err.count("asnet: error: ") == 1 and "node 'half' (Cast)" in ran.err


def test_a_missing_file_and_a_missing_shape(cli: Cli, tmp_path: Path) -> None:
    ran = cli("inspect", "none.onnx")
    assert (ran.status, ran.err) == (2, "asnet: error: none.onnx: no such file; give the path of an ONNX file\n")
    save(tmp_path / "net.onnx", [helper.make_node("Relu", ["x"], ["y"])])
    ran = cli("inspect", "net.onnx", "--shape", "x=8x4", "--json")
    assert ran.json["inputs"][0]["shape"] == [8, 4]  # type: ignore[index]
