"""ResNet-20 and convolutionalMNIST at 8 bits: accuracy beside float32, and onnxruntime's integers in every layer."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from asnet.cache import Cache
from asnet.quantizing import Quantization, QuantizedNetwork, quantize
from asnet.types import AnyArray
from tests.quantizing.conftest import NETWORKS, assert_same, by_asnet, by_onnxruntime

DATA = Path(os.environ.get("ASNET_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
LOSS = 0.002 + 1e-9
"""At most 0.2 points."""


def pixels(name: str, key: str, count: int) -> AnyArray:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"{name} is not in the folder of $ASNET_DATA")
    with np.load(path) as file:
        return file[key][:count]


def normalised(images: AnyArray) -> AnyArray:
    mean = np.float32([0.485, 0.456, 0.406])[:, None, None]
    deviation = np.float32([0.229, 0.224, 0.225])[:, None, None]
    return (images.astype(np.float32) / np.float32(255) - mean) / deviation


def accuracy(model: bytes, x: AnyArray, y: AnyArray) -> float:
    session = onnxruntime.InferenceSession(model)
    name = session.get_inputs()[0].name
    found = [session.run(None, {name: x[i : i + 100]})[0].argmax(axis=1) for i in range(0, len(x), 100)]
    return float(np.mean(np.concatenate(found) == y))


@pytest.fixture(scope="module")
def resnet() -> QuantizedNetwork:
    images = normalised(pixels("cifar10_train_10000.npz", "x", 128))
    path = DATA / "resnet20_cifar10.onnx"
    if not path.is_file():
        pytest.skip("resnet20_cifar10.onnx is not in the folder of $ASNET_DATA")
    return quantize(path, images, Quantization(format="qoperator"))


@pytest.mark.data
def test_resnet_has_onnxruntimes_integers(resnet: QuantizedNetwork, objects: Cache) -> None:
    x = normalised(pixels("cifar10_test_1000.npz", "x", 4))
    assert_same(by_asnet(resnet, {"x": x}, objects), by_onnxruntime(resnet.model, {"x": x}, disable_quant_qdq="1"))


@pytest.mark.data
def test_resnet_keeps_its_accuracy(resnet: QuantizedNetwork) -> None:
    x, y = (pixels("cifar10_test_1000.npz", key, 1000) for key in ("x", "y"))
    x = normalised(x)
    real = accuracy((DATA / "resnet20_cifar10.onnx").read_bytes(), x, y)
    assert real == pytest.approx(0.811, abs=0.003)
    assert accuracy(resnet.data, x, y) >= real - LOSS


@pytest.mark.data
@pytest.mark.parametrize("name", ["mnist_convolutional", "mnist_classification"])
def test_mnist_keeps_its_accuracy(name: str) -> None:
    shape = (-1, 1, 28, 28) if name == "mnist_convolutional" else (-1, 784)
    train, x = (
        (pixels("mnist.npz", key, count) / np.float32(255)).reshape(shape)
        for key, count in (("x_train", 256), ("x_test", 10_000))
    )
    y = pixels("mnist.npz", "y_test", 10_000)
    path = NETWORKS / f"{name}.onnx"
    assert accuracy(quantize(path, train).data, x, y) >= accuracy(path.read_bytes(), x, y) - LOSS
