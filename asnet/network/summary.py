"""A network as a table for people: one line a layer, with output shape, parameters and multiply-accumulates."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from asnet.network.model import Layer, Network
from asnet.network.semantics import gemm_parameters, matmul_geometry
from asnet.network.windows import conv_geometry

__all__ = ["multiply_accumulates", "parameters", "summary"]


def _conv(layer: Layer, network: Network) -> int:
    geometry = conv_geometry(layer, network)
    return network.tensors[layer.outputs[0]].size * geometry.group_inputs * geometry.window.taps


def _gemm(layer: Layer, network: Network) -> int:
    return network.tensors[layer.outputs[0]].size * gemm_parameters(layer, network).k


def _matmul(layer: Layer, network: Network) -> int:
    return network.tensors[layer.outputs[0]].size * matmul_geometry(layer, network).k


_MULTIPLY_ACCUMULATES: Mapping[str, Callable[[Layer, Network], int]] = {"Conv": _conv, "Gemm": _gemm, "MatMul": _matmul}


def multiply_accumulates(layer: Layer, network: Network) -> int:
    """Multiply-accumulates of Conv, Gemm and MatMul for the whole batch; 0 of any other layer."""
    count = _MULTIPLY_ACCUMULATES.get(layer.op_type)
    return count(layer, network) if count else 0


def parameters(layer: Layer, network: Network) -> int:
    """Number of float32 constants the layer reads."""
    tensors = (network.tensors[name] for name in dict.fromkeys(layer.inputs) if name in network.constants)
    return sum(tensor.size for tensor in tensors if tensor.dtype == "float32")


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
