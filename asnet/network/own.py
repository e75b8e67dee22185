"""Operators in ASNet's own domain: what other domains, and patterns, are rewritten to before they become layers.

They have the attribute ``to``, the element type of their output. ONNX's inference of shapes knows none of them; it gets
operators of its own that give the same shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import onnx
from onnx import TensorProto, helper

__all__ = ["OWN", "import_own", "with_stand_ins"]

OWN = "asnet"
"""The domain."""


def import_own(model: onnx.ModelProto) -> None:
    """Let ``model`` use the domain."""
    if all(entry.domain != OWN for entry in model.opset_import):
        model.opset_import.append(helper.make_opsetid(OWN, 1))


def with_stand_ins(model: onnx.ModelProto) -> onnx.ModelProto:
    """``model`` for the inference of shapes: nodes of ai.onnx with the same outputs, without meaning, for its own."""
    if all(node.domain != OWN for node in model.graph.node):
        return model
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    del plain.graph.node[:]
    for node in model.graph.node:
        plain.graph.node.extend(_STAND_INS[node.op_type](node) if node.domain == OWN else [node])
    return plain


def _like(op_type: str, *data: int, without: Sequence[str] = ()) -> Callable[[onnx.NodeProto], list[onnx.NodeProto]]:
    """Like ``op_type`` on the inputs ``data`` (all from the first on in steps of the second if that is negative)."""

    def make(node: onnx.NodeProto) -> list[onnx.NodeProto]:
        positions = range(data[0], len(node.input), -data[1]) if data[-1] < 0 else data
        names = [node.input[position] for position in positions]
        stem = f"{OWN}/{node.output[0]}"
        floats = [f"{stem}/{position}" for position in positions]
        nodes = [
            helper.make_node("Cast", [name], [made], to=TensorProto.FLOAT)
            for name, made in zip(names, floats, strict=True)
        ]
        result = floats[0]
        if op_type != "Cast":
            result = f"{stem}/result"
            made = helper.make_node(op_type, floats, [result])
            made.attribute.extend(a for a in node.attribute if a.name not in {"to", "low", "high", *without})
            nodes.append(made)
        element = next(a.i for a in node.attribute if a.name == "to")
        return [*nodes, helper.make_node("Cast", [result], [node.output[0]], to=element)]

    return make


_SAME = _like("Cast", 0)
_PLAIN = ("channels_last", "alpha", "opset", "axis")

_STAND_INS: Mapping[str, Callable[[onnx.NodeProto], list[onnx.NodeProto]]] = {
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear", "Quant", "QLinearLeakyRelu"), _SAME),
    **dict.fromkeys(("QLinearSigmoid", "QLinearSoftmax"), _SAME),
    "ConvInteger": _like("Conv", 0, 1),
    "MatMulInteger": _like("MatMul", 0, 1),
    "QLinearConv": _like("Conv", 0, 3),
    "QLinearMatMul": _like("MatMul", 0, 3),
    "QLinearAdd": _like("Add", 0, 3),
    "QLinearMul": _like("Add", 0, 3),
    "QLinearConcat": _like("Concat", 2, -3),
    "QLinearAveragePool": _like("AveragePool", 0, without=_PLAIN),
    "QLinearGlobalAveragePool": _like("GlobalAveragePool", 0, without=_PLAIN),
}
"""Operator → its stand-in."""
