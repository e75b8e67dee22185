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
    ("op", "options", "integer", "beside"),
    [
        ("Conv", {"change": scale_of_bias}, "ConvInteger", {"Add"}),
        ("Gemm", {"change": scale_of_bias}, "ConvInteger", {"Add"}),
        ("Conv", {"change": zero_of_bias}, "ConvInteger", {"Add"}),
        ("Conv", {"change": zero_in_the_middle, "relu": True}, "QLinearConv", set()),
        ("MatMul", {"read_twice": True}, "MatMulInteger", set()),
        ("Gemm", {"alpha": 0.5}, "ConvInteger", {"Add"}),
    ],
    ids=["bias scale", "bias scale of Gemm", "bias zero", "relu", "read twice", "alpha"],
)
def test_products_are_integer_whatever_is_around(
    op: str, options: dict[str, object], integer: str, beside: set[str]
) -> None:
    made = model(op, **options)
    found = operators(made)
    assert integer in found and beside <= set(found)
    assert not {"Conv", "MatMul", "Gemm", "Relu"} & set(found)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # computed in float
    session = onnxruntime.InferenceSession(made.SerializeToString(), options)
    network = load(made.SerializeToString())
    rng = np.random.default_rng(3)
    for _ in range(5):
        x = (rng.standard_normal(SHAPES[op][0]) * 2).astype(np.float32)
        (expected,) = session.run(["yq"], {"x": x})
        found = oracle.run(network, {"x": x}, FloatMode.IEEE)["yq"]
        assert found.dtype == np.uint8
        assert abs(found.astype(int) - expected).max() <= 1


def test_a_product_with_a_factor_of_its_bias_stays_float() -> None:
    assert "Gemm" in operators(model("Gemm", beta=0.5))


def around(nodes: list[onnx.NodeProto], x_shape: tuple[int, ...], dtype: str = "uint8", **values) -> onnx.ModelProto:
    """x → Q → DQ → ``nodes``, which read d and write r → Q → DQ → y."""
    node = helper.make_node
    constants = {
        "x_scale": np.float32(0.021),
        "x_zero": np.array(113 if dtype == "uint8" else -9, dtype),
        "y_scale": np.float32(0.037),
        "y_zero": np.array(60, dtype),
        **values,
    }
    every = [
        node("QuantizeLinear", ["x", "x_scale", "x_zero"], ["xq"], name="first"),
        node("DequantizeLinear", ["xq", "x_scale", "x_zero"], ["d"], name="x"),
        *nodes,
        node("QuantizeLinear", ["r", "y_scale", "y_zero"], ["yq"], name="last"),
        node("DequantizeLinear", ["yq", "y_scale", "y_zero"], ["y"], name="y"),
    ]
    graph = helper.make_graph(
        every,
        "around",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x_shape)],
        [onnx.ValueInfoProto(name=name) for name in ("yq", "y")],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return onnx.shape_inference.infer_shapes(made)


QUANTISE = [
    helper.make_node("QuantizeLinear", ["d", "m_scale", "m_zero"], ["mq"], name="middle"),
    helper.make_node("DequantizeLinear", ["mq", "m_scale", "m_zero"], ["m"], name="m"),
]
MIDDLE = {"m_scale": np.float32(0.033), "m_zero": np.array(41, np.uint8)}


@pytest.mark.parametrize(
    ("nodes", "integer"),
    [
        ([*QUANTISE, helper.make_node("Add", ["d", "m"], ["r"], name="layer")], "QLinearAdd"),
        ([*QUANTISE, helper.make_node("Mul", ["m", "d"], ["r"], name="layer")], "QLinearMul"),
        ([*QUANTISE, helper.make_node("Concat", ["d", "m"], ["r"], name="layer", axis=1)], "QLinearConcat"),
        ([helper.make_node("GlobalAveragePool", ["d"], ["r"], name="layer")], "QLinearGlobalAveragePool"),
        (
            [helper.make_node("AveragePool", ["d"], ["r"], name="layer", kernel_shape=[3, 3], pads=[1, 1, 1, 1])],
            "QLinearAveragePool",
        ),
        ([helper.make_node("LeakyRelu", ["d"], ["r"], name="layer", alpha=0.25)], "QLinearLeakyRelu"),
        ([helper.make_node("Sigmoid", ["d"], ["r"], name="layer")], "QLinearSigmoid"),
        ([helper.make_node("Softmax", ["d"], ["r"], name="layer", axis=1)], "QLinearSoftmax"),
        ([helper.make_node("MaxPool", ["d"], ["r"], name="layer", kernel_shape=[2, 2])], "MaxPool"),
        (
            [
                helper.make_node("Transpose", ["d"], ["t"], name="layer", perm=[0, 2, 3, 1]),
                helper.make_node("Flatten", ["t"], ["r"], name="flatten"),
            ],
            "Transpose",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_operators_have_onnxruntimes_integers(nodes: list[onnx.NodeProto], integer: str) -> None:
    made = around(nodes, (1, 3, 6, 5), **MIDDLE)
    network = load(made.SerializeToString())
    assert {layer.name: layer.op_type for layer in network.layers}["layer"] == integer
    session = onnxruntime.InferenceSession(made.SerializeToString())
    rng = np.random.default_rng(3)
    for _ in range(20):
        x = (rng.standard_normal((1, 3, 6, 5)) * 2).astype(np.float32)
        (expected,) = session.run(["yq"], {"x": x})
        assert (oracle.run(network, {"x": x}, FloatMode.IEEE)["yq"] == expected).all()


def test_quantising_again_with_the_same_parameters_goes() -> None:
    same = {"y_scale": np.float32(0.021), "y_zero": np.array(113, np.uint8)}
    pool = [helper.make_node("MaxPool", ["d"], ["r"], name="layer", kernel_shape=[2, 2])]
    made = around(pool, (1, 3, 6, 5), **same)
    assert operators(made) == ["QuantizeLinear", "MaxPool", "Identity", "DequantizeLinear"]
