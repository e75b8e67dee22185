"""Operators of onnxruntime's com.microsoft domain: onnxruntime's integers, the oracle's and the JIT's bits."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from asnet.cache import Cache
from asnet.errors import AsnetError
from asnet.ir.jit import Engine
from asnet.lower import lower
from asnet.network import load, oracle
from asnet.types import FloatMode

MICROSOFT = "com.microsoft"
TYPES = ("uint8", "int8")


def model(
    op_type: str, inputs: dict[str, tuple[np.dtype, tuple[int, ...]]], operands: list[str | np.ndarray | None], **more
) -> onnx.ModelProto:
    """One node; a string is an input of the network, an array a constant."""
    names = ["" if item is None else item if isinstance(item, str) else f"c{k}" for k, item in enumerate(operands)]
    constants = [
        numpy_helper.from_array(item, name)
        for name, item in zip(names, operands, strict=True)
        if isinstance(item, np.ndarray)
    ]
    element = more.pop("element", TensorProto.UINT8)
    rank = max(len(shape) for _, shape in inputs.values())
    graph = helper.make_graph(
        [helper.make_node(op_type, names, ["y"], name="node", domain=MICROSOFT, **more)],
        "one",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)
            for name, (dtype, shape) in inputs.items()
        ],
        [helper.make_tensor_value_info("y", element, [f"d{k}" for k in range(rank)])],
        constants,
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def scale(value: float) -> np.ndarray:
    return np.array(value, np.float32)


def compare(made: onnx.ModelProto, feeds: dict[str, np.ndarray], cache: Cache) -> np.ndarray:
    """onnxruntime's, the oracle's and the JIT's output are the same."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    (wanted,) = onnxruntime.InferenceSession(made.SerializeToString(), options).run(None, feeds)
    network = load(made.SerializeToString())
    defined = oracle.run(network, feeds, FloatMode.IEEE)["y"]
    assert defined.dtype == wanted.dtype and (defined == wanted).all()
    for mode in FloatMode:
        engine = Engine(lower(network, mode), cache=cache)
        state = engine.state(1)
        engine.run({name: array[None] for name, array in feeds.items()}, state=state)
        assert (engine.memory(state, "y")[0] == oracle.run(network, feeds, mode)["y"]).all()
    return wanted


def every_pair(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    grid = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8), indexing="ij")
    return grid[0].view(dtype), grid[1].view(dtype)


BINARY = list(
    itertools.product(
        ("QLinearAdd", "QLinearMul"),
        TYPES,
        [
            ((0.021, 17), (0.034, 99), (0.049, 101)),
            ((0.5, 0), (0.0123, -3), (0.37, 5)),
            ((1.7, 127), (1.9, 0), (3.3, 64)),
            ((0.0078125, 0), (0.0078125, 0), (0.0078125, 0)),
        ],
    )
)


def zero(value: int, dtype: str) -> np.ndarray:
    return np.array(value % 256, np.uint8).view(dtype)


@pytest.mark.parametrize(("op_type", "dtype", "parameters"), BINARY)
def test_binary_operators_on_every_pair(op_type: str, dtype: str, parameters, objects: Cache) -> None:
    a, b = every_pair(dtype)
    (a_scale, a_zero), (b_scale, b_zero), (y_scale, y_zero) = parameters
    if op_type == "QLinearMul":
        y_scale = a_scale * b_scale * 150
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    operands = ["a", scale(a_scale), zero(a_zero, dtype), "b", scale(b_scale), zero(b_zero, dtype)]
    inputs = {"a": (np.dtype(dtype), a.shape), "b": (np.dtype(dtype), b.shape)}
    made = model(op_type, inputs, [*operands, scale(y_scale), zero(y_zero, dtype)], element=element)
    assert len(np.unique(compare(made, {"a": a, "b": b}, objects))) > 5


