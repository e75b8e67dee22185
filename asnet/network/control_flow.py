"""Control flow that does not depend on the inputs' values: If with a known condition, Loop and Scan of known length.

The chosen branch, or as many copies of the body as there are iterations, takes the node's place.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

from asnet.network.graph import name_nodes, replace_nodes
from asnet.network.model import Tensor
from asnet.types import Array

__all__ = ["resolve_control_flow"]

_MOST_NODES = 1 << 15
"""Copies of nodes that one Loop or Scan may become."""


class _Copier:
    """Collects the nodes and constants that take a control flow node's place."""

    def __init__(self, node: onnx.NodeProto, opset: int) -> None:
        self.node = node
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}
        self._copies = 0

    def body(self, graph: onnx.GraphProto, bindings: Mapping[str, str]) -> list[str]:
        """Append a copy of ``graph`` with its inputs bound to tensors; the names of its outputs."""
        prefix = f"{self.node.name}/{self._copies}/"
        self._copies += 1
        names = dict(bindings)
        for tensor in graph.initializer:
            names[tensor.name] = self.constant(numpy_helper.to_array(tensor), f"{self._copies}/{tensor.name}")
        names |= {name: prefix + name for node in graph.node for name in node.output if name}
        for number, node in enumerate(graph.node):
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            _rename(copy, names)
            copy.name = prefix + (node.name or f"{node.op_type}_{number}")
            self.nodes.append(copy)
        return [names.get(value.name, value.name) for value in graph.output]

    def constant(self, values: Array, name: str) -> str:
        """The name of a new constant."""
        name = f"{self.node.name}/value/{name}"
        self.constants[name] = values
        return name

    def emit(self, op_type: str, inputs: list[str], output: str, **attributes: object) -> str:
        """Append a node; the name of its output."""
        self.nodes.append(
            helper.make_node(op_type, inputs, [output], name=f"{output}/{op_type}", **attributes)  # pyright: ignore
        )
        return output

    def stack(self, parts: list[str], axis: int, output: str) -> None:
        """``output`` = ``parts`` side by side along a new ``axis``."""
        rows: list[str] = []
        for number, part in enumerate(parts):
            name = f"{output}/row{number}"
            if self.opset < 13:
                rows.append(self.emit("Unsqueeze", [part], name, axes=[axis]))
            else:
                rows.append(self.emit("Unsqueeze", [part, self.constant(np.array([axis]), f"axis{axis}")], name))
        self.emit("Concat", rows, output, axis=axis)


def _rename(node: onnx.NodeProto, names: Mapping[str, str]) -> None:
    for tensors in (node.input, node.output):
        tensors[:] = [names.get(name, name) for name in tensors]
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for value in graph.output:
                value.name = names.get(value.name, value.name)
            for inner in graph.node:
                _rename(inner, names)


def resolve_control_flow(
    model: onnx.ModelProto, opset: int, constants: dict[str, Array], tensors: Mapping[str, Tensor]
) -> bool:
    """Replace what can be decided from ``constants`` and shapes; new constants go into ``constants``.

    Returns whether anything changed.
    """
    nodes: list[onnx.NodeProto] = []
    changed = False
    for node in model.graph.node:
        copier = _Copier(node, opset)
        resolve = {"If": _if, "Loop": _loop, "Scan": _scan}.get(node.op_type)
        if resolve is None or not resolve(copier, constants, tensors):
            nodes.append(node)
            continue
        changed = True
        nodes.extend(copier.nodes)
        constants.update(copier.constants)
    if changed:
        replace_nodes(model.graph, nodes)
        name_nodes(model.graph)
    return changed


def _attributes(node: onnx.NodeProto) -> dict[str, onnx.AttributeProto]:
    return {attribute.name: attribute for attribute in node.attribute}


def _deliver(copier: _Copier, sources: list[str]) -> None:
    """Give the node's outputs the values of ``sources``."""
    for source, output in zip(sources, copier.node.output, strict=False):
        if output:
            copier.emit("Identity", [source], output)


def _if(copier: _Copier, constants: Mapping[str, Array], tensors: Mapping[str, Tensor]) -> bool:
    condition = constants.get(copier.node.input[0])
    if condition is None or condition.size != 1:
        return False
    branch = _attributes(copier.node)["then_branch" if condition.item() else "else_branch"].g
    _deliver(copier, copier.body(branch, {}))
    return True


