"""A float network made ready: constants folded, BatchNormalization folded into products, Gemms in one form."""

from __future__ import annotations

from collections import Counter
from os import PathLike

import numpy as np
import onnx
from onnx import helper, numpy_helper, version_converter

from asnet.errors import QuantizationError
from asnet.network.checking import DEFAULT_DOMAINS, check_functions, check_supported, opset_version
from asnet.network.expanding import inline_functions
from asnet.network.folding import fold
from asnet.network.graph import drop_unreachable, name_nodes, replace_nodes
from asnet.network.reading import Source, check_structure, load_external_data, one_line, read
from asnet.types import AnyArray

__all__ = ["FloatModel", "attribute", "prepare"]


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

    def index(self) -> None:
        """Find producers and readers anew after nodes were replaced."""
        self.producers = {name: node for node in self.graph.node for name in node.output if name}
        self.readers = Counter(name for node in self.graph.node for name in node.input if name)
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
        self.constants[name] = values
        tensor = numpy_helper.from_array(np.ascontiguousarray(values), name)
        for known in self.graph.initializer:
            if known.name == name:
                known.CopyFrom(tensor)
                return name
        self.graph.initializer.append(tensor)
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


def prepare(path: str | PathLike[str] | bytes, opset: int) -> FloatModel:
    """The model of ``path`` (or of a file's content) in ``opset`` or newer; dynamic axes stay dynamic.

    Raises:
        NetworkError: it cannot be read, or is broken.
        UnsupportedError: it uses what ASNet does not support.
        QuantizationError: it is quantised already, or cannot be converted to ``opset``.
    """
    source = read(path)
    where = source.where
    version = opset_version(source.model, where)
    drop_unreachable(source.model.graph)
    check_functions(source.model, where)
    model = inline_functions(source.model, where)
    name_nodes(model.graph)
    check_supported(model, version, where)
    source = Source(model, where, source.name, source.data, source.folder)
    load_external_data(source)
    check_structure(source)
    for node in model.graph.node:
        if node.op_type in _QUANTISED:
            raise QuantizationError(
                f"{where}: node {node.name!r} ({node.op_type}): the network is quantised already; give the float network"
            )
    if version < opset:
        model = _converted(model, opset, where)
    constants, _ = fold(model, where)
    ready = FloatModel(model, dict(constants), where)
    _drop_dropout(ready)
    _one_form_of_gemm(ready)
    _add_biases(ready)
    _fold_batch_normalization(ready)
    drop_unreachable(model.graph)
    used = {name for node in model.graph.node for name in node.input} | ready.outputs
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    names = {tensor.name for tensor in kept}
    inputs = [value for value in model.graph.input if value.name in ready.inputs]
    del model.graph.initializer[:], model.graph.input[:], model.graph.value_info[:]
    model.graph.initializer.extend(kept)
    model.graph.input.extend(inputs)
    return FloatModel(model, {name: ready.constants[name] for name in names}, where)


