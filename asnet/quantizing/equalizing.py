"""Cross-layer equalisation: the channels between two products get like ranges; the float network stays the same.

Source: M. Nagel, M. van Baalen, T. Blankevoort, M. Welling, "Data-Free Quantization Through Weight Equalization and
Bias Correction", ICCV 2019: relu(s·x) = s·relu(x) for s > 0, so that channel i of the first product may be divided by
``s_i = √(r1_i·r2_i) / r2_i`` and multiplied again in the second, where r are the channel's greatest absolute weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from asnet.quantizing.model import FloatModel, attribute
from asnet.quantizing.planning import Plan, Product

__all__ = ["equalize"]

_HOMOGENEOUS = ("Relu", "LeakyRelu", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Identity")
_ROUNDS = 20
_SETTLED = 1e-3


@dataclass(frozen=True)
class _Pair:
    first: Product
    second: Product
    groups: int


def equalize(ready: FloatModel, plan: Plan) -> int:
    """Change the weights and biases in ``ready``; the number of pairs of products that share scaled channels."""
    pairs = [pair for product in plan.products.values() if (pair := _pair(ready, plan, product)) is not None]
    for pair in pairs:
        _own_constants(ready, pair)
    for _ in range(_ROUNDS):
        if max((_equalize(ready, pair) for pair in pairs), default=0.0) < _SETTLED:
            break
    return len(pairs)


def _pair(ready: FloatModel, plan: Plan, first: Product) -> _Pair | None:
    """``first`` and the product that alone reads its result, through what scaling can pass."""
    if first.second or first.op_type == "MatMul":
        return None
    name = first.y
    flat = False
    while (node := ready.only_reader(name)) is not None:
        second = plan.products.get(node.name)
        if second is not None:
            return _fitting(ready, first, second, node, flat) if second.x == name else None
        flattens = ready.is_default(node, "Flatten") and attribute(node, "axis", 1) == 1
        flattens = flattens or (ready.is_default(node, "Reshape") and node.input[0] == name)
        if not flattens and not ready.is_default(node, *_HOMOGENEOUS):
            return None
        flat = flat or flattens
        name = node.output[0]
    return None


def _fitting(ready: FloatModel, first: Product, second: Product, node: onnx.NodeProto, flat: bool) -> _Pair | None:
    if second.second or second.op_type == "MatMul":
        return None
    groups = int(attribute(node, "group", 1)) if second.op_type == "Conv" else 1
    channels, inputs = len(ready.constants[first.w]), ready.constants[second.w].shape[1] * groups
    if flat and second.op_type != "Gemm":
        return None
    fits = inputs == channels or (flat and first.op_type == "Conv" and inputs % channels == 0)
    return _Pair(first, second, groups) if fits else None


def _own_constants(ready: FloatModel, pair: _Pair) -> None:
    """Nothing else may read what is scaled."""
    for product, roles in ((pair.first, ("weight", "bias")), (pair.second, ("weight",))):
        node = ready.producers[product.y]
        for index, role in enumerate(roles, start=1):
            if index < len(node.input) and node.input[index] and ready.readers[node.input[index]] > 1:
                ready.own_constant(node, index, ready.constants[node.input[index]], role)
                ready.index()


def _equalize(ready: FloatModel, pair: _Pair) -> float:
    """Scale once; how far the factors are from 1, as the greatest absolute logarithm."""
    first, second = (ready.producers[product.y] for product in (pair.first, pair.second))
    w1, w2 = (ready.constants[node.input[1]].astype(np.float64) for node in (first, second))
    channels = len(w1)
    view = w2.reshape(pair.groups, len(w2) // pair.groups, channels // pair.groups, -1)
    r1 = np.abs(w1).reshape(channels, -1).max(axis=1)
    r2 = np.abs(view).max(axis=(1, 3)).reshape(-1)
    usable = (r1 > 0) & (r2 > 0)
    s: NDArray[np.float64] = np.where(usable, np.sqrt(np.where(usable, r1 / np.where(usable, r2, 1), 1)), 1.0)
    ready.set_constant(first.input[1], (w1 / s.reshape(-1, *(1,) * (w1.ndim - 1))).astype(np.float32))
    if len(first.input) > 2 and first.input[2]:
        bias = ready.constants[first.input[2]].astype(np.float64)
        ready.set_constant(first.input[2], (bias / s).astype(np.float32))
    scaled = view * s.reshape(pair.groups, 1, -1, 1)
    ready.set_constant(second.input[1], scaled.reshape(w2.shape).astype(np.float32))
    return float(np.abs(np.log(s)).max(initial=0.0))
