"""Networks in QDQ form: patterns between DequantizeLinear and QuantizeLinear become the integer operators they mean.

In this order:

1. Operators that only move elements, and MaxPool, go before the DequantizeLinear of their input; a DequantizeLinear
   whose result is quantised again with the same parameters goes (:mod:`asnet.network.fusing_moves`).
2. Conv, MatMul and Gemm of dequantised operands become integer products (:mod:`asnet.network.fusing_products`): what is
   quantised right behind them QLinearConv and QLinearMatMul, else ConvInteger and MatMulInteger, scaled to float.
3. Add, Mul, Concat, pooling and activations between DequantizeLinear and QuantizeLinear become what onnxruntime makes
   of them (:mod:`asnet.network.fusing_others`).

The integer forms are what onnxruntime computes for the patterns in a session with its default optimisations; computed
in float, results may round to a neighbour. Everything else is computed in float as written.
"""

from __future__ import annotations

import onnx

from asnet.network.checking import DEFAULT_DOMAINS
from asnet.network.fusing_graph import FusingGraph, Fusion
from asnet.network.fusing_moves import cancel, drop_casts, sink
from asnet.network.fusing_others import OTHERS
from asnet.network.fusing_products import PRODUCTS
from asnet.network.graph import drop_unreachable, name_nodes, replace_nodes
from asnet.network.own import import_own
from asnet.types import Array

__all__ = ["fuse"]


def fuse(model: onnx.ModelProto, constants: dict[str, Array], opset: int) -> None:
    """Put the integer operators in place of the patterns in ``model``; ``constants`` are its constant tensors, to
    which new ones are added.

    DequantizeLinear nodes of constants must not have been folded. The integer operator has the name of the Conv, MatMul
    or Gemm.
    """
    import_own(model)
    drop_casts(FusingGraph(model, constants, opset), model)
    sink(FusingGraph(model, constants, opset), model)
    cancel(FusingGraph(model, constants, opset), model)
    drop_unreachable(model.graph)
    graph = FusingGraph(model, constants, opset)
    fusions: dict[str, Fusion] = {**PRODUCTS, **OTHERS}
    nodes: list[tuple[onnx.NodeProto, bool]] = []
    for node in model.graph.node:
        fusion = fusions.get(node.op_type) if node.domain in DEFAULT_DOMAINS else None
        found = fusion(graph, node) if fusion is not None else None
        nodes.extend((made, found is not None) for made in ([node] if found is None else found))
    replaced = {name for node, made in nodes if made for name in node.output}
    replace_nodes(model.graph, [node for node, made in nodes if made or replaced.isdisjoint(node.output)])
    drop_unreachable(model.graph)
    name_nodes(model.graph)
