"""What becomes an integer: which products, which tensors, and which nodes pass integers on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx

from asnet.errors import QuantizationError
from asnet.quantizing.model import MOVING, FloatModel, attribute
from asnet.quantizing.numbers import IntegerFormat
from asnet.quantizing.options import Quantization

__all__ = ["Plan", "Product", "Quantised", "make_plan"]

_PRODUCTS = ("Conv", "Gemm", "MatMul")
_LEAST_BITS = 8
"""Bits of what no product reads."""


@dataclass(frozen=True)
class Product:
    """A Conv, Gemm or MatMul that becomes an integer product. ``second``: its other operand is computed too."""

    name: str
    op_type: str
    x: str
    w: str
    bias: str
    y: str
    weights: IntegerFormat
    second: bool = False


@dataclass(frozen=True)
class Quantised:
    """A tensor that QuantizeLinear (or an integer product) computes from ``raw``.

    ``low`` and ``high``: bounds of the Relu and Clip between them, which saturating takes the place of.
    """

    name: str
    raw: str
    format: IntegerFormat
    low: float = -np.inf
    high: float = np.inf


@dataclass
class Plan:
    """``passing``: tensor → the tensor whose integers it holds, through the node that computes it. ``merged``: nodes
    that saturating replaces. ``notes``: layers that stay float although they were asked for, and why.
    """

    products: dict[str, Product] = field(default_factory=dict[str, Product])
    tensors: dict[str, Quantised] = field(default_factory=dict[str, Quantised])
    passing: dict[str, str] = field(default_factory=dict[str, str])
    merged: set[str] = field(default_factory=set[str])
    notes: list[str] = field(default_factory=list[str])

    def origin(self, name: str) -> str:
        """The tensor that gives ``name`` its integers and its scale."""
        while name in self.passing:
            name = self.passing[name]
        return name


def make_plan(ready: FloatModel, options: Quantization) -> Plan:
    """Decide for every node and tensor of ``ready``.

    Raises:
        QuantizationError: no layer can be quantised.
    """
    plan = Plan()
    for node in ready.graph.node:
        if ready.is_default(node, *_PRODUCTS) and options.chooses(node.name):
            reason = _obstacle(ready, node)
            if reason:
                plan.notes.append(f"layer {node.name!r} ({node.op_type}) stays float: {reason}")
            else:
                plan.products[node.name] = _product(ready, node, options)
    if not plan.products:
        raise QuantizationError(_nothing(ready, options, plan))
    bits = _bits(ready, options, plan)
    for name, width in bits.items():
        _add_tensor(ready, plan, name, options.activation_format(width))
    return plan


def _obstacle(ready: FloatModel, node: onnx.NodeProto) -> str:
    """Why ``node`` cannot be an integer product; empty if it can."""
    bias = node.input[2] if len(node.input) > 2 else ""
    if node.input[0] in ready.constants:
        return "its first operand is constant"
    if bias and not ready.is_float_constant(bias):
        return "its bias is computed"
    if node.input[1] not in ready.constants:
        return "" if node.op_type == "MatMul" else "its weights are computed"
    if not ready.is_float_constant(node.input[1]):
        return "its weights are not float32"
    if node.op_type == "MatMul" and ready.constants[node.input[1]].ndim != 2:
        return "its weights are no matrix"
    if node.op_type == "Gemm" and (attribute(node, "transA", 0) or not attribute(node, "transB", 0)):
        return "its first operand is transposed, or its C is no vector"
    if bias and ready.constants[bias].shape != ready.constants[node.input[1]].shape[:1]:
        return "its bias is no vector of one number per channel"
    if not np.isfinite(ready.constants[node.input[1]]).all() or (bias and not np.isfinite(ready.constants[bias]).all()):
        return "its weights are not finite"
    return ""


def _product(ready: FloatModel, node: onnx.NodeProto, options: Quantization) -> Product:
    bias = node.input[2] if len(node.input) > 2 else ""
    second = node.input[1] not in ready.constants
    weights = options.weight_format(options.bits_of(node.name)[0])
    return Product(node.name, node.op_type, node.input[0], node.input[1], bias, node.output[0], weights, second)


def _nothing(ready: FloatModel, options: Quantization, plan: Plan) -> str:
    found = [node.name for node in ready.graph.node if ready.is_default(node, *_PRODUCTS)]
    if plan.notes:
        return f"{ready.where}: nothing can be quantised: {'; '.join(plan.notes)}"
    if not found:
        return f"{ready.where}: nothing to quantise: the network has no Conv, Gemm or MatMul"
    asked = ", ".join((*options.include, *(f"not {glob}" for glob in options.exclude)))
    return f"{ready.where}: no layer matches {asked}; the layers are {', '.join(found)}"


def _bits(ready: FloatModel, options: Quantization, plan: Plan) -> Mapping[str, int]:
    """The tensors to quantise (not those that others pass on), in topological order, and the bits of each."""
    read: dict[str, int] = {}
    for product in plan.products.values():
        operands = (product.x, product.w) if product.second else (product.x,)
        for operand in operands:
            origin = _pass_on(ready, plan, operand)
            read[origin] = max(read.get(origin, 0), options.bits_of(product.name)[1])
    for product in plan.products.values():
        result = _after_activation(ready, product.y)
        read.setdefault(result, max(_LEAST_BITS, options.bits_of(product.name)[1]))
    order = [*ready.inputs, *(name for node in ready.graph.node for name in node.output)]
    return {name: read[name] for name in order if name in read}


def _pass_on(ready: FloatModel, plan: Plan, name: str) -> str:
    """The tensor whose integers ``name`` holds; what passes them on is noted in ``plan``."""
    while True:
        node = ready.producers.get(name)
        passes = node is not None and ready.is_default(node, *MOVING) and not any(node.output[1:])
        if node is None or not passes or node.input[0] in ready.constants:
            return name
        plan.passing[name] = node.input[0]
        name = node.input[0]


def _after_activation(ready: FloatModel, name: str) -> str:
    """The result of the Relu and Clip that follow ``name`` with no other reader between."""
    while (node := ready.only_reader(name)) is not None and _bounds(ready, node) is not None:
        name = node.output[0]
    return name


def _bounds(ready: FloatModel, node: onnx.NodeProto) -> tuple[float, float] | None:
    if ready.is_default(node, "Relu"):
        return 0.0, np.inf
    if not ready.is_default(node, "Clip"):
        return None
    found = [-np.inf, np.inf]
    for index in (1, 2):
        name = node.input[index] if index < len(node.input) else ""
        if name:
            if name not in ready.constants or ready.constants[name].size != 1 or np.isnan(ready.constants[name]).any():
                return None
            found[index - 1] = float(ready.constants[name].item())
    return (found[0], found[1]) if found[0] <= found[1] else None


def _add_tensor(ready: FloatModel, plan: Plan, name: str, kind: IntegerFormat) -> None:
    raw, nodes, low, high = name, list[str](), -np.inf, np.inf
    while (node := ready.producers.get(raw)) is not None:
        bounds = _bounds(ready, node)
        before = node.input[0]
        if bounds is None or before in ready.inputs or before in plan.tensors or ready.only_reader(before) is None:
            break
        low, high = (min(max(value, low), high) for value in bounds)
        nodes.append(node.name)
        raw = before
    plan.merged.update(nodes)
    plan.tensors[name] = Quantised(name, raw, kind, low, high)