_QUANTISED = frozenset(
    {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"}
    | {"QLinearConv", "QLinearMatMul"}
)
_IR_VERSIONS = {13: 7, 21: 10}
"""Opset → the oldest version of ONNX's file format that may carry it."""


def _converted(model: onnx.ModelProto, opset: int, where: str) -> onnx.ModelProto:
    try:
        converted = version_converter.convert_version(model, opset)
    except Exception as error:  # the C++ converter raises what it meets
        raise QuantizationError(
            f"{where}: cannot be converted to opset {opset}, which the quantised form needs: {one_line(error)}; "
            f"export the network in opset {opset} or newer"
        ) from None
    converted.ir_version = max(model.ir_version, _IR_VERSIONS.get(opset, 7))
    name_nodes(converted.graph)
    return converted


def _drop_dropout(ready: FloatModel) -> None:
    """A Dropout in inference is an Identity, which integers can pass."""
    for node in ready.graph.node:
        training = node.input[2] if len(node.input) > 2 else ""
        trains = bool(training) and (training not in ready.constants or ready.constants[training].any())
        if ready.is_default(node, "Dropout") and not any(node.output[1:]) and not trains:
            node.op_type = "Identity"
            del node.input[1:], node.attribute[:]


def _one_form_of_gemm(ready: FloatModel) -> None:
    """alpha and beta into the constants, ``transB`` = 1, the bias a vector; what does not fit stays as it is."""
    for node in ready.graph.node:
        if not ready.is_default(node, "Gemm") or not ready.is_float_constant(node.input[1]):
            continue
        weights = ready.constants[node.input[1]]
        if attribute(node, "transA", 0) or weights.ndim != 2:
            continue
        weights = weights if attribute(node, "transB", 0) else weights.T
        bias = None
        if len(node.input) > 2 and node.input[2]:
            c = ready.constants.get(node.input[2])
            if c is None or c.size not in (1, len(weights)) or (c.ndim > 1 and c.shape[0] != 1):
                continue
            bias = np.broadcast_to(c.reshape(-1), len(weights)) * np.float32(attribute(node, "beta", 1.0))
        weights = weights * np.float32(attribute(node, "alpha", 1.0))
        ready.own_constant(node, 1, weights.astype(np.float32), "weight")
        if bias is not None:
            ready.own_constant(node, 2, bias.astype(np.float32), "bias")
        del node.attribute[:]
        node.attribute.append(helper.make_attribute("transB", 1))


def _add_biases(ready: FloatModel) -> None:
    """An addition of a constant per column after a MatMul of matrices becomes the bias of a Gemm."""
    dropped: dict[str, str] = {}
    nodes: list[onnx.NodeProto] = []
    ranks = {
        value.name: len(value.type.tensor_type.shape.dim)
        for value in onnx.shape_inference.infer_shapes(ready.model).graph.value_info
    } | {value.name: len(value.type.tensor_type.shape.dim) for value in ready.graph.input}
    for node in ready.graph.node:
        if node.name in dropped:
            continue
        nodes.append(node)
        reader = ready.only_reader(node.output[0])
        if reader is None or not ready.is_default(node, "MatMul") or not ready.is_default(reader, "Add"):
            continue
        weights = ready.constants.get(node.input[1])
        (other,) = [name for name in reader.input if name != node.output[0]] or [""]
        bias = ready.constants.get(other)
        if weights is None or weights.ndim != 2 or ranks.get(node.input[0]) != 2 or bias is None:
            continue
        if bias.dtype != np.float32 or bias.size != weights.shape[1] or bias.shape[-1:] != (bias.size,):
            continue
        dropped[reader.name] = node.name
        gemm = helper.make_node(
            "Gemm", [node.input[0], node.input[1], ""], [reader.output[0]], name=node.name, transB=1
        )
        ready.own_constant(gemm, 1, np.ascontiguousarray(weights.T), "weight.transposed")
        ready.own_constant(gemm, 2, bias.reshape(-1), "bias")
        nodes[-1] = gemm
    replace_nodes(ready.graph, nodes)
    ready.index()


def _fold_batch_normalization(ready: FloatModel) -> None:
    """A BatchNormalization that alone reads a Conv or Gemm goes into its weights and bias, in float64."""
    gone: set[str] = set()
    for node in list(ready.graph.node):
        reader = ready.only_reader(node.output[0]) if ready.is_default(node, "Conv", "Gemm") else None
        if reader is None or not ready.is_default(reader, "BatchNormalization"):
            continue
        names = [*node.input[1:], *reader.input[1:]]
        if any(name and not ready.is_float_constant(name) for name in names):
            continue
        if node.op_type == "Gemm" and not attribute(node, "transB", 0):
            continue
        scale, shift, mean, variance = (ready.constants[name].astype(np.float64) for name in reader.input[1:5])
        factor = scale / np.sqrt(variance + float(np.float32(attribute(reader, "epsilon", 1e-5))))
        weights = ready.constants[node.input[1]].astype(np.float64)
        bias = ready.constants[node.input[2]].astype(np.float64) if len(node.input) > 2 and node.input[2] else 0.0
        folded = weights * factor.reshape(-1, *(1,) * (weights.ndim - 1)), (bias - mean) * factor + shift
        if not all(np.isfinite(array.astype(np.float32)).all() for array in folded):
            continue
        ready.own_constant(node, 1, folded[0].astype(np.float32), "weight")
        ready.own_constant(node, 2, folded[1].astype(np.float32), "bias")
        node.output[0] = reader.output[0]
        gone.add(reader.name)
        ready.index()
    replace_nodes(ready.graph, [node for node in ready.graph.node if node.name not in gone])
    ready.index()
