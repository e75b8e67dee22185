"""Function operators become the operators that define them: model-local functions, and ONNX's own function bodies."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import onnx
from onnx import helper, inliner, shape_inference

from asnet.errors import NetworkError
from asnet.network.checking import DEFAULT_DOMAINS, describe, has_body
from asnet.network.graph import replace_nodes
from asnet.network.reading import one_line

__all__ = ["expand_operators", "inline_functions"]


def inline_functions(model: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """``model`` with its calls of functions that it defines itself replaced by their bodies.

    Raises:
        NetworkError: a function cannot be inlined (recursion, another operator set).
    """
    if not model.functions:
        return model
    try:
        return inliner.inline_local_functions(model)
    except Exception as error:  # RuntimeError, ValueError of its C++ side
        raise NetworkError(f"{where}: its functions cannot be inlined: {one_line(error)}") from None


def expand_operators(model: onnx.ModelProto, native: Collection[str], where: str) -> None:
    """Replace every node of ``model`` whose operator is not ``native`` and has a body in ONNX's specification.

    A node ``n`` becomes nodes ``n/<operator>_<k>`` and tensors ``n/<name>``. What has no body stays as it is.
    """
    opsets = {"" if entry.domain in DEFAULT_DOMAINS else entry.domain: entry.version for entry in model.opset_import}
    if not any(_expands(node, opsets, native) for node in model.graph.node):
        return
    types = _types(model)
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        expanded = _expanded(node, model, types, native, where) if _expands(node, opsets, native) else [node]
        nodes.extend(expanded)
    replace_nodes(model.graph, nodes)


def _expands(node: onnx.NodeProto, opsets: Mapping[str, int], native: Collection[str]) -> bool:
    return not (node.domain in DEFAULT_DOMAINS and node.op_type in native) and has_body(node, opsets)


def _types(model: onnx.ModelProto) -> dict[str, onnx.TypeProto]:
    """Types, as far as ONNX's inference finds them."""
    types = {
        tensor.name: helper.make_tensor_type_proto(tensor.data_type, tensor.dims) for tensor in model.graph.initializer
    }
    try:
        graph = shape_inference.infer_shapes(model, data_prop=True).graph
    except Exception:  # what is wrong with the model is found and named later
        graph = model.graph
    values: Iterable[onnx.ValueInfoProto] = (*graph.input, *graph.value_info, *graph.output)
    return types | {value.name: value.type for value in values}


def _state_defaults(node: onnx.NodeProto, model: onnx.ModelProto) -> None:
    """Give ``node`` the attributes that it leaves at their defaults: inlining knows only those that are there."""
    opsets = {"" if entry.domain in DEFAULT_DOMAINS else entry.domain: entry.version for entry in model.opset_import}
    domain = "" if node.domain in DEFAULT_DOMAINS else node.domain
    stated = {attribute.name for attribute in node.attribute}
    for name, attribute in onnx.defs.get_schema(node.op_type, opsets[domain], domain).attributes.items():
        default: onnx.AttributeProto = attribute.default_value
        if name not in stated and default.type != onnx.AttributeProto.UNDEFINED:
            node.attribute.append(default)


def _expanded(
    node: onnx.NodeProto,
    model: onnx.ModelProto,
    types: dict[str, onnx.TypeProto],
    native: Collection[str],
    where: str,
) -> list[onnx.NodeProto]:
    names = {*node.input, *node.output} - {""}
    one = helper.make_model(
        helper.make_graph(
            [node],
            "expand",
            [onnx.ValueInfoProto(name=name, type=types.get(name)) for name in dict.fromkeys(node.input) if name],
            [onnx.ValueInfoProto(name=name) for name in node.output if name],
        ),
        opset_imports=list(model.opset_import),
        ir_version=model.ir_version,
    )
    _state_defaults(one.graph.node[0], model)
    kept = [("", name) for name in native]
    try:
        body = inliner.inline_selected_functions(one, kept, exclude=True, inline_schema_functions=True).graph
    except Exception as error:  # RuntimeError, ValueError of its C++ side
        raise NetworkError(f"{describe(node, where)}: cannot be expanded: {one_line(error)}") from None
    nodes = list(body.node)
    for number, part in enumerate(nodes):
        part.name = f"{node.name}/{part.op_type}_{number}" if len(nodes) > 1 else node.name
        for tensors in (part.input, part.output):
            tensors[:] = [name if not name or name in names else f"{node.name}/{name}" for name in tensors]
    return nodes
