"""Networks in QDQ form: what becomes an integer operator, what stays float, and that onnxruntime computes the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from asnet.network import load, oracle
from asnet.types import FloatMode

SHAPES = {"Conv": ((1, 2, 6, 6), (4, 2, 3, 3)), "MatMul": ((3, 9), (9, 4)), "Gemm": ((3, 9), (4, 9))}
ATTRIBUTES = {"Conv": {"pads": [1, 0, 2, 1]}, "MatMul": {}, "Gemm": {"transB": 1}}


def model(
    op: str,
    types: tuple[str, str] = ("uint8", "int8"),
    *,
    per_channel: bool = False,
    relu: bool = False,
    change: Callable[[dict[str, np.ndarray]], None] | None = None,
    read_twice: bool = False,
    **attributes: object,
) -> onnx.ModelProto:
    """x → Q → DQ → op (weights, bias behind DQ) → [Relu] → Q → DQ → y, as quantisation tools write it."""
    x_shape, w_shape = SHAPES[op]
    rng = np.random.default_rng(7)
    limits = np.iinfo(types[1])
    channels, axis = (4, 0) if op != "MatMul" else (4, 1)
    w_scale = np.float32([0.01, 0.02, 0.005, 0.03]) if per_channel else np.float32(0.013)
    w_zero = np.zeros(4, types[1]) if per_channel else np.array(0 if types[1] == "int8" else 117, types[1])
    values = {
        "x_scale": np.float32(0.021),
        "x_zero": np.array(113 if types[0] == "uint8" else -9, types[0]),
        "w": rng.integers(limits.min, limits.max, w_shape, types[1], endpoint=True),
        "w_scale": w_scale,
        "w_zero": w_zero,
        "y_scale": np.float32(0.17),
        "y_zero": np.array(np.iinfo(types[0]).min if relu else 3, types[0]),
        "bias": rng.integers(-4000, 4000, channels).astype(np.int32),
        "bias_scale": np.float32(0.021) * w_scale,
        "bias_zero": np.zeros(np.shape(w_scale), np.int32),
    }
    if change is not None:
        change(values)
    constants = {name: np.asarray(value) for name, value in values.items()}
    node = helper.make_node
    nodes = [
        node("QuantizeLinear", ["x", "x_scale", "x_zero"], ["xq"], name="first"),
        node("DequantizeLinear", ["xq", "x_scale", "x_zero"], ["xf"], name="x"),
        node("DequantizeLinear", ["w", "w_scale", "w_zero"], ["wf"], name="w", axis=axis),
        node("DequantizeLinear", ["bias", "bias_scale", "bias_zero"], ["bf"], name="b", axis=0),
        node(
            op, ["xf", "wf", *(["bf"] if op != "MatMul" else [])], ["r"], name="layer", **ATTRIBUTES[op], **attributes
        ),
        *([node("Relu", ["r"], ["s"], name="relu")] if relu else []),
        node("QuantizeLinear", ["s" if relu else "r", "y_scale", "y_zero"], ["yq"], name="last"),
        node("DequantizeLinear", ["yq", "y_scale", "y_zero"], ["y"], name="y"),
    ]
    nodes = [n for n in nodes if n.name != "b" or op != "MatMul"]
    outputs = ["yq", "y", *(["r"] if read_twice else [])]
    graph = helper.make_graph(
        nodes,
        "qdq",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x_shape)],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return onnx.shape_inference.infer_shapes(made)


def operators(made: onnx.ModelProto) -> list[str]:
    return [layer.op_type for layer in load(made.SerializeToString()).layers]


@pytest.mark.parametrize("relu", [False, True], ids=["", "relu"])
@pytest.mark.parametrize("per_channel", [False, True], ids=["tensor", "channel"])
@pytest.mark.parametrize("types", [("uint8", "int8"), ("int8", "int8"), ("uint8", "uint8")], ids="-".join)
@pytest.mark.parametrize("op", SHAPES)
def test_is_the_integer_operator_and_onnxruntimes_integers(
    op: str, types: tuple[str, str], per_channel: bool, relu: bool
) -> None:
    made = model(op, types, per_channel=per_channel, relu=relu)
    network = load(made.SerializeToString())
    found = {layer.name: layer.op_type for layer in network.layers}
    assert found["layer"] == ("QLinearMatMul" if op == "MatMul" else "QLinearConv")
    assert not {"Conv", "MatMul", "Gemm", "Relu"} & set(found.values())
    session = onnxruntime.InferenceSession(made.SerializeToString())
    rng = np.random.default_rng(3)
    for _ in range(5):
        x = (rng.standard_normal(SHAPES[op][0]) * 2).astype(np.float32)
        (expected,) = session.run(["yq"], {"x": x})
        assert (oracle.run(network, {"x": x}, FloatMode.IEEE)["yq"] == expected).all()


def scale_of_bias(values: dict[str, np.ndarray]) -> None:
    values["bias_scale"] = np.float32(values["bias_scale"] * 1.5)


def zero_of_bias(values: dict[str, np.ndarray]) -> None:
    values["bias_zero"] = np.array(1, np.int32)


def zero_in_the_middle(values: dict[str, np.ndarray]) -> None:
    values["y_zero"] = np.array(5, np.uint8)


@pytest.mark.parametrize(
    ("op", "options"),
    [
        ("Conv", {"change": scale_of_bias}),
        ("Gemm", {"change": scale_of_bias}),
        ("Conv", {"change": zero_of_bias}),
        ("Conv", {"change": zero_in_the_middle, "relu": True}),
        ("MatMul", {"read_twice": True}),
        ("Gemm", {"alpha": 0.5}),
    ],
    ids=["bias scale", "bias scale of Gemm", "bias zero", "relu", "read twice", "alpha"],
)
def test_what_is_not_the_same_stays_float(op: str, options: dict[str, object]) -> None:
    made = model(op, **options)
    found = operators(made)
    assert op in found
    assert not {"QLinearConv", "QLinearMatMul"} & set(found)
    x = np.random.default_rng(3).standard_normal(SHAPES[op][0]).astype(np.float32)
    network = load(made.SerializeToString())
    assert oracle.run(network, {"x": x}, FloatMode.IEEE)["yq"].dtype == np.uint8
