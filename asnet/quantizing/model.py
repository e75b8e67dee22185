"""A float ONNX model under change, with its constants, producers and readers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
from onnx import numpy_helper

from asnet.network.checking import DEFAULT_DOMAINS
from asnet.network.graph import used_names
from asnet.types import AnyArray

__all__ = ["MOVING", "FloatModel", "attribute"]

MOVING = frozenset({"MaxPool", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Identity"})
"""Operators whose result has the scale of their first input: they move numbers or choose among them."""


class FloatModel:
    """An ONNX model with its constants, producers and readers; ``readers`` of a graph output count one more."""

    def __init__(self, model: onnx.ModelProto, constants: dict[str, AnyArray], where: str) -> None:
        self.model = model
        self.graph = model.graph
        self.constants = constants
        self.where = where
        self.outputs = {value.name for value in model.graph.output}
        self.inputs = [value.name for value in model.graph.input if value.name not in constants]
        self._taken: set[str] = set()
        self.index()

    def to_model(self) -> onnx.ModelProto:
        """The whole model, with the constants that nodes read in the order in which they are read first."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        used = dict.fromkeys(name for node in self.graph.node for name in (*node.input, *sorted(used_names(node))))
        kept = [name for name in (*used, *sorted(self.outputs - used.keys())) if name in self.constants]
        inputs = [value for value in self.graph.input if value.name in self.inputs]
        copies = [onnx.ValueInfoProto.FromString(value.SerializeToString()) for value in inputs]
        del model.graph.input[:], model.graph.initializer[:], model.graph.value_info[:]
        model.graph.input.extend(copies)
        model.graph.initializer.extend(numpy_helper.from_array(self.constants[name], name) for name in kept)
        return model

    def index(self) -> None:
        """Find producers and readers anew after nodes were replaced."""
        self.producers = {name: node for node in self.graph.node for name in node.output if name}
        self.readers = Counter(name for node in self.graph.node for name in node.input if name)
        for node in self.graph.node:
            self.readers.update(used_names(node) - set(node.input))  # in the bodies of control flow
        self.readers.update(self.outputs)

    def only_reader(self, name: str) -> onnx.NodeProto | None:
        """The node that alone reads ``name``."""
        if self.readers[name] != 1 or name in self.outputs:
            return None
        return next((node for node in self.graph.node if name in node.input), None)

    def is_float_constant(self, name: str) -> bool:
        """Whether ``name`` is a constant of float32."""
        return name in self.constants and self.constants[name].dtype == np.float32

    def set_constant(self, name: str, values: AnyArray) -> str:
        """Give the constant ``name`` (new or there already) these values; its name."""
        self.constants[name] = np.array(values, order="C")
        return name

    def own_constant(self, node: onnx.NodeProto, index: int, values: AnyArray, role: str) -> None:
        """Let input ``index`` of ``node`` be a constant of these values that no other node reads."""
        name = node.input[index] if index < len(node.input) else ""
        if not name or self.readers[name] > 1:
            name = self.fresh(f"{node.name}.{role}")
        while len(node.input) <= index:
            node.input.append("")
        node.input[index] = self.set_constant(name, values)

    def fresh(self, stem: str) -> str:
        """A tensor name that begins with ``stem`` and that nothing has; it is taken from now on."""
        while stem in self.producers or stem in self.constants or stem in self.inputs or stem in self._taken:
            stem += "_"
        self._taken.add(stem)
        return stem

    def is_default(self, node: onnx.NodeProto, *operators: str) -> bool:
        """Whether ``node`` is one of ONNX's own ``operators``."""
        return node.op_type in operators and node.domain in DEFAULT_DOMAINS


def attribute(node: onnx.NodeProto, name: str, default: float) -> float:
    """The number attribute ``name`` of ``node``."""
    for entry in node.attribute:
        if entry.name == name:
            return entry.f if entry.type == onnx.AttributeProto.FLOAT else entry.i
    return default
