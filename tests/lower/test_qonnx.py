"""QONNX's quantisers: in float what QONNX computes, in front of products integers of that many bits."""

from __future__ import annotations

import math

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from asnet.cache import Cache
from asnet.errors import AsnetError
from asnet.ir.jit import Engine
from asnet.lower import lower
from asnet.network import load, oracle
from asnet.types import FloatMode

DOMAIN = "qonnx.custom_op.general"


def quant(x: str, scale: str, zero: str, bits: str, y: str, **attributes: object) -> onnx.NodeProto:
    given = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND", **attributes}
    return helper.make_node("Quant", [x, scale, zero, bits], [y], name=f"quant_{y}", domain=DOMAIN, **given)


def model(nodes: list[onnx.NodeProto], shape: tuple[int, ...], constants: dict[str, object], opset: int = 13):
    graph = helper.make_graph(
        nodes,
        "qonnx",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [f"d{k}" for k in range(len(shape))])],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()],
    )
    imports = [helper.make_opsetid("", opset), helper.make_opsetid(DOMAIN, 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def reference(x: np.ndarray, scale, zero: float, bits: int, signed: int, narrow: int, rounding: str) -> np.ndarray:
    """QONNX's definition, one number after the other."""
    low = -(2 ** (bits - 1)) + narrow if signed else 0
    high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1 - narrow
    scales = np.broadcast_to(np.asarray(scale, np.float32), x.shape)
    result = np.zeros(x.shape, np.float32)
    for place in np.ndindex(*x.shape):
        value = float(np.float32(np.float32(x[place] / scales[place]) + np.float32(zero)))
        value = min(max(value, low), high)
        whole = {
            "ROUND": round(value),
            "CEIL": math.ceil(value),
            "FLOOR": math.floor(value),
            "UP": math.ceil(value) if value > 0 else math.floor(value),
            "DOWN": int(value),
        }[rounding]
        result[place] = np.float32(np.float32(whole - zero) * scales[place])
    return result


def run(network, x: np.ndarray, cache: Cache) -> np.ndarray:
    engine = Engine(lower(network, FloatMode.IEEE), cache=cache)
    state = engine.state(1)
    engine.run({"x": x[None]}, state=state)
    found = engine.memory(state, network.outputs[0].name)[0]
    assert (found == oracle.run(network, {"x": x}, FloatMode.IEEE)[network.outputs[0].name]).all()
    return found


@pytest.mark.parametrize("rounding", ["ROUND", "CEIL", "FLOOR", "UP", "DOWN"])
@pytest.mark.parametrize(("bits", "signed", "narrow", "zero"), [(8, 1, 0, 0), (4, 1, 1, 0), (3, 0, 0, 0), (5, 0, 1, 7)])
def test_in_float(bits: int, signed: int, narrow: int, zero: int, rounding: str, objects: Cache) -> None:
    rng = np.random.default_rng(bits)
    x = (rng.standard_normal((2, 3, 40)) * 3).astype(np.float32)
    x[0, 0, :8] = np.float32([0, 0.125, -0.125, 0.375, 100, -100, 0.0625, -0.0625])
    scale = np.float32([0.25, 0.1, 0.33]).reshape(1, 3, 1)
    node = quant("x", "s", "z", "b", "y", signed=signed, narrow=narrow, rounding_mode=rounding)
    made = model([node], x.shape, {"s": scale, "z": zero, "b": bits})
    found = run(load(made.SerializeToString()), x, objects)
    assert (found == reference(x, scale, zero, bits, signed, narrow, rounding)).all()


def test_bipolar(objects: Cache) -> None:
    node = helper.make_node("BipolarQuant", ["x", "s"], ["y"], name="sign", domain=DOMAIN)
    x = np.float32([[-3, -0.0, 0, 1e-30, 5]])
    found = run(load(model([node], x.shape, {"s": 0.3}).SerializeToString()), x, objects)
    assert (found == np.float32(0.3) * np.float32([-1, 1, 1, 1, 1])).all()


def brevitas(bits: int, op: str, x_scale: float, w_scale, y_scale: float, bias: str) -> onnx.ModelProto:
    """Quant → Conv or MatMul or Gemm of quantised weights → Relu → unsigned Quant, as Brevitas exports it."""
    rng = np.random.default_rng(bits)
    limit = 2 ** (bits - 1) - 1
    shape, w_shape = {"Conv": ((1, 2, 6, 5), (4, 2, 3, 3)), "MatMul": ((3, 9), (9, 4)), "Gemm": ((3, 9), (4, 9))}[op]
    column = (4, 1, 1, 1) if op == "Conv" else (1, 4) if op == "MatMul" else (4, 1)
    scales = np.broadcast_to(np.asarray(w_scale, np.float32), 4) if np.ndim(w_scale) else np.float32(w_scale)
    view = scales.reshape(column) if np.ndim(w_scale) else scales
    weights = rng.integers(-limit, limit, w_shape, endpoint=True).astype(np.float32) * view
    product = np.multiply(np.float32(x_scale), scales)
    constants = {"w": weights, "ws": view, "xs": x_scale, "ys": y_scale, "zero": 0, "bits": bits, "wide": 16}
    constants |= {"bias": rng.integers(-300, 300, 4) * product, "bs": product}
    attributes = {"Conv": {"pads": [1, 1, 0, 1]}, "MatMul": {}, "Gemm": {"transB": 1}}[op]
    operands = ["xq", "wq", *({"none": [], "float": ["bias"], "quantised": ["bq"]}[bias] if op != "MatMul" else [])]
    nodes = [
        quant("x", "xs", "zero", "bits", "xq"),
        quant("w", "ws", "zero", "bits", "wq", narrow=1),
        *([quant("bias", "bs", "zero", "wide", "bq")] if bias == "quantised" and op != "MatMul" else []),
        helper.make_node(op, operands, ["r"], name="layer", **attributes),
        helper.make_node("Relu", ["r"], ["a"], name="relu"),
        quant("a", "ys", "zero", "bits", "y", signed=0),
    ]
    return model(nodes, shape, constants)


@pytest.mark.parametrize("bias", ["none", "float", "quantised"])
@pytest.mark.parametrize("channels", [True, False])
@pytest.mark.parametrize("op", ["Conv", "MatMul", "Gemm"])
@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8])
def test_products_are_integers_of_that_width(bits: int, op: str, channels: bool, bias: str, objects: Cache) -> None:
    """With scales that are powers of two everything is exact: integers, floats and ONNX's reference agree."""
    w_scale = [0.25, 0.5, 0.125, 1.0] if channels else 0.25
    made = brevitas(bits, op, 2.0**-3, w_scale, 2.0**-2, bias)
    network = load(made.SerializeToString())
    mul = {site.type for site in lower(network).sites() if site.op == "mul"}
    assert mul == {f"i{bits}"}
    assert not {"Conv", "MatMul", "Gemm"} & {layer.op_type for layer in network.layers}
    rng = np.random.default_rng(7)
    x = (rng.standard_normal(network.inputs[0].shape) * 2).astype(np.float32)
    assert (run(network, x, objects) == fake(made, x)).all()


