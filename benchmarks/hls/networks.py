"""Networks whose hardware is measured: LeFlow's unit kernels, dense and convolutional ones of any size."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import asnet
from asnet.types import Array

__all__ = ["KERNELS", "conv_network", "dense_network", "load_model", "random_feed"]

_SEED = 1


def load_model(model: onnx.ModelProto) -> asnet.Network:
    """The network of a model that is in no file."""
    return asnet.load(model.SerializeToString())


def _model(
    name: str,
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int]],
    output: Sequence[int],
    constants: Mapping[str, Array],
) -> onnx.ModelProto:
    def info(tensor: str, shape: Sequence[int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(tensor, TensorProto.FLOAT, list(shape))

    graph = helper.make_graph(
        list(nodes),
        name,
        [info(tensor, shape) for tensor, shape in inputs.items()],
        [info("y", output)],
        [numpy_helper.from_array(array, tensor) for tensor, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _drawn(*shape: int) -> Array:
    return np.random.default_rng(_SEED).standard_normal(shape).astype(np.float32)


def _vecmul(size: int) -> onnx.ModelProto:
    node = helper.make_node("Mul", ["a", "b"], ["y"], name="vecmul")
    return _model(f"vecmul_{size}", [node], {"a": (1, size), "b": (1, size)}, (1, size), {})


def _dense(size: int) -> onnx.ModelProto:
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"], name="dense")
    return _model(f"dense_{size}", [node], {"x": (1, 1)}, (1, size), {"w": _drawn(1, size), "b": _drawn(size)})


def _maxpool(side: int) -> onnx.ModelProto:
    node = helper.make_node("MaxPool", ["x"], ["y"], name="maxpool", kernel_shape=[2, 2], strides=[2, 2])
    return _model(f"maxpool_{side}", [node], {"x": (1, 1, side, side)}, (1, 1, side // 2, side // 2), {})


def _conv(side: int, filters: int) -> onnx.ModelProto:
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], name="conv")
    constants = {"w": _drawn(filters, 1, 3, 3), "b": _drawn(filters)}
    output = (1, filters, side - 2, side - 2)
    return _model(f"conv_{side}x{side}_{filters}", [node], {"x": (1, 1, side, side)}, output, constants)


KERNELS: Mapping[str, Callable[[], onnx.ModelProto]] = {
    "vecmul_8": lambda: _vecmul(8),
    "vecmul_64": lambda: _vecmul(64),
    "dense_8": lambda: _dense(8),
    "dense_64": lambda: _dense(64),
    "maxpool_8": lambda: _maxpool(8),
    "maxpool_32": lambda: _maxpool(32),
    "conv_64x64_2": lambda: _conv(64, 2),
}
"""LeFlow's unit kernels: products of two vectors, one input to n neurons, 2x2 maxima, a 3x3 convolution."""


def dense_network(sizes: Sequence[int] = (64, 16, 10)) -> onnx.ModelProto:
    """Dense layers with ReLU between them."""
    nodes: list[onnx.NodeProto] = []
    constants: dict[str, Array] = {}
    name, last = "x", len(sizes) - 1
    for number, (before, after) in enumerate(itertools.pairwise(sizes), start=1):
        constants |= {f"w{number}": _drawn(after, before), f"b{number}": _drawn(after)}
        sums = "y" if number == last else f"h{number}"
        inputs = [name, f"w{number}", f"b{number}"]
        nodes.append(helper.make_node("Gemm", inputs, [sums], name=f"dense{number}", transB=1))
        if number < last:
            name = f"r{number}"
            nodes.append(helper.make_node("Relu", [sums], [name], name=f"relu{number}"))
    label = f"dense_{'_'.join(map(str, sizes))}"
    return _model(label, nodes, {"x": (1, sizes[0])}, (1, sizes[-1]), constants)


def conv_network(channels: Sequence[int], side: int) -> onnx.ModelProto:
    """3x3 convolutions of padded feature maps of ``side`` x ``side`` words with ReLU between them."""
    nodes: list[onnx.NodeProto] = []
    constants: dict[str, Array] = {}
    name, last = "x", len(channels) - 1
    for number, (before, after) in enumerate(itertools.pairwise(channels), start=1):
        constants |= {f"w{number}": _drawn(after, before, 3, 3), f"b{number}": _drawn(after)}
        sums = "y" if number == last else f"h{number}"
        inputs = [name, f"w{number}", f"b{number}"]
        nodes.append(helper.make_node("Conv", inputs, [sums], name=f"conv{number}", pads=[1, 1, 1, 1]))
        if number < last:
            name = f"r{number}"
            nodes.append(helper.make_node("Relu", [sums], [name], name=f"relu{number}"))
    shapes = [(1, count, side, side) for count in (channels[0], channels[-1])]
    return _model(f"conv_{'_'.join(map(str, channels))}", nodes, {"x": shapes[0]}, shapes[1], constants)


def random_feed(network: asnet.Network, images: int) -> dict[str, Array]:
    """Inputs drawn from the normal distribution."""
    generator = np.random.default_rng(_SEED)
    return {
        tensor.name: generator.standard_normal((images, *tensor.shape[1:])).astype(np.float32)
        for tensor in network.inputs
    }
