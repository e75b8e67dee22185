"""The shipped networks are what examples/networks/README.md says they are."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "networks"
MNIST = Path(os.environ.get("ASNET_DATA") or ROOT.parent / "shared" / "data") / "mnist.npz"
NO_MNIST = "mnist.npz is not in the folder of $ASNET_DATA"

CONV_STAGES = [
    ("conv1", "Conv"), ("relu1", "Relu"), ("pool1", "MaxPool"),
    ("conv2", "Conv"), ("relu2", "Relu"), ("pool2", "MaxPool"), ("flatten", "Flatten"),
]  # fmt: skip
NODES = {
    "digits_dense": [("dense1", "Gemm"), ("relu1", "Relu"), ("dense2", "Gemm"), ("softmax", "Softmax")],
    "digits_conv": [*CONV_STAGES, ("dense1", "Gemm"), ("softmax", "Softmax")],
    "mnist_classification": [("dense1", "Gemm"), ("softmax", "Softmax")],
    "mnist_convolutional": [*CONV_STAGES, ("dense1", "Gemm"), ("dense2", "Gemm"), ("softmax", "Softmax")],
}
INPUTS = {
    "digits_dense": ["N", 64],
    "digits_conv": ["N", 1, 8, 8],
    "mnist_classification": ["N", 784],
    "mnist_convolutional": ["N", 1, 28, 28],
}
WEIGHTS = {
    "digits_dense": {"dense1": (32, 64), "dense2": (10, 32)},
    "digits_conv": {"conv1": (8, 1, 3, 3), "conv2": (16, 8, 3, 3), "dense1": (10, 64)},
    "mnist_classification": {"dense1": (10, 784)},
    "mnist_convolutional": {
        "conv1": (8, 1, 3, 3), "conv2": (16, 8, 3, 3), "dense1": (20, 400), "dense2": (10, 20),
    },
}  # fmt: skip
FLOORS = {"digits": 0.96, "mnist_classification": 0.92, "mnist_convolutional": 0.98}


def readme_rows() -> dict[str, list[str]]:
    """The cells after the name, by network, of README.md's table."""
    rows = re.findall(r"^\| `(\w+)\.onnx` \| (.*) \|$", (FOLDER / "README.md").read_text(), re.MULTILINE)
    return {name: cells.split(" | ") for name, cells in rows}


def load(name: str) -> onnx.ModelProto:
    return onnx.load(FOLDER / f"{name}.onnx")