def fake(made: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    """The network in float as QONNX executes it."""
    from onnx.reference import ReferenceEvaluator
    from onnx.reference.op_run import OpRun

    class Quant(OpRun):
        op_domain = DOMAIN

        def _run(self, x, scale, zero, bits, signed=1, narrow=0, rounding_mode="ROUND"):
            return (reference(np.asarray(x), scale, float(zero), int(bits), signed, narrow, rounding_mode),)

    (found,) = ReferenceEvaluator(made, new_ops=[Quant]).run(None, {"x": x})
    return found


def test_other_scales_are_a_step_apart_at_most(objects: Cache) -> None:
    made = brevitas(4, "Conv", 0.131, [0.07, 0.31, 0.11, 0.013], 0.117, "quantised")
    network = load(made.SerializeToString())
    x = (np.random.default_rng(9).standard_normal(network.inputs[0].shape) * 2).astype(np.float32)
    steps = np.rint(run(network, x, objects) / np.float32(0.117)) - np.rint(fake(made, x) / np.float32(0.117))
    assert abs(steps).max() <= 1 and (steps != 0).mean() < 0.01


@pytest.mark.parametrize(
    ("constants", "attributes", "message"),
    [
        ({"s": 0.1, "z": 0.5, "b": 4}, {}, "a zero point of [0.5] is no integer; train with integers"),
        ({"s": 0.1, "z": 0, "b": 4.5}, {}, "a bit width of [4.5] is no integer"),
        ({"s": 0.1, "z": 0, "b": 1}, {}, "a bit width of 1 is not supported; use 2 to 32 bits, or BipolarQuant"),
        ({"s": 0.0, "z": 0, "b": 4}, {}, "a scale of 0.0 is no positive number; train again"),
        ({"s": 0.1, "z": 0, "b": 4}, {"rounding_mode": "HALF_UP"}, "rounding_mode 'HALF_UP' is not supported"),
        ({"s": np.ones((2, 3)), "z": 0, "b": 4}, {}, "a scale of shape [2, 3] has several axes; quantise along one"),
    ],
)
def test_refuses(constants: dict[str, object], attributes: dict[str, object], message: str) -> None:
    made = model([quant("x", "s", "z", "b", "y", **attributes)], (2, 3), constants)
    with pytest.raises(AsnetError) as caught:
        load(made.SerializeToString())
    assert f"node 'quant_y' (Quant): {message}" in str(caught.value)
