"""The tasks that quantised networks are measured on: ResNet-20 and convolutionalMNIST, with their images.

Needs the data sets of ``$ASNET_DATA``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["TASKS", "Task"]

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("ASNET_DATA") or ROOT.parent / "shared" / "data")
CALIBRATION_IMAGES = 256

Images = NDArray[np.float32]


@dataclass(frozen=True)
class Task:
    """A network with its calibration and test images."""

    network: Path
    calibration: Images
    x: Images
    y: NDArray[np.int64]


def cifar() -> Task:
    """ResNet-20; pixels as its network wants them."""
    mean = np.float32([0.485, 0.456, 0.406])[:, None, None]
    deviation = np.float32([0.229, 0.224, 0.225])[:, None, None]

    def images(name: str, count: int) -> tuple[Images, NDArray[np.int64]]:
        with np.load(DATA / name) as file:
            pixels = file["x"][:count].astype(np.float32) / np.float32(255)
            return (pixels - mean) / deviation, file["y"][:count]

    calibration, _ = images("cifar10_train_10000.npz", CALIBRATION_IMAGES)
    return Task(DATA / "resnet20_cifar10.onnx", calibration, *images("cifar10_test_1000.npz", 1000))


def mnist() -> Task:
    """convolutionalMNIST, the shipped network."""
    with np.load(DATA / "mnist.npz") as file:
        train, test = (
            (file[name].astype(np.float32) / np.float32(255)).reshape(-1, 1, 28, 28) for name in ("x_train", "x_test")
        )
        network = ROOT / "examples" / "networks" / "mnist_convolutional.onnx"
        return Task(network, train[:CALIBRATION_IMAGES], test, file["y_test"].astype(np.int64))


TASKS = {"ResNet-20": cifar, "convolutionalMNIST": mnist}
