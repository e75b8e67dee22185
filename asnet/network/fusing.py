"""Networks in QDQ form: DequantizeLinear → Conv, MatMul or Gemm → QuantizeLinear becomes the integer operator it means.

That is QLinearConv or QLinearMatMul; a Gemm is the QLinearConv with a kernel of one element over rows, between two
Reshapes. The integer form is what onnxruntime computes for the pattern too; computed in float, results may round to a
neighbour. It is taken only where

- both operands come from DequantizeLinear of 8-bit numbers, per tensor, or a constant weight per output channel;
- scales and zero points are constants;
- the bias, if any, is a constant int32 behind a DequantizeLinear with the scale ``x_scale·w_scale`` and zero point 0;
- nothing but one QuantizeLinear to 8 bits per tensor reads the result, or a Relu before it whose zero is the least
  number of the output's type, so that saturating is what Relu does.

Everything else is computed in float as written.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from asnet.network.checking import DEFAULT_DOMAINS
from asnet.network.graph import drop_unreachable, replace_nodes
from asnet.types import AnyArray, Array

__all__ = ["fuse"]

_BYTES = (np.dtype(np.int8), np.dtype(np.uint8))
_SCALE_TOLERANCE = 1e-6
"""A bias scale that was computed in another order of operations is still the product of the two scales."""


@dataclass(frozen=True)
class _Dequantised:
    """What a DequantizeLinear reads: ``source``, with constant scale and zero point (one per position of ``axis``)."""

    source: str
    names: tuple[str, str]
    scale: AnyArray
    zero: AnyArray
    axis: int


class _Graph:
    """A graph with its producers, uses and constants."""

    def __init__(self, model: onnx.ModelProto, constants: dict[str, Array]) -> None:
        self.graph = model.graph
        self.constants = constants
        self.producers = {name: node for node in model.graph.node for name in node.output if name}
        self.uses = Counter(name for node in model.graph.node for name in node.input)
        self.uses.update(value.name for value in model.graph.output)
        self.consumers = {name: node for node in model.graph.node for name in node.input}
        self.taken = {*self.producers, *self.constants, *(value.name for value in model.graph.input)}

    def dequantised(self, name: str) -> _Dequantised | None:
        """The DequantizeLinear that computes ``name``, if its parameters are constant."""
        node = self.producers.get(name)
        if node is None or node.op_type != "DequantizeLinear" or _attribute(node, "block_size", 0):
            return None
        found = self._parameters(node)
        return found and _Dequantised(node.input[0], *found, axis=_attribute(node, "axis", 1))

    def quantised(self, node: onnx.NodeProto) -> _Dequantised | None:
        """The parameters of a QuantizeLinear to 8 bits per tensor."""
        found = self._parameters(node)
        if found is None or found[1].size != 1 or found[2].dtype not in _BYTES or _attribute(node, "precision", 0):
            return None
        return _Dequantised(node.output[0], *found, axis=0)

    def _parameters(self, node: onnx.NodeProto) -> tuple[tuple[str, str], AnyArray, AnyArray] | None:
        if len(node.input) < 3 or any(name not in self.constants for name in node.input[1:3]):
            return None
        scale, zero = (self.constants[name] for name in node.input[1:3])
        return ((node.input[1], node.input[2]), scale, zero) if scale.dtype == np.float32 else None

    def constant(self, stem: str, values: AnyArray) -> str:
        """A new constant."""
        name = self.name(stem)
        self.constants[name] = np.ascontiguousarray(values)
        return name

    def name(self, stem: str) -> str:
        """A tensor name that nothing has."""
        while stem in self.taken:
            stem += "_"
        self.taken.add(stem)
        return stem


def _attribute(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == name), default)


def fuse(model: onnx.ModelProto, constants: dict[str, Array]) -> None:
    """Put the integer operators in place of the patterns in ``model``; ``constants`` are its constant tensors, to
    which new ones are added.

    DequantizeLinear nodes of constants must not have been folded. The integer operator has the name of the Conv, MatMul
    or Gemm.
    """
    graph = _Graph(model, constants)
    fused: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        if node.op_type in _FUSIONS and node.domain in DEFAULT_DOMAINS:
            last = _output(graph, node)
            made = last and _FUSIONS[node.op_type](graph, node, last)
            if made and last:
                fused[last.source] = made
    if not fused:
        return
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        nodes.extend(fused.get(node.output[0], [node]))
    replace_nodes(model.graph, nodes)
    drop_unreachable(model.graph)


def _output(graph: _Graph, node: onnx.NodeProto) -> _Dequantised | None:
    """The QuantizeLinear behind ``node``, if it alone reads the result."""
    name, relu = node.output[0], False
    following = graph.consumers.get(name)
    if following is not None and following.op_type == "Relu" and graph.uses[name] == 1:
        name, relu = following.output[0], True
        following = graph.consumers.get(name)
    if (
        following is None
        or following.op_type != "QuantizeLinear"
        or graph.uses[name] != 1
        or following.input[0] != name
    ):
        return None
    found = graph.quantised(following)
    if found is None or (relu and int(found.zero.item()) != np.iinfo(found.zero.dtype).min):
        return None
    return found


def _bias(graph: _Graph, name: str, x: _Dequantised, w: _Dequantised, channels: int) -> str | None:
    """The int32 constant behind the bias ``name``; None if it is not one in units of ``x_scale·w_scale``."""
    found = graph.dequantised(name)
    if found is None or found.source not in graph.constants or found.zero.any():
        return None
    values = graph.constants[found.source]
    expected = np.broadcast_to(np.multiply(x.scale, w.scale).ravel(), channels)
    if values.dtype != np.int32 or values.shape != (channels,) or found.scale.size not in (1, channels):
        return None
    close = np.allclose(np.broadcast_to(found.scale.ravel(), channels), expected, rtol=_SCALE_TOLERANCE, atol=0)
    return found.source if close else None


def _operands(graph: _Graph, node: onnx.NodeProto) -> tuple[_Dequantised, _Dequantised] | None:
    """Both operands, if they are 8-bit numbers and the first is quantised per tensor."""
    x, w = graph.dequantised(node.input[0]), graph.dequantised(node.input[1])
    if x is None or w is None or x.zero.dtype not in _BYTES or w.zero.dtype not in _BYTES or x.scale.size != 1:
        return None
    return (x, w) if w.scale.size == 1 or w.source in graph.constants else None


def _conv(graph: _Graph, node: onnx.NodeProto, y: _Dequantised) -> list[onnx.NodeProto] | None:
    found = _operands(graph, node)
    if found is None:
        return None
    x, w = found
    if w.scale.size != 1 and w.axis != 0:
        return None
    bias: list[str] = []
    if len(node.input) > 2 and node.input[2]:
        weights = graph.constants.get(w.source)
        source = None if weights is None else _bias(graph, node.input[2], x, w, weights.shape[0])
        if source is None:
            return None
        bias = [source]
    made = onnx.NodeProto()
    made.CopyFrom(node)
    made.op_type = "QLinearConv"
    made.input[:] = [x.source, *x.names, w.source, *w.names, *y.names, *bias]
    made.output[:] = [y.source]
    return [made]


def _matmul(graph: _Graph, node: onnx.NodeProto, y: _Dequantised) -> list[onnx.NodeProto] | None:
    found = _operands(graph, node)
    if found is None:
        return None
    x, w = found
    weights = graph.constants.get(w.source)
    if w.scale.size != 1 and (weights is None or weights.ndim != 2 or w.axis % 2 != 1):
        return None
    names = [x.source, *x.names, w.source, *w.names, *y.names]
    return [helper.make_node("QLinearMatMul", names, [y.source], name=node.name)]


def _gemm(graph: _Graph, node: onnx.NodeProto, y: _Dequantised) -> list[onnx.NodeProto] | None:
    found = _operands(graph, node)
    factors = [attribute.f for attribute in node.attribute if attribute.name in ("alpha", "beta")]
    if found is None or _attribute(node, "transA", 0) or any(factor != 1 for factor in factors):
        return None
    x, w = found
    weights = graph.constants.get(w.source)
    transposed = bool(_attribute(node, "transB", 0))
    if weights is None or weights.ndim != 2 or (w.scale.size != 1 and w.axis % 2 != (0 if transposed else 1)):
        return None
    weights = weights if transposed else weights.T
    bias: list[str] = []
    if len(node.input) > 2 and node.input[2]:
        source = _bias(graph, node.input[2], x, w, weights.shape[0])
        if source is None:
            return None
        bias = [source]
    kernel = graph.constant(f"{node.name}.kernel", weights[:, :, None])
    rows, result = graph.name(f"{node.name}.rows"), graph.name(f"{node.name}.result")
    shapes = [
        graph.constant(f"{node.name}.{name}", np.array(shape, np.int64))
        for name, shape in (("from", (-1, weights.shape[1], 1)), ("to", (-1, weights.shape[0])))
    ]
    names = [rows, *x.names, kernel, *w.names, *y.names, *bias]
    return [
        helper.make_node("Reshape", [x.source, shapes[0]], [rows], name=f"{node.name}.rows"),
        helper.make_node("QLinearConv", names, [result], name=node.name),
        helper.make_node("Reshape", [result, shapes[1]], [y.source], name=f"{node.name}.result"),
    ]


_FUSIONS = {"Conv": _conv, "MatMul": _matmul, "Gemm": _gemm}
