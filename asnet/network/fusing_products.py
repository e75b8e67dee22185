"""Conv, MatMul and Gemm of dequantised operands as products of integers.

Both operands come from DequantizeLinear of 8 or 16 bits with constant parameters, the first one per tensor, the second
one per tensor or, if it is constant, per output channel. The bias is part of the integer sum if it is a constant int32
behind a DequantizeLinear with the scale ``x_scale·w_scale`` and zero point 0 (or narrower); else it is added in float.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from asnet.network.fusing_graph import CONTAINERS, Dequantised, FusingGraph, Fusion, Quantised
from asnet.network.quantisation import accumulator
from asnet.network.quantised_graph import attribute
from asnet.types import AnyArray

__all__ = ["PRODUCTS"]

_SCALE_TOLERANCE = 1e-6
"""A bias scale that was computed in another order of operations is still the product of the two scales."""

_Nodes = list[onnx.NodeProto]


@dataclass(frozen=True)
class _Product:
    """An integer product: its operator without "QLinear" or "Integer", the operands' names and parameters."""

    kind: str
    node: onnx.NodeProto
    x: Dequantised
    w: Dequantised
    sources: tuple[str, str]
    axis: int
    """Axis of the output channels in the result."""


def _operands(graph: FusingGraph, node: onnx.NodeProto) -> tuple[Dequantised, Dequantised] | None:
    x, w = graph.dequantised(node.input[0]), graph.dequantised(node.input[1])
    if x is None or w is None or not x.per_tensor or x.dtype not in CONTAINERS or w.dtype not in CONTAINERS:
        return None
    return (x, w) if w.per_tensor or w.source in graph.constants else None


def _bias(graph: FusingGraph, name: str, x: Dequantised, w: Dequantised, channels: int) -> str | None:
    """The constant behind the bias ``name`` as int32; None if it is not one in units of ``x_scale·w_scale``."""
    found = graph.dequantised(name)
    if found is None or found.source not in graph.constants or found.zero.any():
        return None
    values = graph.constants[found.source]
    expected = np.broadcast_to(np.multiply(x.scale, w.scale).ravel(), channels)
    if values.shape != (channels,) or found.scale.size not in (1, channels):
        return None
    close = np.allclose(np.broadcast_to(found.scale.ravel(), channels), expected, rtol=_SCALE_TOLERANCE, atol=0)
    if not close:
        return None
    return found.source if values.dtype == np.int32 else graph.constant(f"{name}.wide", values.astype(np.int32))


def _emit(graph: FusingGraph, product: _Product, bias: str, result: str, channels: int | None) -> tuple[_Nodes, str]:
    """The nodes of ``product`` and the tensor that they compute: ``result``, or, if that is quantised alone with
    nothing but bounds between, the quantised tensor."""
    node, x, w = product.node, product.x, product.w
    integer = _bias(graph, bias, x, w, channels) if bias and channels is not None else None
    whole = [integer] if integer is not None else []
    y = graph.quantised(result) if not bias or integer is not None else None
    if y is not None:
        return _quantised(graph, product, whole, y), y.source
    total = graph.name(f"{node.name}.total")
    made = [*product.sources, x.names[1], w.names[1], *whole]
    integers = graph.own(f"{product.kind}Integer", made, [total], node.name, accumulator(x.dtype, w.dtype))
    _take_attributes(integers, node)
    factor = graph.constant(f"{node.name}.factor", np.multiply(x.scale, w.scale).reshape(w.scale.shape))
    rest = bias and integer is None
    scaled = graph.name(f"{node.name}.scaled") if rest else result
    nodes = [
        integers,
        graph.own("DequantizeLinear", [total, factor], [scaled], f"{node.name}.scale", "float32", axis=product.axis),
    ]
    if rest:
        nodes += _added(graph, product, scaled, bias, result)
    return nodes, result


def _added(graph: FusingGraph, product: _Product, scaled: str, bias: str, result: str) -> _Nodes:
    """A bias in float, one per channel."""
    stem = product.node.name
    kernel = graph.constants[product.sources[1]]
    shape = graph.constant(f"{stem}.shape", np.array((-1, *(1,) * (kernel.ndim - 2)), np.int64))
    column = graph.name(f"{stem}.column")
    return [
        helper.make_node("Reshape", [bias, shape], [column], name=f"{stem}.column"),
        helper.make_node("Add", [scaled, column], [result], name=f"{stem}.bias"),
    ]


