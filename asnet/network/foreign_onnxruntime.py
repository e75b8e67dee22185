"""onnxruntime's com.microsoft domain: what its static and dynamic quantisers and their fusions write."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import onnx
from onnx import helper

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.fusing_graph import CONTAINERS
from asnet.network.own import OWN
from asnet.network.quantised_graph import QuantisedGraph, attribute, element_type
from asnet.types import AnyArray

__all__ = ["ONNXRUNTIME"]

_Nodes = list[onnx.NodeProto]
_DOMAIN = "com.microsoft"


def _own(least: int, *zeros: int) -> Callable[[QuantisedGraph, onnx.NodeProto, str], _Nodes]:
    """The operator as it is, with ``least`` inputs or more; its output is of the type of the first zero point there is
    at the inputs ``zeros``."""

    def make(graph: QuantisedGraph, node: onnx.NodeProto, what: str) -> _Nodes:
        if len(node.input) < least:
            raise IndexError
        if attribute(node, "channels_last", 0):
            raise UnsupportedError(f"{what}: channels_last is not supported; quantise the network in NCHW layout")
        arrays = [_array(graph, node, position) for position in zeros]
        dtype = next((found.dtype.name for found in arrays if found is not None), "uint8")
        if dtype not in CONTAINERS:
            raise NetworkError(f"{what}: a zero point of type {dtype}; quantised tensors are {', '.join(CONTAINERS)}")
        made = onnx.NodeProto()
        made.CopyFrom(node)
        made.domain = OWN
        made.attribute.append(helper.make_attribute("to", element_type(dtype)))
        return [made]

    return make


def _array(graph: QuantisedGraph, node: onnx.NodeProto, position: int) -> AnyArray | None:
    return graph.constants.get(_input(node, position))


def _input(node: onnx.NodeProto, position: int) -> str:
    return node.input[position] if position < len(node.input) else ""


def _dequantize(graph: QuantisedGraph, node: onnx.NodeProto, what: str) -> _Nodes:
    made = onnx.NodeProto()
    made.CopyFrom(node)
    made.domain = OWN
    made.attribute.append(helper.make_attribute("to", element_type("float32")))
    return [made]


def _gemm(graph: QuantisedGraph, node: onnx.NodeProto, what: str) -> _Nodes:
    """QGemm: rows under a kernel of one element, or an integer product that is scaled to float."""
    a, a_scale, a_zero, b, b_scale, b_zero = (node.input[position] for position in range(6))
    c, y_scale, y_zero = (_input(node, position) for position in (6, 7, 8))
    weights = graph.constants.get(b)
    factors = [graph.constants.get(name) for name in (a_scale, b_scale)]
    scales = [np.asarray(found, np.float32) for found in factors if found is not None]
    if weights is None or weights.ndim != 2 or len(scales) != 2:
        raise UnsupportedError(f"{what}: its weights and scales must be constants; quantise the network statically")
    if attribute(node, "transA", 0):
        raise UnsupportedError(f"{what}: transA is not supported; put a Transpose before it")
    rows = weights if attribute(node, "transB", 0) else weights.T
    alpha = next((found.f for found in node.attribute if found.name == "alpha"), 1.0)
    if alpha != 1:
        scales[0] = np.multiply(np.float32(alpha), scales[0])
        a_scale = graph.constant(f"{node.name}.a_scale", scales[0])
    if y_scale:
        bias = _bias(graph, node, c, rows.shape[0], what)
        return as_convolution(
            graph, node, a, [a_scale, a_zero], rows, [b_scale, b_zero], [y_scale, y_zero], bias, node.output[0]
        )
    kernel = graph.constant(f"{node.name}.weights", rows.T)
    total = graph.name(f"{node.name}.total")
    nodes = [helper.make_node("MatMulInteger", [a, kernel, a_zero, b_zero], [total], name=node.name)]
    if c:
        summed = graph.name(f"{node.name}.sum")
        nodes.append(helper.make_node("Add", [total, c], [summed], name=f"{node.name}.bias"))
        total = summed
    nodes.append(_scaled(graph, node, total, np.multiply(*scales), node.output[0]))
    return nodes


def _bias(graph: QuantisedGraph, node: onnx.NodeProto, c: str, channels: int, what: str) -> list[str]:
    if not c:
        return []
    values = graph.constants.get(c)
    if values is None or values.size not in (1, channels) or values.shape[-1:] not in ((), (1,), (channels,)):
        raise UnsupportedError(f"{what}: a bias that differs from row to row is not supported; make it one per column")
    return [graph.constant(f"{node.name}.bias", np.array(np.broadcast_to(values.reshape(-1), channels)))]


def as_convolution(
    graph: QuantisedGraph,
    node: onnx.NodeProto,
    x: str,
    x_parameters: list[str],
    rows: AnyArray,
    w_parameters: list[str],
    y_parameters: list[str],
    bias: list[str],
    output: str,
) -> _Nodes:
    """The product of a matrix with constant ``rows`` (one per output) as a QLinearConv with a kernel of one element."""
    kernel = graph.constant(f"{node.name}.kernel", rows[:, :, None])
    source, result = graph.name(f"{node.name}.rows"), graph.name(f"{node.name}.result")
    before, after = (
        graph.constant(f"{node.name}.{name}", np.array(shape, np.int64))
        for name, shape in (("from", (-1, rows.shape[1], 1)), ("to", (-1, rows.shape[0])))
    )
    zero = graph.constants.get(y_parameters[1])
    names = [source, *x_parameters, kernel, *w_parameters, *y_parameters, *bias]
    return [
        helper.make_node("Reshape", [x, before], [source], name=f"{node.name}.rows"),
        graph.own("QLinearConv", names, [result], node.name, "uint8" if zero is None else zero.dtype.name),
        helper.make_node("Reshape", [result, after], [output], name=f"{node.name}.result"),
    ]


def _scaled(
    graph: QuantisedGraph, node: onnx.NodeProto, total: str, factor: AnyArray | str, output: str
) -> onnx.NodeProto:
    """``float32(total)·factor``, one factor or one per column."""
    name = factor if isinstance(factor, str) else graph.constant(f"{node.name}.factor", factor)
    return graph.own("DequantizeLinear", [total, name], [output], f"{node.name}.scale", "float32", axis=-1)


def _to_float(graph: QuantisedGraph, node: onnx.NodeProto, what: str) -> _Nodes:
    """MatMulIntegerToFloat: the product of integers times both scales, plus a bias."""
    a, b, a_scale, b_scale = (node.input[position] for position in range(4))
    return _product(graph, node, a, b, a_scale, b_scale, *(_input(node, position) for position in (4, 5, 6)))


def _dynamic(graph: QuantisedGraph, node: onnx.NodeProto, what: str) -> _Nodes:
    """DynamicQuantizeMatMul: a is quantised to the uint8 of its own range first."""
    a, b, b_scale = (node.input[position] for position in range(3))
    names = [graph.name(f"{node.name}.{part}") for part in ("quantised", "scale", "zero")]
    quantise = helper.make_node("DynamicQuantizeLinear", [a], names, name=f"{node.name}.quantise")
    q, scale, zero = names
    return [quantise, *_product(graph, node, q, b, scale, b_scale, zero, _input(node, 3), _input(node, 4))]


def _product(
    graph: QuantisedGraph,
    node: onnx.NodeProto,
    a: str,
    b: str,
    a_scale: str,
    b_scale: str,
    a_zero: str,
    b_zero: str,
    bias: str,
) -> _Nodes:
    total, factor = graph.name(f"{node.name}.total"), graph.name(f"{node.name}.factor")
    result = graph.name(f"{node.name}.scaled") if bias else node.output[0]
    zeros = [a_zero, b_zero] if b_zero else [a_zero] if a_zero else []
    nodes = [
        helper.make_node("MatMulInteger", [a, b, *zeros], [total], name=node.name),
        helper.make_node("Mul", [a_scale, b_scale], [factor], name=f"{node.name}.factor"),
        _scaled(graph, node, total, factor, result),
    ]
    if bias:
        nodes.append(helper.make_node("Add", [result, bias], [node.output[0]], name=f"{node.name}.bias"))
    return nodes


ONNXRUNTIME: Mapping[tuple[str, str], Callable[[QuantisedGraph, onnx.NodeProto, str], _Nodes]] = {
    (_DOMAIN, name): translation
    for name, translation in {
        "QLinearAdd": _own(7, 7, 2, 5),
        "QLinearMul": _own(7, 7, 2, 5),
        "QLinearConcat": _own(5, 1),
        "QLinearAveragePool": _own(4, 4, 2),
        "QLinearGlobalAveragePool": _own(4, 4, 2),
        "QLinearLeakyRelu": _own(4, 4, 2),
        "QLinearSigmoid": _own(4, 4, 2),
        "QLinearSoftmax": _own(4, 4, 2),
        "QuantizeLinear": _own(2, 2),
        "DequantizeLinear": _dequantize,
        "QGemm": _gemm,
        "MatMulIntegerToFloat": _to_float,
        "DynamicQuantizeMatMul": _dynamic,
    }.items()
}
"""(domain, operator) → its translation."""
