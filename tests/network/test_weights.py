"""Large constants: read apart from the model, held once; the light models of the onnx package load and lower."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from asnet.lower import lower
from asnet.network import load
from asnet.network.weights import LARGE, detach, split
from asnet.types import FloatMode

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def tensors(random):
    yield "large", random(3, LARGE)
    yield "small", random(LARGE // 8)
    yield "integers", np.arange(2 * LARGE, dtype=np.int8)
    yield "empty", random(0)


@pytest.fixture
def built(model, random):
    named = dict(tensors(random))
    nodes = [helper.make_node("Add", ["x", "large"], ["y"]), helper.make_node("Identity", ["integers"], ["z"])]
    made = model(nodes, {"x": [3, LARGE]}, constants=named)
    made.graph.output.append(helper.make_tensor_value_info("z", TensorProto.INT8, [2 * LARGE]))
    return made


def test_split_takes_out_the_large_and_nothing_else(built):
    data = built.SerializeToString()
    parts = split(io.BytesIO(data))
    assert parts.digest == hashlib.sha256(data).hexdigest()
    assert sorted(parts.raw) == [0, 2]
    assert len(parts.data) + sum(raw.nbytes for raw in parts.raw.values()) < len(data)
    light = onnx.load_model_from_string(parts.data)
    for number, raw in parts.raw.items():
        light.graph.initializer[number].raw_data = raw.tobytes()
    assert light == built


def test_detached_weights_have_their_values(built, random):
    for raw in ({}, split(io.BytesIO(built.SerializeToString())).raw):
        light = onnx.ModelProto()
        light.CopyFrom(built)
        weights = detach(light, raw)
        assert [tensor.name for tensor in light.graph.initializer] == ["small", "empty"]
        for tensor in built.graph.initializer:
            if tensor.name in weights:
                assert np.array_equal(weights[tensor.name], numpy_helper.to_array(tensor))
        assert weights.keys() == {"large", "integers"}


def test_what_does_not_fit_its_shape_stays(built):
    built.graph.initializer[0].dims[0] = 4
    light = onnx.ModelProto()
    light.CopyFrom(built)
    weights = detach(light, split(io.BytesIO(built.SerializeToString())).raw)
    assert weights.keys() == {"integers"}
    assert light.graph.initializer[0].raw_data == built.graph.initializer[0].raw_data


def test_a_constant_in_float_data_is_detached_too(model):
    values = np.linspace(0, 1, 2 * LARGE, dtype=np.float32)
    made = model([helper.make_node("Add", ["x", "c"], ["y"])], {"x": [2 * LARGE]}, constants={"c": values})
    made.graph.initializer[0].CopyFrom(helper.make_tensor("c", TensorProto.FLOAT, values.shape, values))
    assert np.array_equal(load(made.SerializeToString()).constants["c"], values)


@pytest.mark.parametrize("name", sorted(path.stem.removeprefix("light_") for path in LIGHT.glob("*.onnx")))
def test_the_light_models_load_and_lower(name):
    network = load(LIGHT / f"light_{name}.onnx")
    assert network.outputs[0].shape in {(1, 1000), (1, 1000, 1, 1)}
    module = lower(network, FloatMode.FTZ)
    assert all(memory.nbytes for memory in module.memories.values())


def test_weights_are_held_once():
    tracemalloc.start()
    try:
        network = load(LIGHT / "light_resnet50.onnx")
        lower(network, FloatMode.FTZ)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    weights = sum(array.nbytes for array in network.constants.values())
    assert weights > 100e6
    assert peak < 1.2 * weights


def test_weights_of_a_file_are_held_once(tmp_path, model):
    weights = np.ones((4096, 4096), np.float32)
    made = model([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": [1, 4096]}, constants={"w": weights})
    onnx.save(made, tmp_path / "net.onnx")
    del made
    tracemalloc.start()
    try:
        network = load(tmp_path / "net.onnx")
        lower(network, FloatMode.FTZ)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert np.array_equal(network.constants["w"], weights)
    assert peak < 1.2 * weights.nbytes


def test_a_model_whose_only_constants_are_split_but_not_detached_keeps_them(model, random):
    values = random(LARGE // 2)
    made = model([helper.make_node("Add", ["x", "w"], ["y"])], {"x": [LARGE // 2]}, constants={"w": values})
    network = load(made.SerializeToString())
    assert np.array_equal(network.constants["w"], values)
