"""ONNX's backend interface: preparing, running, shapes that come late, parameters, errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from asnet import backend
from asnet.errors import DataError, UnsupportedError
from asnet.network import oracle


def model(node, inputs, outputs=("y",), opset=21):
    graph = helper.make_graph(
        [node],
        "test",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [onnx.ValueInfoProto(name=name) for name in outputs],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    made = onnx.shape_inference.infer_shapes(made)
    for value in made.graph.output:  # the checker wants a shape where none can be inferred
        value.type.tensor_type.elem_type = inputs["x"][0]
        value.type.tensor_type.shape.SetInParent()
    return made


def test_run_node() -> None:
    x = np.array([-1.5, 2.0], np.float32)
    assert backend.run_node(helper.make_node("Relu", ["x"], ["y"]), [x])[0].tolist() == [0.0, 2.0]
    (y,) = backend.run_node(helper.make_node("Add", ["a", "b"], ["y"]), [np.int8([100]), np.int8([100])])
    assert y.dtype == np.int8 and y.tolist() == [-56]


def test_subnormals_are_kept() -> None:
    x = np.array([1e-40], np.float32)
    assert backend.run_node(helper.make_node("Add", ["x", "x"], ["y"]), [x])[0] == x + x


def test_outputs_are_found_by_name_and_number() -> None:
    outputs = backend.run_model(model(helper.make_node("Neg", ["x"], ["y"]), {"x": (1, (2,))}), np.float32([1, 2]))
    assert outputs[0].tolist() == outputs["y"].tolist() == [-1.0, -2.0]


def test_shapes_may_come_late() -> None:
    ready = backend.prepare(model(helper.make_node("Neg", ["x"], ["y"]), {"x": (TensorProto.INT32, ("N", "M"))}))
    for shape in ((2, 3), (1, 5), (2, 3)):
        x = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
        assert np.array_equal(ready.run([x])[0], -x)


def test_every_extent_of_a_network_with_dynamic_axes() -> None:
    runtime = pytest.importorskip("onnxruntime", reason="the reference")
    path = Path(__file__).resolve().parents[2] / "examples" / "sentences" / "sentences.onnx"
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    ready = backend.prepare(onnx.load(path))
    for shape in ((3, 5), (1, 12), (4, 2)):
        words = np.random.default_rng(1).integers(0, 16, shape)
        np.testing.assert_allclose(ready.run([words])[0], session.run(None, {"words": words})[0], atol=1e-5)


def test_parameters_are_compiled_in() -> None:
    inputs = {"x": (1, (2, 3)), "shape": (TensorProto.INT64, (2,))}
    ready = backend.prepare(model(helper.make_node("Reshape", ["x", "shape"], ["y"]), inputs))
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    for shape in ((3, 2), (6, 1), (1, -1)):
        assert np.array_equal(ready.run({"x": x, "shape": np.array(shape)})[0], x.reshape(shape))


def test_faults() -> None:
    relu = model(helper.make_node("Relu", ["x"], ["y"]), {"x": (1, (2,))})
    with pytest.raises(UnsupportedError, match="device 'CUDA' is not supported; use 'CPU'"):
        backend.prepare(relu, "CUDA")
    ready = backend.prepare(relu)
    with pytest.raises(DataError, match="input 'x' is float64, the model takes float32; convert it"):
        ready.run([np.zeros(2)])
    with pytest.raises(DataError, match="2 inputs for a model of 1; leave out the others"):
        ready.run([np.zeros(2, np.float32)] * 2)
    with pytest.raises(DataError, match="input 'x' of the model is missing"):
        ready.run({})


def test_is_compatible() -> None:
    assert backend.is_compatible(model(helper.make_node("Relu", ["x"], ["y"]), {"x": (1, (2,))}))
    assert not backend.is_compatible(model(helper.make_node("Det", ["x"], ["y"]), {"x": (TensorProto.DOUBLE, (2, 2))}))
    assert backend.supports_device("CPU:0") and not backend.supports_device("CUDA")


def test_functions_of_the_specification_are_expanded() -> None:
    assert "MeanVarianceNormalization" not in oracle.OPERATORS
    x = np.random.default_rng(1).standard_normal((2, 3, 4, 4)).astype(np.float32)
    (y,) = backend.run_node(helper.make_node("MeanVarianceNormalization", ["x"], ["y"]), [x])
    mean, deviation = (f(x, axis=(0, 2, 3), keepdims=True) for f in (np.mean, np.std))
    np.testing.assert_allclose(y, (x - mean) / deviation, rtol=1e-4, atol=1e-5)