def _loop(copier: _Copier, constants: Mapping[str, Array], tensors: Mapping[str, Tensor]) -> bool:
    limit, begin, *carried = [*copier.node.input, "", ""][: max(2, len(copier.node.input))]
    body = _attributes(copier.node)["body"].g
    if limit not in constants or (begin and begin not in constants) or not _goes_on(body, constants):
        return False
    runs = int(constants[limit].item()) if not begin or constants[begin].item() else 0
    scans = len(body.output) - 1 - len(carried)
    if runs * len(body.node) > _MOST_NODES or (runs <= 0 and scans and any(copier.node.output[len(carried) :])):
        return False
    true = copier.constant(np.array(True), "true")
    rows: list[list[str]] = [[] for _ in range(scans)]
    for run in range(runs):
        number = copier.constant(np.array(run, np.int64), f"run{run}")
        bound = [number, true, *carried]
        _, *outputs = copier.body(body, dict(zip((v.name for v in body.input), bound, strict=True)))
        carried = outputs[: len(carried)]
        for row, name in zip(rows, outputs[len(carried) :], strict=True):
            row.append(name)
    _deliver(copier, carried)
    for row, output in zip(rows, copier.node.output[len(carried) :], strict=False):
        if output:
            copier.stack(row, 0, output)
    return True


def _goes_on(body: onnx.GraphProto, constants: Mapping[str, Array]) -> bool:
    """Whether the condition that ``body`` computes is always true."""
    makers = {name: node for node in body.node for name in node.output}
    name = body.output[0].name
    while name in makers and makers[name].op_type == "Identity":
        name = makers[name].input[0]
    known = {**constants, **{tensor.name: numpy_helper.to_array(tensor) for tensor in body.initializer}}
    if name in makers and makers[name].op_type == "Constant" and makers[name].attribute[0].HasField("t"):
        return bool(numpy_helper.to_array(makers[name].attribute[0].t).all())
    return name == body.input[1].name or (name in known and bool(np.all(known[name])))


def _scan(copier: _Copier, constants: Mapping[str, Array], tensors: Mapping[str, Tensor]) -> bool:
    if copier.opset < 9:  # before, a batch axis came first
        return False
    node, attributes = copier.node, _attributes(copier.node)
    body = attributes["body"].g
    count = attributes["num_scan_inputs"].i
    carried, scanned = list(node.input[:-count]), list(node.input[-count:])
    outputs = len(body.output) - len(carried)

    def listed(name: str, length: int) -> list[int]:
        return list(attributes[name].ints) if name in attributes else [0] * length

    if any(name not in tensors and name not in constants for name in scanned):
        return False
    shapes = [constants[name].shape if name in constants else tensors[name].shape for name in scanned]
    axes = [axis % len(shape) for axis, shape in zip(listed("scan_input_axes", count), shapes, strict=True)]
    runs = shapes[0][axes[0]]
    if runs * len(body.node) > _MOST_NODES or not runs:
        return False
    rows: list[list[str]] = [[] for _ in range(outputs)]
    backward = listed("scan_input_directions", count)
    for run in range(runs):
        bound = list(carried)
        for name, axis, reverse in zip(scanned, axes, backward, strict=True):
            place = copier.constant(np.array(runs - 1 - run if reverse else run, np.int64), f"at{run}.{reverse}")
            part = f"{node.name}/{name}/{axis}/{run}.{reverse}"
            if not any(made.output[0] == part for made in copier.nodes):
                copier.emit("Gather", [name, place], part, axis=axis)
            bound.append(part)
        found = copier.body(body, dict(zip((v.name for v in body.input), bound, strict=True)))
        carried = found[: len(carried)]
        for row, name in zip(rows, found[len(carried) :], strict=True):
            row.append(name)
    _deliver(copier, carried)
    targets = list(node.output[len(carried) :])
    settings = zip(
        rows, targets, listed("scan_output_axes", outputs), listed("scan_output_directions", outputs), strict=False
    )
    for row, output, axis, reverse in settings:
        if output:
            copier.stack(row[::-1] if reverse else row, axis, output)
    return True