@pytest.mark.parametrize("shapes", [((3, 8, 4), (8, 1)), ((1, 8, 4), (3, 8, 4)), ((3, 8, 4), (1,)), ((5, 1), (5, 9))])
@pytest.mark.parametrize("op_type", ["QLinearAdd", "QLinearMul"])
def test_binary_operators_broadcast(op_type: str, shapes, objects: Cache) -> None:
    rng = np.random.default_rng(1)
    a, b = (rng.integers(0, 256, shape, np.uint8) for shape in shapes)
    operands = ["a", scale(0.3), zero(7, "uint8"), "b", scale(0.7), zero(130, "uint8"), scale(0.61), zero(3, "uint8")]
    inputs = {"a": (a.dtype, a.shape), "b": (b.dtype, b.shape)}
    compare(model(op_type, inputs, operands), {"a": a, "b": b}, objects)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("op_type", "parameters", "more"),
    [
        ("QLinearLeakyRelu", (0.043, 120, 0.037, 60), {"alpha": 0.3}),
        ("QLinearLeakyRelu", (0.02, 3, 0.02, 3), {}),
        ("QLinearSigmoid", (0.05, 128, 1 / 256, 0), {}),
        ("QLinearSigmoid", (0.2, 10, 0.0051, 30), {}),
        ("QLinearSoftmax", (0.1, 50, 1 / 256, 0), {"opset": 13, "axis": -1}),
        ("QLinearSoftmax", (0.03, 0, 1 / 256, 0), {"opset": 13, "axis": 1}),
        ("QLinearSoftmax", (0.2, 0, 1 / 256, 0), {"opset": 12, "axis": 1}),
    ],
)
def test_unary_operators(op_type: str, parameters, more, dtype: str, objects: Cache) -> None:
    x_scale, x_zero, y_scale, y_zero = parameters
    y_zero = y_zero + 128 if dtype == "int8" and y_zero == 0 else y_zero
    x = np.random.default_rng(2).permutation(np.arange(256).repeat(2)).astype(np.uint8).view(dtype).reshape(4, 8, 16)
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    operands = ["x", scale(x_scale), zero(x_zero, dtype), scale(y_scale), zero(y_zero, dtype)]
    compare(model(op_type, {"x": (x.dtype, x.shape)}, operands, element=element, **more), {"x": x}, objects)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("op_type", "more"),
    [
        ("QLinearGlobalAveragePool", {}),
        ("QLinearAveragePool", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
        (
            "QLinearAveragePool",
            {"kernel_shape": [2, 3], "strides": [1, 2], "pads": [0, 1, 1, 2], "count_include_pad": 1},
        ),
        ("QLinearAveragePool", {"kernel_shape": [7, 9]}),
    ],
)
def test_pooling(op_type: str, more, dtype: str, objects: Cache) -> None:
    x = np.random.default_rng(3).integers(0, 256, (2, 5, 7, 9), np.uint8).view(dtype)
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    operands = ["x", scale(0.043), zero(77, dtype), scale(0.021), zero(101, dtype)]
    compare(model(op_type, {"x": (x.dtype, x.shape)}, operands, element=element, **more), {"x": x}, objects)


@pytest.mark.parametrize("dtype", TYPES)
def test_concat(dtype: str, objects: Cache) -> None:
    rng = np.random.default_rng(4)
    a, b = (rng.integers(0, 256, (2, k, 40), np.uint8).view(dtype) for k in (3, 4))
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    operands = [scale(0.4), zero(9, dtype), "a", scale(0.4), zero(9, dtype), "b", scale(0.7), zero(100, dtype)]
    inputs = {"a": (a.dtype, a.shape), "b": (b.dtype, b.shape)}
    compare(model("QLinearConcat", inputs, operands, element=element, axis=1), {"a": a, "b": b}, objects)


