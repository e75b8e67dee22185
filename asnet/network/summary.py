"""A network as a table for people: one line a layer, with output shape, parameters and multiply-accumulates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from asnet.network.deforming import deformation
from asnet.network.einsum import einsum
from asnet.network.model import Layer, Network
from asnet.network.quantisation import integer_conv_geometry, integer_matmul_geometry
from asnet.network.semantics import gemm_parameters, matmul_geometry
from asnet.network.windows import conv_geometry

__all__ = ["multiply_accumulates", "parameters", "summary"]


def _per_output(terms: Callable[[Layer, Network], int]) -> Callable[[Layer, Network], int]:
    """Multiply-accumulates of an operator each of whose outputs is a sum of ``terms`` products."""
    return lambda layer, network: network.tensors[layer.outputs[0]].size * terms(layer, network)


def _conv(layer: Layer, network: Network) -> int:
    return conv_geometry(layer, network).terms


def _conv_transpose(layer: Layer, network: Network) -> int:
    weight = network.shape(layer.inputs[1])
    return network.tensors[layer.inputs[0]].size * math.prod(weight[1:])


def _einsum(layer: Layer, network: Network) -> int:
    found = einsum(layer, network)
    return math.prod(found.extents[letter] for letter in found.summed) if len(layer.inputs) > 1 else 0


def _recurrent(layer: Layer, network: Network) -> int:
    """Every step multiplies the weights of input and state with every row of the batch."""
    steps = math.prod(network.shape(layer.inputs[0])[:2])
    return steps * sum(network.tensors[name].size for name in layer.inputs[1:3])


_MULTIPLY_ACCUMULATES: Mapping[str, Callable[[Layer, Network], int]] = {
    "Conv": _per_output(_conv),
    "DeformConv": _per_output(lambda layer, network: deformation(layer, network).conv.terms),
    "ConvTranspose": _conv_transpose,
    **dict.fromkeys(
        ("ConvInteger", "QLinearConv"), _per_output(lambda layer, network: integer_conv_geometry(layer, network).terms)
    ),
    "Gemm": _per_output(lambda layer, network: gemm_parameters(layer, network).k),
    "MatMul": _per_output(lambda layer, network: matmul_geometry(layer, network).k),
    **dict.fromkeys(
        ("MatMulInteger", "QLinearMatMul"),
        _per_output(lambda layer, network: integer_matmul_geometry(layer, network).k),
    ),
    "Einsum": _per_output(_einsum),
    **dict.fromkeys(("RNN", "GRU", "LSTM"), _recurrent),
}


def multiply_accumulates(layer: Layer, network: Network) -> int:
    """Multiply-accumulates of a layer that is made of them, for the whole batch; 0 of any other layer."""
    count = _MULTIPLY_ACCUMULATES.get(layer.op_type)
    return count(layer, network) if count else 0


_PARAMETERS = frozenset({"float32", "int8", "uint8", "int16", "uint16", "int32"})
"""Types of weights and biases; the others are shapes, axes and indices."""


def parameters(layer: Layer, network: Network) -> int:
    """Number of constants of :data:`_PARAMETERS` the layer reads."""
    tensors = (network.tensors[name] for name in dict.fromkeys(layer.inputs) if name in network.constants)
    return sum(tensor.size for tensor in tensors if tensor.dtype in _PARAMETERS)


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def summary(network: Network) -> str:
    """The table, with a line of totals; no trailing line break."""
    rows = [("layer", "operator", "output", "parameters", "MACs")]
    total_parameters = total_macs = 0
    for layer in network.layers:
        weights, macs = parameters(layer, network), multiply_accumulates(layer, network)
        total_parameters, total_macs = total_parameters + weights, total_macs + macs
        outputs = ", ".join(_shape(network.shape(name)) for name in layer.outputs if name)
        rows.append((layer.name, layer.op_type, outputs, f"{weights:,}", f"{macs:,}"))
    rows.append(("total", f"{len(network.layers)} layers", "", f"{total_parameters:,}", f"{total_macs:,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [str(network)]
    for row in rows:
        left = "  ".join(row[column].ljust(widths[column]) for column in range(3))
        right = "  ".join(row[column].rjust(widths[column]) for column in (3, 4))
        lines.append(f"{left}  {right}")
    return "\n".join(lines)
