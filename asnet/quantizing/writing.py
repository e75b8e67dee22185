"""The quantised network as ONNX: integers between QuantizeLinear and DequantizeLinear, products in one of two forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx
from onnx import helper

from asnet.quantizing.model import FloatModel
from asnet.quantizing.numbers import Scale
from asnet.quantizing.planning import Plan, Product, Quantised
from asnet.quantizing.simulating import Choice, Scales
from asnet.types import AnyArray

__all__ = ["write_graph"]


def write_graph(ready: FloatModel, plan: Plan, scales: Scales, form: str) -> None:
    """Turn the graph of ``ready`` into the quantised one; ``form`` is ``qdq`` or ``qoperator``."""
    _Writer(ready, plan, scales, form).write()


class _Writer:
    def __init__(self, ready: FloatModel, plan: Plan, scales: Scales, form: str) -> None:
        self.ready, self.plan, self.scales = ready, plan, scales
        self.emit_product = self._qdq if form == "qdq" else self._qlinear
        self.direct = form != "qdq"
        self.nodes: list[onnx.NodeProto] = []
        self.names = {node.name for node in ready.graph.node}
        self.integers: dict[str, str] = {}
        self.floats: dict[str, str] = {}
        self.parameters: dict[str, tuple[str, str]] = {}
        self.by_raw = {tensor.raw: tensor for tensor in plan.tensors.values()}

    def write(self) -> None:
        """Emit every node in order."""
        graph = self.ready.graph
        for name in self.ready.inputs:
            if name in self.plan.tensors:
                self._quantise(self.plan.tensors[name], name)
        for node in graph.node:
            if node.name in self.plan.merged:
                continue
            product = self.plan.products.get(node.name)
            if product is not None:
                self.emit_product(node, product)
            elif node.output[0] in self.plan.passing:
                self._pass(node)
            else:
                self._float(node)
        for name in sorted(self.ready.outputs):
            self._real(name)
        nodes = list(self.nodes)
        del graph.node[:]
        graph.node.extend(nodes)

    def _node(
        self, op: str, inputs: Sequence[str], output: str, name: str, *, axis: int | None = None, layer: bool = False
    ) -> None:
        """Add a node; ``layer``: it takes the place of the one with its name, else the name is made unique."""
        while name in self.names and not layer:
            name += "_"
        self.names.add(name)
        node = helper.make_node(op, inputs, [output], name=name)
        if axis is not None:
            node.attribute.append(helper.make_attribute("axis", axis))
        self.nodes.append(node)

    def _constant(self, stem: str, values: AnyArray) -> str:
        return self.ready.set_constant(self.ready.fresh(stem), values)

    def _scale_names(self, name: str, scale: Scale) -> tuple[str, str]:
        """The constants of a tensor's scale and zero point."""
        if name not in self.parameters:
            zero = scale.zero.astype(scale.format.dtype)
            if scale.axis is not None and zero.ndim == 0:
                zero = np.broadcast_to(zero, scale.scale.shape)
            self.parameters[name] = (
                self._constant(f"{name}.scale", scale.scale),
                self._constant(f"{name}.zero_point", zero),
            )
        return self.parameters[name]

    def _quantise(self, tensor: Quantised, raw: str) -> None:
        """QuantizeLinear of ``raw`` and what bounds its numbers."""
        scale = self.scales.tensors[tensor.name]
        names = self._scale_names(tensor.name, scale)
        number = self.ready.fresh(f"{tensor.name}.quantized")
        self._node("QuantizeLinear", [raw, *names], number, f"{tensor.name}.quantize")
        self._bound(tensor, scale, number)

    def _bound(self, tensor: Quantised, scale: Scale, number: str) -> None:
        """A Clip of the integers ``number`` where saturating to their type is not enough."""
        limits = np.iinfo(scale.format.dtype)
        low, high = (int(scale.quantise(np.array(bound, np.float32))) for bound in (tensor.low, tensor.high))
        if (low, high) != (limits.min, limits.max):
            kind = scale.format.dtype
            bounds = [
                self._constant(f"{tensor.name}.{role}", np.array(bound, kind))
                for role, bound in (("low", low), ("high", high))
            ]
            clipped = self.ready.fresh(f"{tensor.name}.clipped")
            self._node("Clip", [number, *bounds], clipped, f"{tensor.name}.clip")
            number = clipped
        self.integers[tensor.name] = number

    def _real(self, name: str) -> str:
        """The float tensor that readers of ``name`` get; dequantised at its first reader."""
        if name not in self.integers:
            return name
        if name not in self.floats:
            real = self.ready.fresh(f"{name}.dequantized") if name in self.ready.inputs else name
            origin = self.plan.origin(name)
            names = self._scale_names(origin, self.scales.tensors[origin])
            self._node("DequantizeLinear", [self.integers[name], *names], real, f"{name}.dequantize")
            self.floats[name] = real
        return self.floats[name]

    def _float(self, node: onnx.NodeProto) -> None:
        """A node that is computed in float."""
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:] = [self._real(name) for name in node.input]
        self._finish(copy)

    def _finish(self, node: onnx.NodeProto) -> None:
        """Add ``node``, and quantise those of its outputs that are to be."""
        results = [self.by_raw.get(name) for name in node.output]
        for index, tensor in enumerate(results):
            if tensor is not None and tensor.raw == tensor.name:
                node.output[index] = self.ready.fresh(f"{tensor.name}.float")
        self.nodes.append(node)
        for name, tensor in zip(node.output, results, strict=True):
            if tensor is not None:
                self._quantise(tensor, name)

    def _pass(self, node: onnx.NodeProto) -> None:
        """A node that moves integers."""
        source, name = node.input[0], node.output[0]
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        origin = self.plan.origin(name)
        if node.op_type != "MaxPool" or self.scales.tensors[origin].format.bits <= 8:
            copy.input[0] = self.integers[source]
            copy.output[0] = self.integers[name] = self.ready.fresh(f"{name}.quantized")
            self.nodes.append(copy)
            return
        names = self._scale_names(origin, self.scales.tensors[origin])
        copy.input[0] = self._real(source)
        copy.output[0] = self.ready.fresh(f"{name}.float")
        self.nodes.append(copy)
        number = self.ready.fresh(f"{name}.quantized")
        self._node("QuantizeLinear", [copy.output[0], *names], number, f"{name}.quantize")
        self._bound(replace(self.plan.tensors[origin], name=name), self.scales.tensors[origin], number)

    def _weights(self, product: Product) -> tuple[str, str, str]:
        """The constants of integer weights, their scales and zero points."""
        choice = self.scales.products[product.name]
        names = self._scale_names(f"{product.name}.weights", choice.scale)
        return (self._constant(f"{product.name}.weights.quantized", choice.weights), *names)

    def _qdq(self, node: onnx.NodeProto, product: Product) -> None:
        """The float operator between DequantizeLinear of its operands and QuantizeLinear of its result."""
        choice = self.scales.products[product.name]
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        inputs = [self._real(product.x)]
        if product.second:
            inputs.append(self._real(product.w))
        else:
            real = self.ready.fresh(f"{product.name}.weights.dequantized")
            self._node(
                "DequantizeLinear",
                self._weights(product),
                real,
                f"{product.name}.weights.dequantize",
                axis=choice.scale.axis,
            )
            inputs.append(real)
        if choice.bias is not None:
            inputs.append(self._bias(product, choice))
        copy.input[:] = inputs
        self._finish(copy)

    def _bias(self, product: Product, choice: Choice) -> str:
        """The dequantised bias, in units of the product of the scales."""
        x = self.scales.tensors[self.plan.origin(product.x)]
        step = np.multiply(x.scale, choice.scale.scale)
        stem = f"{product.name}.bias"
        names = [
            self._constant(f"{stem}.quantized", np.asarray(choice.bias)),
            self._constant(f"{stem}.scale", step),
            self._constant(f"{stem}.zero_point", np.zeros(step.shape, np.int32)),
        ]
        real = self.ready.fresh(f"{stem}.dequantized")
        self._node("DequantizeLinear", names, real, f"{stem}.dequantize", axis=0 if step.ndim else None)
        return real

    def _qlinear(self, node: onnx.NodeProto, product: Product) -> None:
        """QLinearConv or QLinearMatMul; a Gemm with a bias is a convolution of one position over its rows."""
        choice = self.scales.products[product.name]
        tensor = self.by_raw[product.y]
        scale = self.scales.tensors[tensor.name]
        x = self._scale_names(self.plan.origin(product.x), self.scales.tensors[self.plan.origin(product.x)])
        y = self._scale_names(tensor.name, scale)
        number = self.ready.fresh(f"{tensor.name}.quantized")
        operand = self.integers[product.x]
        if product.second:
            origin = self.plan.origin(product.w)
            w = (self.integers[product.w], *self._scale_names(origin, self.scales.tensors[origin]))
            self._node("QLinearMatMul", [operand, *x, *w, *y], number, node.name, layer=True)
        elif product.op_type == "Conv":
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.op_type = "QLinearConv"
            bias = [] if choice.bias is None else [self._constant(f"{product.name}.bias.quantized", choice.bias)]
            copy.input[:] = [operand, *x, *self._weights(product), *y, *bias]
            copy.output[:] = [number]
            self.nodes.append(copy)
        elif product.op_type == "MatMul" or choice.bias is None:
            weights = choice if product.op_type == "MatMul" else _transposed(choice)
            self.scales.products[product.name] = weights
            self._node("QLinearMatMul", [operand, *x, *self._weights(product), *y], number, node.name, layer=True)
        else:
            self._rows(product, choice, [operand, *x], list(y), number)
        self._bound(tensor, scale, number)

    def _rows(self, product: Product, choice: Choice, x: list[str], y: list[str], number: str) -> None:
        """A Gemm as the QLinearConv with a kernel of one position over [row, k, 1], between two Reshapes."""
        outputs, k = choice.weights.shape
        self.scales.products[product.name] = replace(choice, weights=choice.weights[:, :, None])
        names = [self.ready.fresh(f"{product.name}.{role}") for role in ("rows", "sums")]
        shapes = [
            self._constant(f"{product.name}.{role}.shape", np.array(shape, np.int64))
            for role, shape in (("rows", (-1, k, 1)), ("result", (-1, outputs)))
        ]
        bias = self._constant(f"{product.name}.bias.quantized", np.asarray(choice.bias))
        self._node("Reshape", [x[0], shapes[0]], names[0], f"{product.name}.rows")
        inputs = [names[0], *x[1:], *self._weights(product), *y, bias]
        self._node("QLinearConv", inputs, names[1], product.name, layer=True)
        self._node("Reshape", [names[1], shapes[1]], number, f"{product.name}.result")


def _transposed(choice: Choice) -> Choice:
    scale = replace(choice.scale, axis=None if choice.scale.axis is None else 1)
    return replace(choice, weights=np.ascontiguousarray(choice.weights.T), scale=scale)
