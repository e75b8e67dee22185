"""Operators between DequantizeLinear and QuantizeLinear that onnxruntime computes on 8-bit tensors as a whole.

All operands have constant parameters per tensor, and one 8-bit type with the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx
from onnx import helper

from asnet.network.fusing_graph import Dequantised, FusingGraph, Fusion, Quantised

__all__ = ["OTHERS"]

_BYTES = ("int8", "uint8")
_Nodes = list[onnx.NodeProto]


def _operands(graph: FusingGraph, node: onnx.NodeProto) -> tuple[list[Dequantised], Quantised] | None:
    found = [operand for operand in map(graph.dequantised, node.input) if operand is not None]
    y = graph.quantised(node.output[0])
    if y is None or not y.saturates or y.dtype not in _BYTES or len(found) != len(node.input):
        return None
    return (found, y) if all(operand.per_tensor and operand.dtype == y.dtype for operand in found) else None


def _made(
    graph: FusingGraph, node: onnx.NodeProto, inputs: Sequence[str], y: Quantised, without: Sequence[str] = ()
) -> _Nodes:
    made = graph.own(f"QLinear{node.op_type}", list(inputs), [y.source], node.name, y.dtype)
    made.attribute.extend(item for item in node.attribute if item.name not in without)
    return [made]


def _names(operands: Sequence[Dequantised]) -> list[str]:
    """The inputs that give the operands: numbers, scale and zero point of each."""
    return [name for operand in operands for name in (operand.source, *operand.names)]


def _binary(graph: FusingGraph, node: onnx.NodeProto) -> _Nodes | None:
    found = _operands(graph, node)
    if found is None:
        return None
    operands, y = found
    return _made(graph, node, [*_names(operands), *y.names], y)


def _unary(graph: FusingGraph, node: onnx.NodeProto) -> _Nodes | None:
    found = _operands(graph, node)
    if found is None or any(item.name == "ceil_mode" and item.i for item in node.attribute):
        return None
    (x,), y = found
    made = _made(graph, node, [x.source, *x.names, *y.names], y)
    if node.op_type == "Softmax":
        made[0].attribute.append(helper.make_attribute("opset", graph.opset))
    return made


def _concat(graph: FusingGraph, node: onnx.NodeProto) -> _Nodes | None:
    found = _operands(graph, node)
    if found is None:
        return None
    operands, y = found
    return _made(graph, node, [*y.names, *_names(operands)], y)


OTHERS: Mapping[str, Fusion] = {
    **dict.fromkeys(("Add", "Mul"), _binary),
    **dict.fromkeys(("AveragePool", "GlobalAveragePool", "LeakyRelu", "Sigmoid", "Softmax"), _unary),
    "Concat": _concat,
}
"""Operator → its form on quantised tensors."""
