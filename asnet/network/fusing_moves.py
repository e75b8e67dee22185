"""Dequantising later, and not at all where the same quantisation follows.

``f(scale·(q - zero))`` is ``scale·(f(q) - zero)`` for an f that moves elements or takes the greatest: the scale is
positive, and rounding keeps the order. ``round(float32(n·scale) / scale)`` is n for every integer of 16 bits.
"""

from __future__ import annotations

import onnx
from onnx import helper

from asnet.network.checking import DEFAULT_DOMAINS
from asnet.network.fusing_graph import CONTAINERS, Dequantised, FusingGraph
from asnet.network.graph import replace_nodes
from asnet.network.quantised_graph import attribute, element_type

__all__ = ["cancel", "drop_casts", "sink"]

_MOVES = frozenset(
    {
        *("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Gather", "Expand", "Tile"),
        *("DepthToSpace", "SpaceToDepth"),
    }
)
_BYTES = ("int8", "uint8")


def drop_casts(graph: FusingGraph, model: onnx.ModelProto) -> None:
    """Take away Casts of a quantised tensor to the type that it has, which PyTorch writes."""
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        before = graph.producers.get(node.input[0]) if node.op_type == "Cast" else None
        made = graph.quantiser(before) if before is not None else None
        if made is not None and attribute(node, "to", 0) == element_type(made.dtype):
            node = helper.make_node("Identity", node.input, node.output, name=node.name)
        nodes.append(node)
    replace_nodes(model.graph, nodes)


def sink(graph: FusingGraph, model: onnx.ModelProto) -> None:
    """Put DequantizeLinear nodes behind operators that only move elements, MaxPool and Concat of equal parameters."""
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        found = _operands(graph, node)
        if found is None:
            nodes.append(node)
            continue
        moved, dequantise = onnx.NodeProto(), onnx.NodeProto()
        moved.CopyFrom(node)
        moved.output[0] = graph.name(f"{node.output[0]}.quantised")
        for position, operand in enumerate(found):
            moved.input[position] = operand.source
        dequantise.CopyFrom(graph.producers[node.input[0]])
        dequantise.name = f"{node.name}.dequantise"
        dequantise.input[0], dequantise.output[0] = moved.output[0], node.output[0]
        nodes += [moved, dequantise]
        graph.producers[moved.output[0]], graph.producers[node.output[0]] = moved, dequantise
    replace_nodes(model.graph, nodes)


def _operands(graph: FusingGraph, node: onnx.NodeProto) -> list[Dequantised] | None:
    """The dequantised operands of a node that may go before dequantising."""
    if node.domain not in DEFAULT_DOMAINS or not node.input:
        return None
    pools = node.op_type == "MaxPool" and graph.opset >= 12 and len([name for name in node.output if name]) == 1
    if not pools and node.op_type not in _MOVES and node.op_type != "Concat":
        return None
    names = node.input if node.op_type == "Concat" else node.input[:1]
    found = [operand for operand in map(graph.dequantised, names) if operand is not None]
    if len(found) != len(names) or any(operand.source in graph.constants for operand in found):
        return None
    types = _BYTES if pools else CONTAINERS
    if any(not operand.per_tensor or operand.dtype not in types or not found[0].same(operand) for operand in found):
        return None
    return found if (found[0].scale > 0).all() else None


def cancel(graph: FusingGraph, model: onnx.ModelProto) -> None:
    """Take away QuantizeLinear nodes that quantise again as it was before."""
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            before, after = graph.dequantised(node.input[0]), graph.quantiser(node)
            if before is not None and after is not None and after.saturates and before.same(after):
                nodes.append(helper.make_node("Identity", [before.source], [node.output[0]], name=node.name))
                continue
        nodes.append(node)
    replace_nodes(model.graph, nodes)
