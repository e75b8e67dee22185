"""An ONNX graph for rewriting quantised operators: producers, uses, constants, new names."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
from onnx import helper

from asnet.network.own import OWN
from asnet.types import AnyArray, Array

__all__ = ["QuantisedGraph", "attribute", "element_type"]


def attribute(node: onnx.NodeProto, name: str, default: int) -> int:
    """The integer attribute ``name`` of ``node``."""
    return next((found.i for found in node.attribute if found.name == name), default)


def element_type(dtype: str) -> int:
    """ONNX's number of the element type that numpy calls ``dtype``."""
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


class QuantisedGraph:
    """A model's graph with what its rewriting asks for; ``constants`` are its known tensors, new ones are added."""

    def __init__(self, model: onnx.ModelProto, constants: dict[str, Array]) -> None:
        self.constants: dict[str, AnyArray] = constants
        self.producers = {name: node for node in model.graph.node for name in node.output if name}
        self.uses = Counter(name for node in model.graph.node for name in node.input)
        self.uses.update(value.name for value in model.graph.output)
        self.consumers = {name: node for node in model.graph.node for name in node.input}
        self.taken = {*self.producers, *self.constants, *(value.name for value in model.graph.input)}

    def constant(self, stem: str, values: AnyArray) -> str:
        """The name of a new constant."""
        name = self.name(stem)
        self.constants[name] = np.array(values, order="C")
        return name

    def name(self, stem: str) -> str:
        """A tensor name that nothing has."""
        while stem in self.taken:
            stem += "_"
        self.taken.add(stem)
        return stem

    def own(
        self, op_type: str, inputs: list[str], outputs: list[str], name: str, dtype: str, **more: int
    ) -> onnx.NodeProto:
        """A node of ASNet's own form of an operator, whose output is of type ``dtype``."""
        node = helper.make_node(op_type, inputs, outputs, name=name, domain=OWN)
        attributes = {"to": element_type(dtype), **more}
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        return node
