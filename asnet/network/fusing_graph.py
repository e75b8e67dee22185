"""What a graph in QDQ form says about a tensor: how it is dequantised, how it is quantised behind an operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import onnx

from asnet.network.narrowing import type_range
from asnet.network.own import OWN
from asnet.network.quantised_graph import QuantisedGraph, attribute
from asnet.types import AnyArray, Array

__all__ = ["CONTAINERS", "Dequantised", "FusingGraph", "Fusion", "Quantised"]

CONTAINERS = ("int8", "uint8", "int16", "uint16")
"""Types of quantised tensors."""


@dataclass(frozen=True)
class Dequantised:
    """What a DequantizeLinear reads: ``source``, with constant scale and zero point (one per position of ``axis``)."""

    source: str
    names: tuple[str, str]
    scale: AnyArray
    zero: AnyArray
    axis: int

    @property
    def dtype(self) -> str:
        """Type of the quantised tensor."""
        return self.zero.dtype.name

    @property
    def per_tensor(self) -> bool:
        """Whether there is one scale and one zero point."""
        return self.scale.size == 1 and self.zero.size == 1

    def same(self, other: Dequantised) -> bool:
        """Whether both have the same parameters."""
        alike = self.per_tensor or self.axis == other.axis
        return (
            alike
            and self.dtype == other.dtype
            and np.array_equal(self.scale.ravel(), other.scale.ravel())
            and np.array_equal(self.zero.ravel(), other.zero.ravel())
        )


@dataclass(frozen=True)
class Quantised(Dequantised):
    """How a result is quantised per tensor: ``source`` is the quantised tensor, of numbers ``low`` to ``high``."""

    low: int
    high: int

    @property
    def saturates(self) -> bool:
        """Whether the numbers are all of the type."""
        return (self.low, self.high) == type_range(self.dtype)

    def number(self, value: float) -> int:
        """``value`` as this quantiser rounds it."""
        least, greatest = type_range(self.dtype)
        with np.errstate(all="ignore"):
            whole = float(np.rint(np.divide(np.float32(value), np.float32(self.scale.item())))) + float(
                self.zero.item()
            )
        return int(min(max(whole, least), greatest))

    def within(self, low: int, high: int) -> Quantised:
        """The same where another operator bounds the numbers too."""
        least, greatest = max(self.low, low), max(self.high, low)
        return replace(self, low=min(least, high), high=min(greatest, high))


class FusingGraph(QuantisedGraph):
    """A graph of operator set ``opset`` with what its nodes mean."""

    def __init__(self, model: onnx.ModelProto, constants: dict[str, Array], opset: int) -> None:
        super().__init__(model, constants)
        self.opset = opset

    def dequantised(self, name: str) -> Dequantised | None:
        """The DequantizeLinear that computes ``name``, if its parameters are constant."""
        node = self.producers.get(name)
        if node is None or node.op_type != "DequantizeLinear" or attribute(node, "block_size", 0):
            return None
        found = self._parameters(node)
        if found is None or found[2].dtype.name not in (*CONTAINERS, "int32"):
            return None
        return Dequantised(node.input[0], *found, axis=attribute(node, "axis", 1))

    def follower(self, name: str) -> onnx.NodeProto | None:
        """The node that reads ``name``, if it alone does."""
        return self.consumers.get(name) if self.uses[name] == 1 else None

    def quantised(self, name: str) -> Quantised | None:
        """How tensor ``name`` is quantised, if nothing else reads it, with Relu and Clip before and Clip behind."""
        node, bounds = self.follower(name), [(-np.inf, np.inf)]
        while node is not None and node.op_type in ("Relu", "Clip") and node.input[0] == name:
            found = (0.0, np.inf) if node.op_type == "Relu" else self._bounds(node)
            if found is None:
                return None
            bounds.append(found)
            name = node.output[0]
            node = self.follower(name)
        if node is None or node.input[0] != name:
            return None
        made = self.quantiser(node)
        if made is None:
            return None
        for low, high in bounds:
            made = made.within(made.number(low), made.number(high))
        behind = self.follower(made.source)
        if behind is not None and behind.op_type == "Clip" and behind.input[0] == made.source:
            found = self._bounds(behind)
            if found is not None:
                least, greatest = type_range(made.dtype)
                low, high = (int(min(max(bound, least), greatest)) for bound in found)
                made = replace(made.within(low, high), source=behind.output[0])
        return made

    def quantiser(self, node: onnx.NodeProto) -> Quantised | None:
        """The parameters of a QuantizeLinear or QONNX quantiser per tensor that rounds to nearest even."""
        own = node.domain == OWN and node.op_type == "Quant"
        if not own and node.op_type != "QuantizeLinear":
            return None
        rounding = next((found.s for found in node.attribute if found.name == "rounding_mode"), b"ROUND")
        found = self._parameters(node)
        if found is None or rounding != b"ROUND" or attribute(node, "precision", 0):
            return None
        if found[1].size != 1 or found[2].size != 1 or found[2].dtype.name not in CONTAINERS:
            return None
        least, greatest = type_range(found[2].dtype.name)
        low, high = attribute(node, "low", least), attribute(node, "high", greatest)
        return Quantised(node.output[0], *found, axis=0, low=low, high=high)

    def _bounds(self, node: onnx.NodeProto) -> tuple[float, float] | None:
        """The bounds of a Clip, if they are known."""
        if any(found.name in ("min", "max") for found in node.attribute) or len(node.input) < 2:
            given = {found.name: found.f for found in node.attribute}
            return given.get("min", -np.inf), given.get("max", np.inf)
        bounds: list[float] = []
        for name, default in zip((*node.input[1:3], "")[:2], (-np.inf, np.inf), strict=True):
            found = self.constants.get(name)
            if name and (found is None or found.size != 1):
                return None
            bounds.append(default if found is None else float(found.item()))
        return bounds[0], bounds[1]

    def _parameters(self, node: onnx.NodeProto) -> tuple[tuple[str, str], AnyArray, AnyArray] | None:
        if len(node.input) < 3 or any(name not in self.constants for name in node.input[1:3]):
            return None
        scale, zero = (self.constants[name] for name in node.input[1:3])
        return ((node.input[1], node.input[2]), scale, zero) if scale.dtype == np.float32 else None


Fusion = Callable[[FusingGraph, onnx.NodeProto], "list[onnx.NodeProto] | None"]
"""The nodes in place of one, the last of which computes what the pattern's last node did; None if it does not fit."""
