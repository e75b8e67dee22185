"""QONNX's quantisers (Brevitas, FINN): ``Quant(x, scale, zero point, bit width)`` and BipolarQuant.

A quantiser in float is ``scale·(q - zero)``: it becomes two operators, one to q, in 8, 16 or 32 bits, and a
DequantizeLinear. What multiplies two such results multiplies the q then (:mod:`asnet.network.fusing`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import onnx
from onnx import helper

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.quantised_graph import QuantisedGraph, attribute
from asnet.network.quantiser import ROUNDINGS
from asnet.types import AnyArray

__all__ = ["QONNX"]

_DOMAINS = ("qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas")
_Nodes = list[onnx.NodeProto]


def _constant(graph: QuantisedGraph, node: onnx.NodeProto, position: int, role: str, what: str) -> AnyArray:
    found = graph.constants.get(node.input[position])
    if found is None:
        raise UnsupportedError(f"{what}: the {role} {node.input[position]!r} is computed; only a constant is supported")
    return np.asarray(found, np.float32)


def _whole(values: AnyArray, role: str, what: str) -> AnyArray:
    if not np.isfinite(values).all() or (values != np.rint(values)).any():
        raise UnsupportedError(f"{what}: a {role} of {values.ravel()[:3].tolist()} is no integer; train with integers")
    return values.astype(np.int64)


def _container(low: int, high: int, what: str) -> str:
    for dtype in ("int8", "int16", "int32") if low < 0 else ("uint8", "uint16", "int32"):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return dtype
    raise UnsupportedError(f"{what}: numbers from {low} to {high} do not fit 32 bits; quantise to fewer bits")


def _parameters(scale: AnyArray, zero: AnyArray, what: str) -> tuple[AnyArray, AnyArray, int]:
    """Scale and zero point as scalars, or as vectors along an axis, counted from the last."""
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise NetworkError(f"{what}: a scale of {float(scale.min())} is no positive number; train again")
    scale, zero = (np.array(part) for part in np.broadcast_arrays(scale, zero))
    axes = [axis for axis, extent in enumerate(scale.shape) if extent > 1]
    if len(axes) > 1:
        raise UnsupportedError(f"{what}: a scale of shape {list(scale.shape)} has several axes; quantise along one")
    shape = (-1,) if axes else ()
    return scale.reshape(shape), zero.reshape(shape), axes[0] - scale.ndim if axes else 0


def _emit(
    graph: QuantisedGraph,
    node: onnx.NodeProto,
    parameters: tuple[AnyArray, AnyArray, int],
    limits: tuple[int, int],
    rounding: str,
    what: str,
) -> _Nodes:
    scale, zero, axis = parameters
    low, high = limits
    dtype = _container(min(low, int(zero.min())), max(high, int(zero.max())), what)
    names = [
        graph.constant(f"{node.name}.scale", scale.astype(np.float32)),
        graph.constant(f"{node.name}.zero", zero.astype(dtype)),
    ]
    quantised = graph.name(f"{node.output[0]}.quantised")
    quantise = graph.own("Quant", [node.input[0], *names], [quantised], node.name, dtype, axis=axis, low=low, high=high)
    quantise.attribute.append(helper.make_attribute("rounding_mode", rounding))
    dequantise = graph.own(
        "DequantizeLinear", [quantised, *names], [node.output[0]], f"{node.name}.scaled", "float32", axis=axis
    )
    return [quantise, dequantise]


def _quant(graph: QuantisedGraph, node: onnx.NodeProto, what: str) -> _Nodes:
    scale, zero, width = (
        _constant(graph, node, position, role, what)
        for position, role in ((1, "scale"), (2, "zero point"), (3, "bit width"))
    )
    bits = int(_whole(width, "bit width", what).ravel()[0])
    signed, narrow = attribute(node, "signed", 1) != 0, attribute(node, "narrow", 0) != 0
    if width.size != 1 or not 2 - (not signed) <= bits <= 32:
        raise UnsupportedError(f"{what}: a bit width of {bits} is not supported; use 2 to 32 bits, or BipolarQuant")
    mode = next((found.s.decode("utf-8", "replace") for found in node.attribute if found.name == "rounding_mode"), "")
    rounding = ROUNDINGS.get(mode.upper())
    if rounding is None:
        raise UnsupportedError(f"{what}: rounding_mode {mode!r} is not supported; supported: {', '.join(ROUNDINGS)}")
    low = -(1 << (bits - 1)) + narrow if signed else 0
    high = (1 << (bits - 1)) - 1 if signed else (1 << bits) - 1 - narrow
    return _emit(graph, node, _parameters(scale, _whole(zero, "zero point", what), what), (low, high), rounding, what)


def _bipolar(graph: QuantisedGraph, node: onnx.NodeProto, what: str) -> _Nodes:
    scale = _constant(graph, node, 1, "scale", what)
    parameters = _parameters(scale, np.zeros(scale.shape, np.int64), what)
    return _emit(graph, node, parameters, (-1, 1), "BIPOLAR", what)


QONNX: Mapping[tuple[str, str], Callable[[QuantisedGraph, onnx.NodeProto, str], _Nodes]] = {
    (domain, name): translation
    for domain in _DOMAINS
    for name, translation in (("Quant", _quant), ("IntQuant", _quant), ("BipolarQuant", _bipolar))
}
"""(domain, operator) → its translation."""
