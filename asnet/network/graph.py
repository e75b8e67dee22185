"""Edits of an ONNX graph that keep its meaning: drop, replace and name nodes; decode tensors and nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set

import numpy as np
import onnx
from onnx import helper, numpy_helper

from asnet.errors import NetworkError, UnsupportedError, UsageError, did_you_mean
from asnet.network.checking import DEFAULT_DOMAINS
from asnet.network.model import AttributeValue, Layer
from asnet.network.reading import one_line
from asnet.types import Array

__all__ = [
    "constant_value",
    "drop_unreachable",
    "keep_output",
    "name_nodes",
    "replace_nodes",
    "to_array",
    "to_layer",
    "used_names",
]


def to_array(tensor: onnx.TensorProto, where: str) -> Array:
    """The values of ``tensor``, row-major.

    Raises:
        NetworkError: its data does not fit its type and shape.
    """
    try:
        return np.array(numpy_helper.to_array(tensor), order="C")
    except Exception as error:  # the library raises what its decoding meets
        raise NetworkError(f"{where}: tensor {tensor.name!r} cannot be decoded: {one_line(error)}") from None


_VALUES = {
    "value": None,
    "value_int": np.int64,
    "value_ints": np.int64,
    "value_float": np.float32,
    "value_floats": np.float32,
}
"""The attributes that a Constant may have its value in, numbers all, and the type of those that are no tensors."""


def constant_value(node: onnx.NodeProto, what: str) -> Array | None:
    """What ``node`` gives if it is a Constant of numbers; ``what`` begins messages about it.

    Raises:
        NetworkError: the data does not fit the type and shape.
    """
    found = next((attribute for attribute in node.attribute if attribute.name in _VALUES), None)
    if node.op_type != "Constant" or node.domain not in DEFAULT_DOMAINS or found is None:
        return None
    dtype = _VALUES[found.name]
    return to_array(found.t, what) if dtype is None else np.array(helper.get_attribute_value(found), dtype)


def replace_nodes(graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto]) -> None:
    """Make ``nodes`` (which may be nodes of ``graph``) the nodes of ``graph``."""
    copies: list[onnx.NodeProto] = []
    for node in nodes:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copies.append(copy)
    del graph.node[:]
    graph.node.extend(copies)


def used_names(node: onnx.NodeProto) -> set[str]:
    """Names of the tensors that ``node`` reads, and all names in its subgraphs."""
    names = set(node.input)
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            names.update(value.name for value in graph.output)
            for inner in graph.node:
                names |= used_names(inner)
    return names


def drop_unreachable(graph: onnx.GraphProto) -> None:
    """Remove nodes that no output of ``graph`` depends on; cycles and duplicate names stay for the checker to find."""
    producers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in node.output:
            producers[name].append(node)
    needed: set[str] = set()
    waiting = [value.name for value in graph.output]
    while waiting:
        name = waiting.pop()
        if name and name not in needed:
            needed.add(name)
            waiting.extend(used for node in producers[name] for used in used_names(node))
    kept = [node for node in graph.node if not needed.isdisjoint(node.output)]
    if len(kept) != len(graph.node):
        replace_nodes(graph, kept)


def keep_output(graph: onnx.GraphProto, output: str, where: str) -> None:
    """Remove the other outputs of ``graph``, and the nodes and inputs that only they need.

    Raises:
        UsageError: there is no such output.
    """
    kept = [value for value in graph.output if value.name == output]
    if not kept:
        raise UsageError(f"{where}: no output {output!r}{did_you_mean(output, [value.name for value in graph.output])}")
    for value in [value for value in graph.output if value.name != output]:
        graph.output.remove(value)
    drop_unreachable(graph)
    used = {name for node in graph.node for name in used_names(node)} | {output}
    for value in [value for value in graph.input if value.name not in used]:  # of other outputs only
        graph.input.remove(value)


def name_nodes(graph: onnx.GraphProto) -> None:
    """Make node names unique and not empty: ``<op_type in lower case>_<k>``, or ``<name>_<k>`` for a repeated name."""
    taken = {node.name for node in graph.node}
    seen: set[str] = set()
    numbers: dict[str, int] = {}
    for node in graph.node:
        if not node.name or node.name in seen:
            stem, first = (node.name, 1) if node.name else (node.op_type.lower(), 0)
            number = numbers.get(stem, first)
            while f"{stem}_{number}" in taken:
                number += 1
            node.name, numbers[stem] = f"{stem}_{number}", number + 1
        seen.add(node.name)
        taken.add(node.name)


def to_layer(node: onnx.NodeProto, used: Set[str], what: str) -> Layer:
    """``node`` with plain attributes and without the outputs that are not in ``used``; ``what`` begins messages."""
    outputs = [name if name in used else "" for name in node.output]
    while not outputs[-1]:
        outputs.pop()
    attributes = {a.name: _attribute(a, what) for a in node.attribute}
    if node.op_type == "Split":  # unused outputs count for the length of the parts
        attributes.setdefault("num_outputs", len(node.output))
    return Layer(node.name, node.op_type, tuple(node.input), tuple(outputs), attributes)


def _attribute(attribute: onnx.AttributeProto, what: str) -> AttributeValue:
    """A plain Python value of an attribute."""
    match attribute.type:
        case onnx.AttributeProto.INT:
            return attribute.i
        case onnx.AttributeProto.FLOAT:
            return attribute.f
        case onnx.AttributeProto.INTS:
            return tuple(attribute.ints)
        case onnx.AttributeProto.FLOATS:
            return tuple(attribute.floats)
        case onnx.AttributeProto.STRING:
            return attribute.s.decode("utf-8", "replace")
        case onnx.AttributeProto.STRINGS:
            return tuple(item.decode("utf-8", "replace") for item in attribute.strings)
        case onnx.AttributeProto.TENSOR:
            return to_array(attribute.t, what)
        case _:
            raise UnsupportedError(f"{what}: attribute {attribute.name!r} has an unsupported type")
