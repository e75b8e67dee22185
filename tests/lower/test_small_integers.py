"""Tensors of 4 bits (opset 21), and networks that PyTorch quantises: integer products of that width."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from asnet.cache import Cache
from asnet.ir.jit import Engine
from asnet.lower import lower
from asnet.network import load, oracle
from asnet.types import FloatMode


def four_bits(activation: int, low: int, high: int) -> onnx.ModelProto:
    """x → Q → DQ → MatMul with 4-bit weights → Q → DQ → y, activations of type ``activation``."""
    rng = np.random.default_rng(5)
    node = helper.make_node
    weights = rng.integers(-8, 7, (9, 4), endpoint=True)
    constants = [
        helper.make_tensor("w", TensorProto.INT4, (9, 4), weights.ravel().tolist()),
        helper.make_tensor("wz", TensorProto.INT4, (), [0]),
        helper.make_tensor("xz", activation, (), [low + 5]),
        helper.make_tensor("yz", activation, (), [low + 7]),
        *(helper.make_tensor(name, TensorProto.FLOAT, (), [value]) for name, value in SCALES.items()),
    ]
    nodes = [
        node("QuantizeLinear", ["x", "xs", "xz"], ["xq"], name="first"),
        node("DequantizeLinear", ["xq", "xs", "xz"], ["xf"], name="x"),
        node("DequantizeLinear", ["w", "ws", "wz"], ["wf"], name="w"),
        node("MatMul", ["xf", "wf"], ["r"], name="layer"),
        node("QuantizeLinear", ["r", "ys", "yz"], ["yq"], name="last"),
        node("DequantizeLinear", ["yq", "ys", "yz"], ["y"], name="y"),
    ]
    graph = helper.make_graph(
        nodes,
        "four",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (3, 9))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (3, 4))],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


SCALES = {"xs": 0.25, "ws": 0.125, "ys": 0.5}


def run(model: bytes, x: np.ndarray, cache: Cache) -> np.ndarray:
    network = load(model)
    (first,), (last,) = network.inputs, network.outputs
    engine = Engine(lower(network, FloatMode.IEEE), cache=cache)
    state = engine.state(1)
    engine.run({first.name: x[None]}, state=state)
    found = engine.memory(state, last.name)[0]
    assert (found == oracle.run(network, {first.name: x}, FloatMode.IEEE)[last.name]).all()
    return found


@pytest.mark.parametrize(("activation", "low", "high"), [(TensorProto.UINT4, 0, 15), (TensorProto.INT4, -8, 7)])
def test_four_bit_tensors(activation: int, low: int, high: int, objects: Cache) -> None:
    model = four_bits(activation, low, high).SerializeToString()
    assert {site.type for site in lower(load(model)).sites() if site.op == "mul"} == {"i4"}
    session = onnxruntime.InferenceSession(model)
    for seed in range(5):
        x = (np.random.default_rng(seed).standard_normal((3, 9)) * 2).astype(np.float32)
        (expected,) = session.run(None, {"x": x})  # in float, exact with scales that are powers of two
        assert (run(model, x, objects) == expected).all()


@pytest.mark.filterwarnings("ignore")
def test_pytorch(tmp_path: Path, objects: Cache) -> None:
    torch = pytest.importorskip("torch", reason="quantises the network")
    from torch.ao.quantization import get_default_qconfig_mapping, quantize_fx

    torch.manual_seed(0)
    layers = torch.nn
    net = layers.Sequential(
        layers.Conv2d(1, 4, 3, padding=1), layers.ReLU(), layers.MaxPool2d(2), layers.Flatten(), layers.Linear(64, 10)
    ).eval()
    image = torch.randn(1, 1, 8, 8)
    prepared = quantize_fx.prepare_fx(net, get_default_qconfig_mapping("x86"), (image,))
    for _ in range(8):
        prepared(torch.randn(1, 1, 8, 8))
    quantised = quantize_fx.convert_fx(prepared)
    goal = tmp_path / "torch.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(quantised, (image,), str(goal), dynamo=False, opset_version=13)
    model = goal.read_bytes()
    network = load(model)
    assert [layer.op_type for layer in network.layers if layer.op_type not in ("Identity", "Reshape", "Flatten")] == [
        *("QuantizeLinear", "QLinearConv", "MaxPool", "QLinearConv", "DequantizeLinear")
    ]
    session = onnxruntime.InferenceSession(model)
    for _ in range(5):
        image = torch.randn(1, 1, 8, 8)
        found = run(model, image.numpy(), objects)
        assert (found == session.run(None, {network.inputs[0].name: image.numpy()})[0]).all()
        step = np.abs(found - quantised(image).detach().numpy()).max()
        assert step < 0.05  # PyTorch's own kernels round differently now and then
