"""Rewrites of the float network that keep its values: fewer operators, each in the form that integers have."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from asnet.network.graph import replace_nodes
from asnet.network.shapes import value_types
from asnet.quantizing.model import MOVING, FloatModel, attribute

__all__ = ["simplify_products"]


def simplify_products(ready: FloatModel) -> None:
    """Dropout to Identity, Gemm in one form, MatMul and Add to Gemm, BatchNormalization into products, Relu before
    what only moves numbers.
    """
    _drop_dropout(ready)
    _one_form_of_gemm(ready)
    _add_biases(ready)
    _fold_batch_normalization(ready)
    _activations_first(ready)


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
    types = value_types(ready.model, ready.constants)
    ranks = {name: len(kind.tensor_type.shape.dim) for name, kind in types.items()}
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


def _activations_first(ready: FloatModel) -> None:
    """A Relu or Clip behind a node that moves numbers or chooses among them goes before it: they commute."""
    moved = True
    while moved:
        moved = False
        nodes = list(ready.graph.node)
        for number, node in enumerate(nodes):
            before = ready.producers.get(node.input[0]) if ready.is_default(node, "Relu", "Clip") else None
            if before is None or not ready.is_default(before, *MOVING) or any(before.output[1:]):
                continue
            if ready.only_reader(before.output[0]) is None or any(name in ready.producers for name in node.input[1:]):
                continue
            node.input[0], before.input[0] = before.input[0], node.input[0]
            node.output[0], before.output[0] = before.output[0], node.output[0]
            where = nodes.index(before)
            nodes.insert(where, nodes.pop(number))
            replace_nodes(ready.graph, nodes)
            ready.index()
            moved = True
            break