def _quantised(graph: FusingGraph, product: _Product, bias: list[str], y: Quantised) -> _Nodes:
    x, w = product.x, product.w
    names = [product.sources[0], *x.names, product.sources[1], *w.names, *y.names, *bias]
    bounds = {} if y.saturates else {"low": y.low, "high": y.high}
    made = graph.own(f"QLinear{product.kind}", names, [y.source], product.node.name, y.dtype, **bounds)
    _take_attributes(made, product.node)
    return [made]


def _take_attributes(made: onnx.NodeProto, node: onnx.NodeProto) -> None:
    if node.op_type == "Conv":
        made.attribute.extend(node.attribute)


def _conv(graph: FusingGraph, node: onnx.NodeProto) -> _Nodes | None:
    found = _operands(graph, node)
    if found is None:
        return None
    x, w = found
    weights = graph.constants.get(w.source)
    if weights is None or (not w.per_tensor and w.axis % weights.ndim != 0):
        return None
    bias = node.input[2] if len(node.input) > 2 else ""
    product = _Product("Conv", node, x, w, (x.source, w.source), 1)
    return _emit(graph, product, bias, node.output[0], weights.shape[0])[0]


def _matmul(graph: FusingGraph, node: onnx.NodeProto) -> _Nodes | None:
    found = _operands(graph, node)
    if found is None:
        return None
    x, w = found
    weights = graph.constants.get(w.source)
    if not w.per_tensor and (weights is None or weights.ndim != 2 or w.axis % 2 != 1):
        return None
    return _emit(graph, _Product("MatMul", node, x, w, (x.source, w.source), -1), "", node.output[0], None)[0]


def _gemm(graph: FusingGraph, node: onnx.NodeProto) -> _Nodes | None:
    """A Gemm is the convolution with a kernel of one element over rows, between two Reshapes."""
    found = _operands(graph, node)
    factors = {item.name: item.f for item in node.attribute if item.name in ("alpha", "beta")}
    bias = node.input[2] if len(node.input) > 2 else ""
    if found is None or attribute(node, "transA", 0) or (bias and factors.get("beta", 1) != 1):
        return None
    x, w = found
    alpha = factors.get("alpha", 1)
    weights = graph.constants.get(w.source)
    transposed = bool(attribute(node, "transB", 0))
    if weights is None or weights.ndim != 2 or (not w.per_tensor and w.axis % 2 != (0 if transposed else 1)):
        return None
    if alpha != 1:
        if alpha <= 0:
            return None
        scale = np.multiply(np.float32(alpha), x.scale)
        names = graph.constant(f"{node.name}.x_scale", scale), x.names[1]
        x = Dequantised(x.source, names, scale, x.zero, x.axis)
    rows: AnyArray = weights if transposed else weights.T
    return _rows(graph, node, x, w, rows, bias)


def _rows(
    graph: FusingGraph, node: onnx.NodeProto, x: Dequantised, w: Dequantised, rows: AnyArray, bias: str
) -> _Nodes:
    channels, length = rows.shape
    kernel = graph.constant(f"{node.name}.kernel", rows[:, :, None])
    before, after = (
        graph.constant(f"{node.name}.{name}", np.array(shape, np.int64))
        for name, shape in (("from", (-1, length, 1)), ("to", (-1, channels)))
    )
    source = graph.name(f"{node.name}.rows")
    reshape = helper.make_node("Reshape", [x.source, before], [source], name=f"{node.name}.rows")
    product = _Product("Conv", node, x, w, (source, kernel), 1)
    nodes, result = _emit(graph, product, bias, node.output[0], channels)
    inner = graph.name(f"{node.name}.result")
    nodes[-1].output[0] = inner
    return [reshape, *nodes, helper.make_node("Reshape", [inner, after], [result], name=f"{node.name}.result")]


PRODUCTS: Mapping[str, Fusion] = {"Conv": _conv, "MatMul": _matmul, "Gemm": _gemm}
"""Operator → its integer form."""
