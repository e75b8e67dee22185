"""Static shapes: type and shape of every tensor, once the inputs are bound."""

from __future__ import annotations

import math
from collections.abc import Mapping

import onnx
from onnx import helper, shape_inference

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.checking import describe
from asnet.network.graph import to_layer
from asnet.network.model import Tensor
from asnet.network.own import with_stand_ins
from asnet.network.precautions import check_inferable, stand_in_for_ranges, values_may_be_inferred
from asnet.network.reading import MAXIMUM_ELEMENTS, one_line
from asnet.network.weights import declare
from asnet.network.windows import pool_window
from asnet.types import ELEMENT_TYPES, Array

__all__ = ["check_type", "infer", "type_name", "value_types"]


def type_name(element: int) -> str:
    """numpy's name of an ONNX element type (``float32``), ONNX's own where numpy has none."""
    if element == onnx.TensorProto.STRING:
        return "string"
    try:
        return helper.tensor_dtype_to_np_dtype(element).name
    except (KeyError, ValueError):
        return f"type {element}"


def check_type(dtype: str, what: str) -> None:
    """Refuse a run-time tensor of a type that is not supported; ``what`` names it.

    Raises:
        UnsupportedError: naming the supported types.
    """
    if dtype not in ELEMENT_TYPES:
        raise UnsupportedError(
            f"{what} is {dtype}; supported types: {', '.join(ELEMENT_TYPES)}; export the network in float32"
        )


def _tensor(name: str, dtype: str, shape: tuple[int, ...], what: str) -> Tensor:
    if math.prod(shape) > MAXIMUM_ELEMENTS:
        raise NetworkError(f"{what} of shape {list(shape)} has more than 2^31 elements; use a smaller batch or network")
    return Tensor(name, dtype, shape)


def infer(model: onnx.ModelProto, constants: Mapping[str, Array], where: str) -> Mapping[str, Tensor]:
    """Type and shape of every tensor for which ONNX's inference finds a static shape.

    Raises:
        NetworkError: types or shapes contradict each other, or a tensor is too large.
    """
    del model.graph.value_info[:]  # may speak of the unbound batch axis
    check_inferable(model, constants, where)
    plain = _without_ceil_mode(_inferable(model, constants), where)
    tensors = _infer(plain, where)
    return _infer(plain, where, values=True) if values_may_be_inferred(plain, tensors) else tensors


def value_types(model: onnx.ModelProto, constants: Mapping[str, Array]) -> dict[str, onnx.TypeProto]:
    """Types, and shapes as far as ONNX's inference finds them; ``constants`` are those that ``model`` does not hold."""
    light = _inferable(model, constants)
    types = {
        tensor.name: helper.make_tensor_type_proto(tensor.data_type, tensor.dims) for tensor in light.graph.initializer
    }
    try:
        graph = shape_inference.infer_shapes(light).graph
    except Exception:  # what is wrong with the model is found and named later
        graph = light.graph
    return types | {value.name: value.type for value in (*graph.input, *graph.value_info, *graph.output)}


def _inferable(model: onnx.ModelProto, constants: Mapping[str, Array]) -> onnx.ModelProto:
    light = with_stand_ins(declare(model, constants))
    stand_in_for_ranges(light, constants)
    return _with_defaults(light)


def _with_defaults(model: onnx.ModelProto) -> onnx.ModelProto:
    """``model``, whose every STFT states the default that ONNX's inference forgets, also where the model was made."""
    for node in model.graph.node:
        if node.op_type == "STFT" and all(attribute.name != "onesided" for attribute in node.attribute):
            node.attribute.append(helper.make_attribute("onesided", 1))
            for value in model.graph.output:
                value.type.tensor_type.ClearField("shape")
    return model


def _infer(model: onnx.ModelProto, where: str, *, values: bool = False) -> Mapping[str, Tensor]:
    try:
        inferred = shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=values)
    except Exception as error:  # InferenceError, and RuntimeError, ValueError of its C++ side
        raise NetworkError(f"{where}: shapes or types do not fit: {one_line(error)}") from None
    tensors: dict[str, Tensor] = {}
    for value in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output):
        if value.type.WhichOneof("value") != "tensor_type" or not value.type.tensor_type.HasField("shape"):
            continue
        dims = value.type.tensor_type.shape.dim
        if all(dim.WhichOneof("value") == "dim_value" for dim in dims):
            shape = tuple(dim.dim_value for dim in dims)
            dtype = type_name(value.type.tensor_type.elem_type)
            tensors[value.name] = _tensor(value.name, dtype, shape, f"{where}: tensor {value.name!r}")
    return tensors


def _without_ceil_mode(model: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """``model`` with every pooling in ceil mode replaced by one whose end padding gives the same shape without.

    ONNX's inference counts windows that start in the end padding, which no runtime computes: always before opset 22,
    with ``auto_pad`` still.
    """
    numbers = [number for number, node in enumerate(model.graph.node) if _has_ceil_mode(node)]
    if not numbers:
        return model
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    for value in plain.graph.output:  # as inferred so by who made the model, or contradicting what is inferred here
        value.type.tensor_type.ClearField("shape")
    for number in numbers:  # one by one: an input's shape depends on the poolings before it
        node = plain.graph.node[number]
        tensor = _infer(plain, where).get(node.input[0])
        if tensor is not None:
            _replace_ceil_mode(node, tensor.shape, where)
    return plain


def _has_ceil_mode(node: onnx.NodeProto) -> bool:
    return node.op_type in {"MaxPool", "AveragePool", "LpPool"} and any(
        a.name == "ceil_mode" and a.i for a in node.attribute
    )


def _replace_ceil_mode(node: onnx.NodeProto, shape: tuple[int, ...], where: str) -> None:
    try:
        window = pool_window(to_layer(node, set(node.output), describe(node, where)), shape)
    except NetworkError as error:
        raise type(error)(f"{where}: {error}") from None
    extents = zip(window.outputs, window.strides, window.span, window.inputs, window.pads_begin, strict=True)
    ends = [max((out - 1) * stride + span - extent - begin, 0) for out, stride, span, extent, begin in extents]
    kept = [a for a in node.attribute if a.name not in {"ceil_mode", "auto_pad", "pads"}]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute("pads", [*window.pads_begin, *ends])])
