"""A network of the shape that SVHN takes, and a test set: what exploring costs depends on shapes, not on learning.

32 x 32 x 3 → conv 3x3 to 8, ReLU, max 2x2 → conv 3x3 to 16, ReLU, max 2x2 → conv 3x3 to 32, ReLU, max 2x2 → dense to
10: 464,096 products an image in four layers. Weights are drawn (He et al., 2015) from a seed, images uniformly from
0..1, and the classes are the network's own answers, of which a tenth is drawn anew.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import asnet

__all__ = ["CHANNELS", "IMAGES", "write_data", "write_network"]

CHANNELS = (3, 8, 16, 32)
IMAGES = 3000
_CLASSES = 10


def write_network(path: Path, seed: int = 1) -> Path:
    """The network, as an ONNX file with a dynamic batch."""
    generator = np.random.default_rng(seed)

    def drawn(*shape: int) -> NDArray[np.float32]:
        return (generator.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)

    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    name, side = "image", 32
    for number, (before, after) in enumerate(itertools.pairwise(CHANNELS), start=1):
        weights += [
            numpy_helper.from_array(drawn(after, before, 3, 3), f"w{number}"),
            numpy_helper.from_array(np.zeros(after, np.float32), f"b{number}"),
        ]
        nodes += [
            helper.make_node("Conv", [name, f"w{number}", f"b{number}"], [f"c{number}"], name=f"conv{number}"),
            helper.make_node("Relu", [f"c{number}"], [f"r{number}"], name=f"relu{number}"),
            helper.make_node(
                "MaxPool", [f"r{number}"], [f"p{number}"], name=f"pool{number}", kernel_shape=[2, 2], strides=[2, 2]
            ),
        ]
        name, side = f"p{number}", (side - 2) // 2
    weights += [
        numpy_helper.from_array(drawn(_CLASSES, CHANNELS[-1] * side * side), "w4"),
        numpy_helper.from_array(np.zeros(_CLASSES, np.float32), "b4"),
    ]
    nodes += [
        helper.make_node("Flatten", [name], ["flat"], name="flatten"),
        helper.make_node("Gemm", ["flat", "w4", "b4"], ["logits"], name="dense", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "svhn",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", CHANNELS[0], 32, 32])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", _CLASSES])],
        weights,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def write_data(path: Path, network: Path, images: int = IMAGES, seed: int = 2) -> Path:
    """The test set of ``network``, as an ``.npz`` file."""
    generator = np.random.default_rng(seed)
    x = generator.random((images, CHANNELS[0], 32, 32), np.float32)
    blank = asnet.Dataset.from_arrays(x, np.zeros(images, np.int64))
    bed = asnet.TestBed(asnet.load(network), blank)
    answers = bed.outputs(dict.fromkeys((slot.name for slot in bed.slots), "exact"))["logits"]
    y = answers.reshape(images, -1).argmax(axis=1)
    drawn = generator.random(images) < 0.1
    np.savez(path, x=x, y=np.where(drawn, generator.integers(0, _CLASSES, images), y))
    return path
