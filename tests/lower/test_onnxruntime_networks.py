"""Networks that onnxruntime quantises: all results are onnxruntime's, bit for bit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from asnet.cache import Cache
from asnet.ir.jit import Engine
from asnet.lower import lower
from asnet.network import load
from asnet.types import FloatMode

NETWORKS = Path(__file__).resolve().parents[2] / "examples" / "networks"
IMAGES = 60


class Images(CalibrationDataReader):
    def __init__(self, name: str, images: np.ndarray) -> None:
        self._images: Iterator[dict[str, np.ndarray]] = iter([{name: image} for image in images])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._images, None)


@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
@pytest.mark.parametrize("per_channel", [False, True], ids=["tensor", "channel"])
@pytest.mark.parametrize(("activation", "weight"), [("QUInt8", "QInt8"), ("QInt8", "QInt8"), ("QUInt8", "QUInt8")])
@pytest.mark.parametrize("name", ["digits_dense", "digits_conv"])
def test_same_integers(
    name: str, activation: str, weight: str, per_channel: bool, form: str, tmp_path: Path, objects: Cache
) -> None:
    source, goal = NETWORKS / f"{name}.onnx", tmp_path / "quantised.onnx"
    first = load(source).inputs[0]
    with np.load(NETWORKS / "digits_test.npz") as data:
        images = data["x"][:IMAGES].reshape(IMAGES, *first.shape)
    quantize_static(
        source,
        goal,
        Images(first.name, images),
        quant_format=QuantFormat[form],
        per_channel=per_channel,
        activation_type=QuantType[activation],
        weight_type=QuantType[weight],
    )
    model = goal.read_bytes()
    network = load(model)
    assert not {layer.op_type for layer in network.layers} & {"Conv", "Gemm", "MatMul", "Relu"}
    engine = Engine(lower(network, FloatMode.IEEE), cache=objects)
    state = engine.state(IMAGES)
    engine.run({first.name: images}, state=state)
    found = engine.memory(state, network.outputs[0].name)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.qdqisint8allowed", "1")  # else it computes int8 in float on x86
    session = onnxruntime.InferenceSession(model, options)
    assert (found == np.stack([session.run(None, {first.name: image})[0] for image in images])).all()


DATA = Path(os.environ.get("ASNET_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
RESNET = DATA / "resnet20_cifar10.onnx"


@pytest.mark.skipif(not RESNET.exists(), reason="resnet20_cifar10.onnx is not in the folder of $ASNET_DATA")
@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
def test_all_integers_of_a_residual_network(form: str, tmp_path: Path, objects: Cache) -> None:
    goal = tmp_path / "resnet.onnx"
    mean, deviation = (np.float32(v).reshape(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    with np.load(DATA / "cifar10_test_1000.npz") as data:
        images = (data["x"][:16, None] / np.float32(255) - mean) / deviation
    quantize_static(
        RESNET,
        goal,
        Images("x", images),
        quant_format=QuantFormat[form],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    model = onnx.load(goal)
    network = load(goal.read_bytes())
    named = {name for node in model.graph.node for name in node.output}
    outputs = [network.outputs[0].name]
    if form == "QOperator":  # in QDQ form, what is read from outside is not joined to operators
        outputs += [
            layer.outputs[0]
            for layer in network.layers
            if layer.outputs[0] in named and network.tensors[layer.outputs[0]].dtype == "uint8"
        ]
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs[1:])
    engine = Engine(lower(network, FloatMode.IEEE), cache=objects)
    state = engine.state(len(images))
    engine.run({"x": images}, state=state)
    session = onnxruntime.InferenceSession(onnx.shape_inference.infer_shapes(model).SerializeToString())
    runs = [session.run(outputs, {"x": image}) for image in images]
    assert len(outputs) > (30 if form == "QOperator" else 0)
    for position, name in enumerate(outputs):
        assert (engine.memory(state, name) == np.stack([run[position] for run in runs])).all(), name
