"""Sequences and optionals whose elements are put and taken at constant positions: only tensors remain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper

from asnet.network.graph import name_nodes, replace_nodes
from asnet.network.model import Tensor
from asnet.types import Array

__all__ = ["resolve_sequences"]


_MOST_PARTS = 1 << 12
"""Elements of a sequence that a tensor may be split into."""


@dataclass
class _State:
    """What is known in front of a node: the tensors in each sequence; ``nodes`` are those that take its place."""

    opset: int
    constants: dict[str, Array]
    tensors: Mapping[str, Tensor]
    sequences: dict[str, list[str]] = field(default_factory=dict[str, "list[str]"])
    optionals: dict[str, list[str]] = field(default_factory=dict[str, "list[str]"])
    nodes: list[onnx.NodeProto] = field(default_factory=list[onnx.NodeProto])

    def position(self, node: onnx.NodeProto, number: int, default: int) -> int | None:
        """The constant input ``number``; None if it is computed."""
        if number >= len(node.input) or not node.input[number]:
            return default
        value = self.constants.get(node.input[number])
        return int(value.item()) if value is not None and value.size == 1 else None

    def emit(self, op_type: str, inputs: list[str], outputs: list[str], **attributes: object) -> None:
        """Append a node."""
        self.nodes.append(
            helper.make_node(op_type, inputs, outputs, name=f"{outputs[0]}/{op_type}", **attributes)  # pyright: ignore
        )

    def with_axes(self, op_type: str, source: str, axis: int, output: str) -> None:
        """Append a Squeeze or Unsqueeze of one axis."""
        if self.opset < 13:
            self.emit(op_type, [source], [output], axes=[axis])
            return
        name = f"{output}/axes"
        self.constants[name] = np.array([axis], np.int64)
        self.emit(op_type, [source, name], [output])


def resolve_sequences(
    model: onnx.ModelProto, opset: int, constants: dict[str, Array], tensors: Mapping[str, Tensor]
) -> bool:
    """Put tensors in place of what is taken from sequences and optionals; whether anything changed.

    New constants go into ``constants``. A node that makes a sequence stays; nothing reads it in the end.
    """
    state = _State(opset, constants, tensors)
    nodes: list[onnx.NodeProto] = []
    changed = False
    for node in model.graph.node:
        state.nodes = []
        rule = _RULES.get(node.op_type)
        if rule is not None and rule(node, state):
            changed = True
            nodes.extend(state.nodes)
        else:
            nodes.append(node)
    if changed:
        replace_nodes(model.graph, nodes)
        name_nodes(model.graph)
    return changed


def _attribute(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == name), default)


def _make(node: onnx.NodeProto, state: _State) -> bool:
    state.sequences[node.output[0]] = list(node.input)
    return False


def _insert(node: onnx.NodeProto, state: _State) -> bool:
    held = state.sequences.get(node.input[0])
    if held is not None:
        position = state.position(node, 2, len(held))
        if position is not None and -len(held) <= position <= len(held):
            position += len(held) if position < 0 else 0
            state.sequences[node.output[0]] = [*held[:position], node.input[1], *held[position:]]
    return False


def _erase(node: onnx.NodeProto, state: _State) -> bool:
    held = state.sequences.get(node.input[0])
    if held:
        position = state.position(node, 1, len(held) - 1)
        if position is not None and -len(held) <= position < len(held):
            position %= len(held)
            state.sequences[node.output[0]] = held[:position] + held[position + 1 :]
    return False


def _pass(node: onnx.NodeProto, state: _State) -> bool:
    """The Identity of a sequence or optional is just that."""
    for known in (state.sequences, state.optionals):
        if node.input[0] in known:
            known[node.output[0]] = known[node.input[0]]
    return False


def _optional(node: onnx.NodeProto, state: _State) -> bool:
    given = bool(node.input) and bool(node.input[0])
    if not given or _is_tensor(node.input[0], state) or node.input[0] in state.sequences:
        state.optionals[node.output[0]] = [node.input[0]] if given else []
    return False


def _get(node: onnx.NodeProto, state: _State) -> bool:
    held = state.optionals.get(node.input[0], [node.input[0]])
    if len(held) != 1:
        return False
    if held[0] in state.sequences:
        state.sequences[node.output[0]] = state.sequences[held[0]]
        return False
    if not _is_tensor(held[0], state):
        return False
    state.emit("Identity", held, [node.output[0]])
    return True


def _is_tensor(name: str, state: _State) -> bool:
    return name in state.tensors or name in state.constants


def _has(node: onnx.NodeProto, state: _State) -> bool:
    name = node.input[0] if node.input else ""
    if name and not (name in state.optionals or name in state.sequences or _is_tensor(name, state)):
        return False
    state.constants[node.output[0]] = np.array(bool(name) and bool(state.optionals.get(name, [name])))
    return True


def _at(node: onnx.NodeProto, state: _State) -> bool:
    held = state.sequences.get(node.input[0])
    position = state.position(node, 1, 0)
    if held is None or position is None or not -len(held) <= position < len(held):
        return False
    state.emit("Identity", [held[position]], [node.output[0]])
    return True


def _length(node: onnx.NodeProto, state: _State) -> bool:
    if node.input[0] not in state.sequences:
        return False
    state.constants[node.output[0]] = np.array(len(state.sequences[node.input[0]]), np.int64)
    return True


def _concat(node: onnx.NodeProto, state: _State) -> bool:
    held = state.sequences.get(node.input[0])
    if not held:
        return False
    axis = _attribute(node, "axis", 0)
    if _attribute(node, "new_axis", 0):
        if not _is_tensor(held[0], state):
            return False
        rank = len((state.constants if held[0] in state.constants else state.tensors)[held[0]].shape)
        axis += rank + 1 if axis < 0 else 0
        rows = [f"{node.output[0]}/row{number}" for number in range(len(held))]
        for part, row in zip(held, rows, strict=True):
            state.with_axes("Unsqueeze", part, axis, row)
        held = rows
    state.emit("Concat", held, [node.output[0]], axis=axis)
    return True


def _split(node: onnx.NodeProto, state: _State) -> bool:
    """SplitToSequence becomes a Split and a SequenceConstruct."""
    if node.input[0] not in state.tensors:
        return False
    shape = state.tensors[node.input[0]].shape
    axis = _attribute(node, "axis", 0)
    given = len(node.input) > 1 and bool(node.input[1])
    if not -len(shape) <= axis < len(shape) or (given and node.input[1] not in state.constants):
        return False
    axis %= len(shape)
    extent = shape[axis]
    lengths = [1] * min(extent, _MOST_PARTS + 1)
    if given:
        split = state.constants[node.input[1]]
        if split.ndim:
            lengths = [int(length) for length in split]
        elif int(split) > 0:
            lengths = [min(int(split), extent - start) for start in range(0, extent, int(split))]
        else:
            return False
    if sum(lengths) != extent or any(length < 0 for length in lengths) or not 0 < len(lengths) <= _MOST_PARTS:
        return False
    parts = [f"{node.output[0]}/part{number}" for number in range(len(lengths))]
    if state.opset < 13:
        state.emit("Split", [node.input[0]], parts, axis=axis, split=lengths)
    else:
        name = f"{node.output[0]}/lengths"
        state.constants[name] = np.array(lengths, np.int64)
        state.emit("Split", [node.input[0], name], parts, axis=axis)
    if not given and not _attribute(node, "keepdims", 1):
        thin = [f"{part}/squeezed" for part in parts]
        for part, name in zip(parts, thin, strict=True):
            state.with_axes("Squeeze", part, axis, name)
        parts = thin
    state.emit("SequenceConstruct", parts, [node.output[0]])
    return True


_RULES: Mapping[str, Callable[[onnx.NodeProto, _State], bool]] = {
    "SequenceEmpty": _make,
    "SequenceConstruct": _make,
    "SequenceInsert": _insert,
    "SequenceErase": _erase,
    "SequenceAt": _at,
    "SequenceLength": _length,
    "SplitToSequence": _split,
    "ConcatFromSequence": _concat,
    "Identity": _pass,
    "Optional": _optional,
    "OptionalGetElement": _get,
    "OptionalHasElement": _has,
}
