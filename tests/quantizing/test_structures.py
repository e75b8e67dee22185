"""Networks of many shapes: what becomes an integer, and that every integer is onnxruntime's and the oracle's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from asnet.cache import Cache
from asnet.network import load
from asnet.quantizing import Quantization, quantize
from asnet.types import AnyArray
from tests.quantizing.conftest import assert_same, by_asnet, by_onnxruntime, by_oracle

IMAGES = 6
Nodes = Sequence[onnx.NodeProto]


def graph(
    nodes: Nodes,
    constants: Mapping[str, AnyArray],
    shapes: Mapping[str, Sequence[int | str]],
    outputs: Sequence[str] = ("y",),
    opset: int = 17,
) -> bytes:
    """A model whose inputs have ``shapes``."""
    made = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model).SerializeToString()


def normal(*shape: int, seed: int = 0) -> AnyArray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def node(op: str, inputs: str, outputs: str, name: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), outputs.split(), name=name, **attributes)


def batch_normalised() -> bytes:
    constants = {"w": normal(6, 3, 3, 3), "s": np.abs(normal(6)) + 0.5, "b": normal(6), "m": normal(6, seed=1)}
    constants["v"] = np.abs(normal(6, seed=2)) + 0.5
    nodes = [
        node("Conv", "x w", "c", "conv", pads=[1, 0, 2, 1], strides=[2, 1]),
        node("BatchNormalization", "c s b m v", "n", "bn"),
        node("Relu", "n", "y", "relu"),
    ]
    return graph(nodes, constants, {"x": ("N", 3, 7, 6)})


def grouped() -> bytes:
    constants = {"w": normal(4, 2, 3, 3), "b": normal(4), "d": normal(8, 1, 3, 3), "p": normal(5, 8, 1, 1)}
    nodes = [
        node("Conv", "x w b", "c", "grouped", group=2, dilations=[2, 1], pads=[0, 1, 1, 0]),
        node("Clip", "c low high", "k", "relu6"),
        node("Conv", "k d", "e", "depthwise", group=4, pads=[1, 1, 1, 1]),
        node("Clip", "e low2 high2", "r", "clip"),
        node("Conv", "r p", "y", "pointwise"),
    ]
    bounds = {"low": np.float32(0), "high": np.float32(6), "low2": np.float32(-1), "high2": np.float32(2.5)}
    return graph(nodes, {**constants, **bounds}, {"x": ("N", 4, 8, 7)})


def residual() -> bytes:
    constants = {name: normal(3, 3, 3, 3, seed=n) / 4 for n, name in enumerate("wuv")}
    nodes = [
        node("Conv", "x w", "c", "conv1", pads=[1] * 4),
        node("Relu", "c", "r", "relu1"),
        node("Conv", "r u", "d", "conv2", pads=[1] * 4),
        node("Add", "d r", "a", "add"),
        node("Relu", "a", "s", "relu2"),
        node("Conv", "s v", "e", "conv3", pads=[1] * 4),
        node("Add", "e s", "f", "add2"),
        node("GlobalAveragePool", "f", "y", "mean"),
    ]
    return graph(nodes, constants, {"x": ("N", 3, 5, 5)})


def pooled_before_relu() -> bytes:
    constants = {"w": normal(4, 2, 3, 3), "g": normal(36, 5), "c": normal(1, 5)}
    nodes = [
        node("Conv", "x w", "a", "conv"),
        node("MaxPool", "a", "p", "pool", kernel_shape=[2, 2], strides=[1, 1]),
        node("Relu", "p", "r", "relu"),
        node("Dropout", "r", "d", "dropout"),
        node("Flatten", "d", "f", "flatten"),
        node("Gemm", "f g c", "y", "gemm", alpha=0.5, beta=2.0),
    ]
    return graph(nodes, constants, {"x": ("N", 2, 6, 6)})


def matrices() -> bytes:
    constants = {"w": normal(5, 8), "b": normal(8), "v": normal(8, 8), "q": normal(4, 4)}
    nodes = [
        node("MatMul", "x w", "m", "first"),
        node("Add", "m b", "a", "bias"),
        node("Tanh", "a", "t", "tanh"),
        node("MatMul", "t v", "n", "second"),
        node("MatMul", "z q", "o", "third"),
        node("MatMul", "o z", "p", "both"),
        node("Transpose", "p", "u", "turn", perm=[0, 2, 1]),
        node("Softmax", "u", "y", "softmax"),
    ]
    return graph(nodes, constants, {"x": ("N", 5), "z": ("N", 4, 4)}, ("n", "y"))


def shared_weights() -> bytes:
    constants = {"w": normal(6, 6), "b": normal(6)}
    nodes = [
        node("Gemm", "x w b", "a", "one", transB=1),
        node("Relu", "a", "r", "relu"),
        node("Gemm", "r w b", "c", "two"),
        node("Concat", "r c", "y", "both", axis=1),
    ]
    return graph(nodes, constants, {"x": (1, 6)})  # one image at a time


def old_opset() -> bytes:
    constants = {"w": normal(4, 3, 3, 3), "b": normal(4), "g": normal(64, 3)}
    nodes = [
        node("Conv", "x w b", "a", "conv", pads=[1] * 4),
        node("Clip", "a", "r", "relu6", min=0.0, max=6.0),
        node("Flatten", "r", "f", "flatten"),
        node("MatMul", "f g", "y", "dense"),
    ]
    return graph(nodes, constants, {"x": ("N", 3, 4, 4)}, opset=9)


NETWORKS: Mapping[str, Callable[[], bytes]] = {
    "batch normalisation": batch_normalised,
    "groups": grouped,
    "residual": residual,
    "pooled before relu": pooled_before_relu,
    "matrices": matrices,
    "shared weights": shared_weights,
    "old opset": old_opset,
}

OPERATORS = {
    "batch normalisation": ["QLinearConv"],
    "groups": ["QLinearConv", "QLinearConv", "QLinearConv"],
    "residual": ["QLinearConv", "QLinearConv", "QLinearAdd", "QLinearConv", "Add", "GlobalAveragePool"],
    "pooled before relu": ["QLinearConv", "MaxPool", "Identity", "Flatten", "QLinearConv"],
    "matrices": ["QLinearConv", "Tanh", "QLinearMatMul", "QLinearMatMul", "QLinearMatMul", "Transpose", "Softmax"],
    "shared weights": ["QLinearConv", "QLinearConv", "Concat"],
    "old opset": ["QLinearConv", "Flatten", "QLinearMatMul"],
}
"""What computes in the affine networks, in order."""

FRAME = ("QuantizeLinear", "DequantizeLinear", "Reshape")


def inputs_of(model: bytes) -> dict[str, AnyArray]:
    return {t.name: normal(IMAGES, *t.shape[1:], seed=3) for t in load(model).inputs}


@pytest.mark.parametrize("bits", [8, 5])
@pytest.mark.parametrize("scheme", ["symmetric", "affine"])
@pytest.mark.parametrize("name", NETWORKS)
def test_operators_have_onnxruntimes_integers(name: str, scheme: str, bits: int, objects: Cache) -> None:
    model = NETWORKS[name]()
    inputs = inputs_of(model)
    options = Quantization(scheme=scheme, format="qoperator", weights=bits, activations=bits)
    found = quantize(model, inputs, options)
    if scheme == "affine" and bits == 8:
        operators = [layer.op_type for layer in load(found.data).layers if layer.op_type not in FRAME]
        assert operators == OPERATORS[name]
    feeds = inputs if name != "shared weights" else {"x": inputs["x"][:1]}
    compiled = by_asnet(found, feeds, objects)
    assert_same(compiled, by_onnxruntime(found.model, feeds, qdqisint8allowed="1"))
    assert min(layer.sqnr for layer in found.layers) > (25 if bits == 8 else 8)


@pytest.mark.parametrize("name", NETWORKS)
def test_both_forms_mean_the_same(name: str, objects: Cache) -> None:
    model = NETWORKS[name]()
    inputs = inputs_of(model)
    found = {form: quantize(model, inputs, Quantization(format=form)) for form in ("qdq", "qoperator")}
    compiled = {form: by_asnet(network, inputs, objects) for form, network in found.items()}
    assert_same(compiled["qdq"], compiled["qoperator"])
    assert_same(compiled["qdq"], by_oracle(found["qdq"], inputs))


def test_the_same_bytes_again() -> None:
    model = residual()
    first, second = (quantize(model, inputs_of(model), Quantization(calibrate="propagated")).data for _ in range(2))
    assert first == second


def test_other_dynamic_axes(objects: Cache) -> None:
    """A sequence whose length is given stays dynamic in what is written."""
    nodes = [node("MatMul", "x w", "m", "dense"), node("Relu", "m", "y", "relu")]
    model = graph(nodes, {"w": normal(4, 3)}, {"x": ("N", "length", 4)})
    found = quantize(model, normal(5, 7, 4), shapes={"length": 7})
    assert found.model.graph.input[0].type.tensor_type.shape.dim[1].dim_param == "length"
    assert found.layers[0].sqnr > 25


def test_inputs_of_different_first_axes(objects: Cache) -> None:
    """A run takes two rows of one input and three of the other: four runs of both are eight and twelve rows."""
    model = graph([node("MatMul", "x z", "y", "product")], {}, {"x": (2, 3), "z": (3, 5)})
    inputs = {"x": normal(8, 3), "z": normal(12, 5)}
    found = quantize(model, inputs, Quantization(format="qoperator"))
    assert found.images == 8 and found.layers[0].sqnr > 25
    one = {"x": inputs["x"][:2], "z": inputs["z"][:3]}
    assert_same(by_oracle(found, one, together=True), by_onnxruntime(found.model, one))
