"""Operators of other domains that ASNet knows: onnxruntime's com.microsoft, QONNX's quantisers.

They become operators of ai.onnx where those mean the same, else of ASNet's own domain (:mod:`asnet.network.own`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import onnx

from asnet.errors import NetworkError
from asnet.network.checking import describe
from asnet.network.foreign_onnxruntime import ONNXRUNTIME
from asnet.network.foreign_qonnx import QONNX
from asnet.network.graph import constant_value, name_nodes, replace_nodes
from asnet.network.own import import_own
from asnet.network.quantised_graph import QuantisedGraph
from asnet.types import Array

__all__ = ["FOREIGN", "Translation", "is_foreign", "translate"]

Translation = Callable[[QuantisedGraph, onnx.NodeProto, str], list[onnx.NodeProto]]
"""The nodes in place of one; the string begins messages about it."""

FOREIGN: Mapping[tuple[str, str], Translation] = {**ONNXRUNTIME, **QONNX}
"""(domain, operator) → its translation."""


def is_foreign(node: onnx.NodeProto) -> bool:
    """Whether the operator is of another domain and known."""
    return (node.domain, node.op_type) in FOREIGN


def translate(model: onnx.ModelProto, constants: dict[str, Array], where: str) -> None:
    """Translate every foreign node of ``model``; ``constants`` are its constant tensors, new ones are added.

    Raises:
        NetworkError: a node lacks inputs, or has a parameter that its operator does not allow.
        UnsupportedError: a parameter that must be a constant is none, or a form that ASNet does not have.
    """
    if not any(is_foreign(node) for node in model.graph.node):
        return
    import_own(model)
    _take_constants(model, constants, where)
    graph = QuantisedGraph(model, constants)
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        translation = FOREIGN.get((node.domain, node.op_type))
        if translation is None:
            nodes.append(node)
            continue
        what = describe(node, where)
        try:
            nodes.extend(translation(graph, node, what))
        except IndexError:
            raise NetworkError(f"{what}: has {len(node.input)} inputs, which are too few; mend the model") from None
    replace_nodes(model.graph, nodes)
    name_nodes(model.graph)


def _take_constants(model: onnx.ModelProto, constants: dict[str, Array], where: str) -> None:
    """Put the values of Constant nodes among the ``constants``: parameters must be known here."""
    kept: list[onnx.NodeProto] = []
    for node in model.graph.node:
        value = constant_value(node, describe(node, where))
        if value is None:
            kept.append(node)
        else:
            constants[node.output[0]] = value
    replace_nodes(model.graph, kept)