def shape_of(value: onnx.ValueInfoProto) -> list[str | int]:
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def held_out(name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The test images of a network, flat, and their labels; skips where MNIST is absent."""
    if name.startswith("mnist"):
        if not MNIST.is_file():
            pytest.skip(NO_MNIST)
        with np.load(MNIST) as file:
            return file["x_test"].reshape(-1, 784).astype(np.float32) / 255, file["y_test"]
    with np.load(FOLDER / "digits_test.npz") as file:
        return file["x"], file["y"]


@pytest.fixture
def script() -> Iterator[ModuleType]:
    """train.py as a module; importing it needs no development tool."""
    spec = importlib.util.spec_from_file_location("train", FOLDER / "train.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["train"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["train"]


@pytest.mark.parametrize("name", NODES)
def test_file_is_the_documented_network(name: str) -> None:
    model = load(name)
    onnx.checker.check_model(model, full_check=True)
    graph = model.graph
    assert [(node.name, node.op_type) for node in graph.node] == NODES[name]
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    assert model.producer_name == "asnet"
    assert [(v.name, shape_of(v)) for v in graph.input] == [("x", INPUTS[name])]
    assert [(v.name, shape_of(v)) for v in graph.output] == [("probabilities", ["N", 10])]
    expected: dict[str, tuple[int, ...]] = {}
    for layer, shape in WEIGHTS[name].items():
        expected |= {f"{layer}.weight": shape, f"{layer}.bias": shape[:1]}
    assert {t.name: tuple(t.dims) for t in graph.initializer} == expected
    assert {t.data_type for t in graph.initializer} == {onnx.TensorProto.FLOAT}


def test_readme_names_every_network_and_nothing_else() -> None:
    assert set(readme_rows()) == set(NODES) == {path.stem for path in FOLDER.glob("*.onnx")}


@pytest.mark.parametrize("name", NODES)
def test_readme_counts_parameters_and_macs(name: str) -> None:
    _, parameters, macs, *_ = readme_rows()[name]
    model = onnx.shape_inference.infer_shapes(load(name), strict_mode=True)
    graph = model.graph
    inferred = {value.name: shape_of(value) for value in [*graph.value_info, *graph.output]}
    weights = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    assert int(parameters.replace(",", "")) == sum(w.size for w in weights.values())
    counted = 0
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm"):
            pixels = [int(d) for d in inferred[node.output[0]][2:]]
            counted += weights[node.input[1]].size * int(np.prod(pixels))
    assert int(macs.replace(",", "")) == counted


@pytest.mark.parametrize("name", ["digits_dense", "digits_conv"])
def test_reference_evaluator_reaches_the_floor_on_digits(name: str) -> None:
    x, y = (values[:150] for values in held_out(name))
    (p,) = ReferenceEvaluator(load(name)).run(None, {"x": x.reshape(-1, *INPUTS[name][1:])})
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert np.mean(p.argmax(axis=1) == y) >= 0.95


@pytest.mark.parametrize("name", NODES)
def test_accuracy_is_the_one_in_the_readme(name: str) -> None:
    runtime = pytest.importorskip("onnxruntime", exc_type=ImportError)
    x, y = held_out(name)
    session = runtime.InferenceSession(FOLDER / f"{name}.onnx", providers=["CPUExecutionProvider"])
    (p,) = session.run(None, {"x": x.reshape(-1, *INPUTS[name][1:])})
    measured = float(np.mean(p.argmax(axis=1) == y))
    *_, images, stated = readme_rows()[name]
    assert images == f"{len(y):,}"
    # 1/450: another processor's kernels may turn one near tie of the digits
    assert measured == pytest.approx(float(stated.rstrip("%")) / 100, abs=1 / 450)
    assert measured >= FLOORS.get(name, FLOORS["digits"])


def test_digits_test_set_is_flat_float32_in_0_to_1() -> None:
    x, y = held_out("digits_dense")
    assert (x.dtype, x.shape) == (np.float32, (450, 64))
    assert (y.dtype, y.shape) == (np.int64, (450,))
    assert x.min() == 0 and x.max() == 1
    assert set(np.bincount(y, minlength=10).tolist()) <= set(range(43, 47))  # stratified: 450 over 10 classes


def test_no_held_out_digit_is_in_the_training_split(script: ModuleType) -> None:
    pytest.importorskip("sklearn", reason="the split is recomputed with scikit-learn")
    x_train, _, x_test, y_test = script.digits()
    x, y = held_out("digits_dense")
    assert np.array_equal(x, x_test) and np.array_equal(y, y_test)
    seen = {image.tobytes() for image in x_train}
    assert len(x_train) + len(x) == 1797
    assert [i for i, image in enumerate(x) if image.tobytes() in seen] == []


@pytest.mark.parametrize("name", NODES)
def test_same_weights_give_the_shipped_bytes(name: str, script: ModuleType) -> None:
    shipped = load(name)
    weights = {t.name: numpy_helper.to_array(t) for t in shipped.graph.initializer}
    model = script.to_onnx(name, script.EXAMPLES[name], weights)
    assert model.SerializeToString(deterministic=True) == (FOLDER / f"{name}.onnx").read_bytes()


def test_without_mnist_its_networks_are_skipped_and_say_so(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASNET_DATA", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["train.py", "mnist_classification"])
    assert script.main() == 0
    missing = f"{tmp_path / 'mnist.npz'} is not there (set ASNET_DATA to its folder)\n"
    assert capsys.readouterr().err == f"mnist_classification: skipped, {missing}"
    monkeypatch.setattr(sys, "argv", ["train.py", "--mnist-test-set", str(tmp_path / "test.npz")])
    assert script.main() == 2
    assert capsys.readouterr().err == missing
    assert list(tmp_path.iterdir()) == []


def test_mnist_test_set_is_the_10000_images(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not MNIST.is_file():
        pytest.skip(NO_MNIST)
    monkeypatch.setattr(sys, "argv", ["train.py", "--mnist-test-set", str(tmp_path / "test.npz")])
    assert script.main() == 0
    with np.load(tmp_path / "test.npz") as file, np.load(MNIST) as source:
        assert (file["x"].dtype, file["y"].dtype) == (np.float32, np.int64)
        assert np.array_equal(file["y"], source["y_test"])
        assert np.array_equal(np.rint(file["x"] * 255).reshape(-1, 28, 28), source["x_test"])
