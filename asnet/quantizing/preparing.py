"""Reading a float network: checked, converted to the opset of quantised operators, constants folded, simplified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike

import onnx
from onnx import version_converter

from asnet.errors import QuantizationError
from asnet.network.checking import check_functions, check_supported, opset_version
from asnet.network.expanding import inline_functions
from asnet.network.external import load_external_data
from asnet.network.folding import fold
from asnet.network.graph import drop_unreachable, keep_output, name_nodes, to_array
from asnet.network.reading import check_structure, one_line, read
from asnet.quantizing.model import FloatModel
from asnet.quantizing.simplifying import simplify_products
from asnet.types import AnyArray

__all__ = ["prepare"]


def prepare(path: str | PathLike[str] | bytes, opset: int, output: str | None = None) -> FloatModel:
    """The model of ``path`` (or of a file's content) in ``opset`` or newer; dynamic axes stay dynamic.

    ``output`` keeps one of several outputs and what it needs.

    Raises:
        NetworkError: it cannot be read, or is broken.
        UnsupportedError: it uses what ASNet does not support.
        QuantizationError: it is quantised already, or cannot be converted to ``opset``.
    """
    source = read(path)
    where = source.where
    version = opset_version(source.model, where)
    if output is not None:
        keep_output(source.model.graph, output, where)
    drop_unreachable(source.model.graph)
    check_functions(source.model, where)
    model = inline_functions(source.model, where)
    name_nodes(model.graph)
    check_supported(model, version, where)
    source = load_external_data(replace(source, model=model))
    check_structure(source)
    for node in model.graph.node:
        if node.op_type in _QUANTISED:
            raise QuantizationError(
                f"{where}: node {node.name!r} ({node.op_type}): the network is quantised already; give the float one"
            )
    constants = _take_constants(model, source.weights, where)
    if version < opset:
        model = _converted(FloatModel(model, constants, where).to_model(), opset, where)
        constants = _take_constants(model, {}, where)
    fold(model, constants, where)
    ready = FloatModel(model, constants, where)
    simplify_products(ready)
    drop_unreachable(model.graph)
    ready.index()
    return ready


def _take_constants(model: onnx.ModelProto, weights: Mapping[str, AnyArray], where: str) -> dict[str, AnyArray]:
    """The constants of ``model``, taken out of it, and ``weights``."""
    constants = {tensor.name: to_array(tensor, where) for tensor in model.graph.initializer} | dict(weights)
    del model.graph.initializer[:]
    return constants


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
