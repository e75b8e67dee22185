"""Random small networks: convolutions, dense layers, pooling, normalisation, activations, residual additions."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from asnet.types import Array

__all__ = ["LAYERS", "random_images", "random_network"]

_ACTIVATIONS = ("Relu", "Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid")


class _Writer:
    """Writes a network layer by layer; ``name`` is the last tensor, ``shape`` its extents without the batch."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._numbers = np.random.default_rng(random.randrange(1 << 30))
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.name = "x"
        self.shape: tuple[int, ...] = (1 + random.randrange(3), 4 + random.randrange(4), 4 + random.randrange(4))
        if random.random() < 0.3:
            self.shape = (2 + random.randrange(12),)
        self.input_shape = self.shape

    def constant(self, *shape: int, positive: bool = False) -> str:
        values = self._numbers.standard_normal(shape) / max(1.0, np.prod(shape[1:])) ** 0.5
        name = f"c{len(self.constants)}"
        array = (np.abs(values) + 0.1 if positive else values).astype(np.float32)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op: str, *inputs: str, **attributes: object) -> None:
        output = f"t{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(op, list(inputs), [output], name=f"{op.lower()}{len(self.nodes)}", **attributes)
        )
        self.name = output

    def convolve(self) -> None:
        channels, height, width = self.shape
        kernel = min(1 + self._random.randrange(3), height, width)
        group = channels if self._random.random() < 0.2 else 1
        filters = group * (1 + self._random.randrange(2)) if group > 1 else 1 + self._random.randrange(5)
        pad, stride = self._random.randrange(kernel), 1 + self._random.randrange(2)
        inputs = [self.name, self.constant(filters, channels // group, kernel, kernel)]
        if self._random.random() < 0.7:
            inputs.append(self.constant(filters))
        self.node("Conv", *inputs, kernel_shape=[kernel] * 2, pads=[pad] * 4, strides=[stride] * 2, group=group)
        self.shape = (filters, (height + 2 * pad - kernel) // stride + 1, (width + 2 * pad - kernel) // stride + 1)

    def pool(self) -> None:
        channels, height, width = self.shape
        op = self._random.choice(("MaxPool", "AveragePool"))
        self.node(op, self.name, kernel_shape=[2, 2], strides=[2, 2])
        self.shape = (channels, height // 2, width // 2)

    def normalise(self) -> None:
        channels = self.shape[0]
        parts = [self.constant(channels, positive=number in (0, 3)) for number in range(4)]
        self.node("BatchNormalization", self.name, *parts)

    def activate(self) -> None:
        self.node(self._random.choice(_ACTIVATIONS), self.name)

    def add(self) -> None:
        """A residual connection around a convolution or a dense layer of the same shape."""
        before, size = self.name, self.shape[0]
        if len(self.shape) == 3:
            self.node("Conv", before, self.constant(size, size, 3, 3), kernel_shape=[3, 3], pads=[1] * 4)
        else:
            self.node("Gemm", before, self.constant(size, size), self.constant(size))
        self.node("Add", self.name, before)

    def dense(self) -> None:
        if len(self.shape) == 3:
            self.node("Flatten", self.name)
            self.shape = (int(np.prod(self.shape)),)
        outputs = 2 + self._random.randrange(11)
        self.node("Gemm", self.name, self.constant(self.shape[0], outputs), self.constant(outputs))
        self.shape = (outputs,)

    def layer(self) -> None:
        choices: list[Callable[[], None]] = [self.dense, self.activate, self.add]
        if len(self.shape) == 3:
            choices += [self.convolve, self.convolve, self.normalise]
            if min(self.shape[1:]) >= 2:
                choices.append(self.pool)
        self._random.choice(choices)()


LAYERS = 4
"""Random layers of a network, at most; dense ones come behind them."""


def random_network(random: Random, most: int = LAYERS) -> onnx.ModelProto:
    """A network of up to ``most`` random layers (the first ones of what there would be with more), then a dense one.

    Its input ``x`` has a dynamic batch.
    """
    writer = _Writer(random)
    for _ in range(min(1 + random.randrange(LAYERS), most)):
        writer.layer()
    writer.dense()
    if random.random() < 0.4:
        writer.node("Softmax", writer.name, axis=1)
    graph = helper.make_graph(
        writer.nodes,
        "random",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *writer.input_shape])],
        [helper.make_tensor_value_info(writer.name, TensorProto.FLOAT, ["N", *writer.shape])],
        writer.constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def random_images(random: Random, model: onnx.ModelProto, count: int) -> Array:
    """Images for a network: normal numbers, some zeros, some subnormals."""
    numbers = np.random.default_rng(random.randrange(1 << 30))
    shape = [dimension.dim_value for dimension in model.graph.input[0].type.tensor_type.shape.dim[1:]]
    images = numbers.standard_normal((count, *shape)).astype(np.float32)
    images[numbers.random(images.shape) < 0.1] = 0.0
    images[numbers.random(images.shape) < 0.02] = 1e-40
    return images