@pytest.mark.parametrize("output", ["integers", "floats"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize(("a_type", "b_type"), [("uint8", "uint8"), ("uint8", "int8"), ("int8", "int8")])
def test_gemm(a_type: str, b_type: str, per_channel: bool, bias: bool, output: str, objects: Cache) -> None:
    rng = np.random.default_rng(5)
    a = rng.integers(0, 256, (3, 12), np.uint8).view(a_type)
    b = rng.integers(0, 256, (5, 12), np.uint8).view(b_type)
    b_scale = rng.uniform(0.01, 0.03, 5).astype(np.float32) if per_channel else scale(0.017)
    b_zero = rng.integers(0, 256, 5, np.uint8).view(b_type) if per_channel else zero(11, b_type)
    c = rng.integers(-900, 900, 5).astype(np.int32) if bias else None
    integers = output == "integers"
    element = helper.np_dtype_to_tensor_dtype(a.dtype) if integers else TensorProto.FLOAT
    operands = ["a", scale(0.03), zero(99, a_type), b, b_scale, b_zero, c]
    operands += [scale(0.9), zero(121, a_type)] if integers else []
    made = model("QGemm", {"a": (a.dtype, a.shape)}, operands, element=element, transB=1, alpha=0.7)
    compare(made, {"a": a}, objects)


def test_products_to_float(objects: Cache) -> None:
    rng = np.random.default_rng(6)
    a, b = rng.integers(0, 256, (3, 9), np.uint8), rng.integers(-128, 128, (9, 4), np.int8)
    bias = rng.standard_normal(4).astype(np.float32)
    operands = ["a", b, scale(0.03), scale(0.02), zero(99, "uint8"), zero(3, "int8"), bias]
    made = model("MatMulIntegerToFloat", {"a": (a.dtype, a.shape)}, operands, element=TensorProto.FLOAT)
    compare(made, {"a": a}, objects)
    x = rng.standard_normal((3, 9)).astype(np.float32)
    operands = ["x", b, scale(0.02), zero(3, "int8"), bias]
    made = model("DynamicQuantizeMatMul", {"x": (x.dtype, x.shape)}, operands, element=TensorProto.FLOAT)
    compare(made, {"x": x}, objects)


def test_the_product_is_a_site_the_rest_is_none() -> None:
    for op_type, sites in (("QLinearMul", {("mul", "u8")}), ("QLinearAdd", set())):
        operands = ["a", scale(0.3), zero(7, "uint8"), "a", scale(0.7), zero(1, "uint8"), scale(0.6), zero(3, "uint8")]
        made = model(op_type, {"a": (np.dtype("uint8"), (3, 4))}, operands)
        assert {(site.op, site.type) for site in lower(load(made.SerializeToString())).sites()} == sites


@pytest.mark.parametrize(
    ("op_type", "operands", "more", "message"),
    [
        ("QAttention", ["a"], {}, "domain 'com.microsoft' is not supported; export with operators of ai.onnx only"),
        (
            "QLinearAdd",
            ["a", scale(1)],
            {},
            "node 'node' (QLinearAdd): has 2 inputs, which are too few; mend the model",
        ),
        (
            "QLinearAdd",
            ["a", scale(0), zero(0, "uint8"), "a", scale(1), zero(0, "uint8"), scale(1), zero(0, "uint8")],
            {},
            "node 'node' (QLinearAdd): a scale of 0.0 is no positive number; quantise again",
        ),
        (
            "QLinearGlobalAveragePool",
            ["a", scale(1), zero(0, "uint8"), scale(1), zero(0, "uint8")],
            {"channels_last": 1},
            "channels_last is not supported; quantise the network in NCHW layout",
        ),
    ],
)
def test_refuses(op_type: str, operands, more, message: str) -> None:
    made = model(op_type, {"a": (np.dtype("uint8"), (1, 2, 3, 4))}, operands, **more)
    with pytest.raises(AsnetError) as caught:
        lower(load(made.SerializeToString()))
    assert message in str(caught.value)
