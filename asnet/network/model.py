"""The network as the rest of ASNet sees it: checked, shape-inferred, with named layers and folded constants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from asnet.types import Array

__all__ = ["AttributeValue", "Layer", "LoadOptions", "Network", "Shapes", "Tensor"]

AttributeValue: TypeAlias = "int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | Array"


Shapes: TypeAlias = "Mapping[str, int | Sequence[int]]"
"""Extents of dynamic axes by the axis' name, shapes of inputs by the input's name."""


@dataclass(frozen=True)
class LoadOptions:
    """How a file was read where it left a choice: ``shapes`` of dynamic axes, the one ``output`` that was kept."""

    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    output: str | None = None

    def __str__(self) -> str:
        words = [f"--shape {name}={'x'.join(map(str, shape))}" for name, shape in self.shapes.items()]
        return " ".join(words + ([f"--output {self.output}"] if self.output else []))


@dataclass(frozen=True)
class Tensor:
    """A value of the network. ``dtype`` is the numpy name (``float32``); ``shape`` is static, batch axis bound."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def __str__(self) -> str:
        return f"{self.name} {self.dtype}{list(self.shape)}"


@dataclass(frozen=True)
class Layer:
    """One operator of the network; ``inputs`` holds ``""`` for an omitted optional input, as in ONNX."""

    name: str
    op_type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict[str, AttributeValue])

    def __str__(self) -> str:
        return f"node {self.name!r} ({self.op_type})"


@dataclass(frozen=True)
class Network:
    """A checked network: layers in topological order, every tensor with type and static shape.

    ``tensors`` covers inputs, constants and every layer output; ``constants`` (initialisers and folded nodes) maps
    names to arrays. ``digest`` is the SHA-256 of the ONNX file, or of that and of its external data. Layer names are
    unique. ``opset`` is the version of the operators' definitions (domain ``ai.onnx``); ``options`` say how the file
    was read.
    """

    name: str
    digest: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    layers: tuple[Layer, ...]
    tensors: Mapping[str, Tensor]
    constants: Mapping[str, Array]
    opset: int = 21
    options: LoadOptions = LoadOptions()

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of the tensor ``name``."""
        return self.tensors[name].shape

    def __str__(self) -> str:
        inputs, outputs = (", ".join(map(str, tensors)) for tensors in (self.inputs, self.outputs))
        return f"{self.name}: {inputs} -> {outputs}, opset {self.opset}"
