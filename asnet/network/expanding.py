"""Function operators become the operators that define them: model-local functions, and ONNX's own function bodies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import onnx
from onnx import helper, inliner

from asnet.errors import NetworkError
from asnet.network.checking import DEFAULT_DOMAINS, describe, has_body
from asnet.network.graph import name_nodes, replace_nodes
from asnet.network.reading import one_line
from asnet.network.shapes import value_types
from asnet.types import Array

__all__ = ["expand_operators", "inline_functions", "state_defaults"]

_BODIES = "asnet.bodies"
"""Domain of the body of the node that is being expanded."""


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


def state_defaults(model: onnx.ModelProto, native: Collection[str]) -> None:
    """Give nodes that are to be expanded the attributes that they leave to their defaults: bodies name them."""
    opsets = _opsets(model)
    for node in model.graph.node:
        if not _expands(node, opsets, native):
            continue
        domain = "" if node.domain in DEFAULT_DOMAINS else node.domain
        given = {attribute.name for attribute in node.attribute}
        for name, attribute in onnx.defs.get_schema(node.op_type, opsets[domain], domain).attributes.items():
            if name not in given and attribute.default_value.type != onnx.AttributeProto.UNDEFINED:
                node.attribute.append(attribute.default_value)


def _opsets(model: onnx.ModelProto) -> dict[str, int]:
    return {"" if entry.domain in DEFAULT_DOMAINS else entry.domain: entry.version for entry in model.opset_import}


def expand_operators(
    model: onnx.ModelProto, native: Collection[str], where: str, constants: Mapping[str, Array]
) -> bool:
    """Replace every node of ``model`` whose operator is not ``native`` and has a body in ONNX's specification.

    A node ``n`` becomes nodes ``n/<operator>_<k>`` and tensors ``n/<name>``, which may be such nodes again. What has no
    body for the model's operator set stays. ``constants`` are those that ``model`` does not hold. Returns whether
    anything changed.

    Raises:
        NetworkError: a body cannot be inlined.
    """
    opsets = _opsets(model)
    if not any(_expands(node, opsets, native) for node in model.graph.node):
        return False
    state_defaults(model, native)
    types = value_types(model, constants)
    nodes: list[onnx.NodeProto] = []
    changed = False
    for node in model.graph.node:
        body = _body(node, opsets, types, where) if _expands(node, opsets, native) else None
        nodes.extend([node] if body is None else _inlined(node, body, model, where))
        changed |= body is not None
    replace_nodes(model.graph, nodes)
    name_nodes(model.graph)
    return changed


def _expands(node: onnx.NodeProto, opsets: Mapping[str, int], native: Collection[str]) -> bool:
    return not (node.domain in DEFAULT_DOMAINS and node.op_type in native) and has_body(node, opsets)


def _body(
    node: onnx.NodeProto, opsets: Mapping[str, int], types: Mapping[str, onnx.TypeProto], where: str
) -> onnx.FunctionProto | None:
    """The function that defines ``node``, in the model's operator set; None if there is none for this node."""
    domain = "" if node.domain in DEFAULT_DOMAINS else node.domain
    schema: Any = onnx.defs.get_schema(node.op_type, opsets[domain], domain)  # the functions are untyped there
    versions: Sequence[int] = (
        schema.function_opset_versions if schema.has_function else schema.context_dependent_function_opset_versions
    )
    for version in sorted((version for version in versions if version <= opsets[domain]), reverse=True):
        if schema.has_function:
            data: bytes = schema.get_function_with_opset_version(version)
        else:
            operands = [types[name].SerializeToString() if name in types else b"" for name in node.input]
            try:
                data = schema.get_context_dependent_function_with_opset_version(
                    version, node.SerializeToString(), operands
                )
            except Exception as error:  # RuntimeError, ValueError of its C++ side
                raise NetworkError(f"{describe(node, where)}: has no definition: {one_line(error)}") from None
        body = onnx.FunctionProto()
        if data and body.ParseFromString(data) and _means_the_same(body, opsets.get("", 0)):
            return body
    return None


def _means_the_same(body: onnx.FunctionProto, opset: int) -> bool:
    """Whether every operator of ``body`` is defined the same way in the model's ``opset``.

    That is: with more types, attributes, inputs or outputs at most, which a body that does not know them leaves out.
    """
    imported = {entry.domain: entry.version for entry in body.opset_import}.get("", opset)
    return all(
        _only_more(onnx.defs.get_schema(node.op_type, imported, ""), onnx.defs.get_schema(node.op_type, opset, ""))
        for node in body.node
        if node.domain in DEFAULT_DOMAINS
    )


def _only_more(old: onnx.defs.OpSchema, new: onnx.defs.OpSchema) -> bool:
    before, after = (
        {name: item.default_value.SerializeToString() for name, item in schema.attributes.items()}
        for schema in (old, new)
    )
    return before.items() <= after.items() and all(
        [item.name for item in few] == [item.name for item in many][: len(few)]
        for few, many in ((old.inputs, new.inputs), (old.outputs, new.outputs))
    )


def _inlined(
    node: onnx.NodeProto, body: onnx.FunctionProto, model: onnx.ModelProto, where: str
) -> list[onnx.NodeProto]:
    call = onnx.NodeProto()
    call.CopyFrom(node)
    call.domain = body.domain = _BODIES
    del body.opset_import[:]
    body.opset_import.extend(model.opset_import)
    graph = helper.make_graph(
        [call],
        "expand",
        [onnx.ValueInfoProto(name=name) for name in dict.fromkeys(node.input) if name],
        [onnx.ValueInfoProto(name=name) for name in node.output if name],
    )
    opsets = [*model.opset_import, helper.make_opsetid(_BODIES, 1)]
    one = helper.make_model(graph, functions=[body], opset_imports=opsets, ir_version=max(model.ir_version, 8))
    try:
        nodes = list(inliner.inline_local_functions(one).graph.node)
    except Exception as error:  # RuntimeError, ValueError of its C++ side
        raise NetworkError(f"{describe(node, where)}: cannot be expanded: {one_line(error)}") from None
    outer = {*node.input, *node.output, ""}
    for number, part in enumerate(nodes):
        part.name = f"{node.name}/{part.op_type}_{number}" if len(nodes) > 1 else node.name
        _prefix(part, f"{node.name}/", outer)
    return nodes


def _prefix(node: onnx.NodeProto, prefix: str, outer: Collection[str]) -> None:
    """Put ``prefix`` before the names of all tensors that are not ``outer``, also in subgraphs."""
    for names in (node.input, node.output):
        names[:] = [name if name in outer else prefix + name for name in names]
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for value in (*graph.input, *graph.output, *graph.initializer):
                value.name = value.name if value.name in outer else prefix + value.name
            for inner in graph.node:
                _prefix(inner, prefix, outer)
