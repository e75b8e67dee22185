"""Static shapes: bind the batch axis of the inputs, then infer type and shape of every tensor."""

from __future__ import annotations

import math
from collections.abc import Mapping

import onnx
from onnx import helper, shape_inference

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.checking import describe
from asnet.network.graph import to_layer
from asnet.network.model import Tensor
from asnet.network.reading import MAXIMUM_ELEMENTS, one_line
from asnet.network.windows import pool_window

__all__ = ["bind_inputs", "infer", "type_name"]


def type_name(element: int) -> str:
    """numpy's name of an ONNX element type (``float32``), ONNX's own where numpy has none."""
    if element == onnx.TensorProto.STRING:
        return "string"
    try:
        return helper.tensor_dtype_to_np_dtype(element).name
    except (KeyError, ValueError):
        return f"type {element}"


def bind_inputs(model: onnx.ModelProto, batch: int, where: str) -> tuple[Tensor, ...]:
    """Give a dynamic first axis of each input the extent ``batch`` (in ``model``); the inputs.

    Raises:
        NetworkError: no inputs, or ``batch`` contradicts a fixed first axis.
        UnsupportedError: another dynamic axis, or an input that is no float32 tensor.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if not inputs:
        raise NetworkError(f"{where}: the graph has no inputs; there is nothing to run it on")
    return tuple(_bind(value, batch, where) for value in inputs)


def _bind(value: onnx.ValueInfoProto, batch: int, where: str) -> Tensor:
    what = f"{where}: input {value.name!r}"
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        raise UnsupportedError(
            f"{what} is of type {(kind or 'none').removesuffix('_type')!r}; only tensors are supported"
        )
    dtype = type_name(value.type.tensor_type.elem_type)
    if dtype != "float32":
        raise UnsupportedError(f"{what} is {dtype}; only float32 is supported, export the network in float32")
    if not value.type.tensor_type.HasField("shape"):
        raise UnsupportedError(f"{what} has no shape; export it with a shape, of which only the first axis is dynamic")
    dims = value.type.tensor_type.shape.dim
    for axis, dim in enumerate(dims):
        if dim.WhichOneof("value") == "dim_value":
            if dim.dim_value < 1:
                raise NetworkError(f"{what}: axis {axis} has extent {dim.dim_value}; extents are positive")
            continue
        if axis > 0:
            symbol = f" ({dim.dim_param!r})" if dim.dim_param else ""
            raise UnsupportedError(
                f"{what}: axis {axis}{symbol} is dynamic; only the first axis (batch) may be, fix it before exporting"
            )
        dim.dim_value = batch
    shape = tuple(dim.dim_value for dim in dims)
    if batch != 1 and shape[:1] != (batch,):
        raise NetworkError(f"{what} has the fixed shape {list(shape)}, which batch {batch} does not fit; use batch 1")
    return _tensor(value.name, dtype, shape, what)


def _tensor(name: str, dtype: str, shape: tuple[int, ...], what: str) -> Tensor:
    if math.prod(shape) > MAXIMUM_ELEMENTS:
        raise NetworkError(f"{what} of shape {list(shape)} has more than 2^31 elements; use a smaller batch or network")
    return Tensor(name, dtype, shape)


def infer(model: onnx.ModelProto, where: str) -> Mapping[str, Tensor]:
    """Type and shape of every tensor for which ONNX's inference (with data propagation) finds a static shape.

    Raises:
        NetworkError: types or shapes contradict each other, or a tensor is too large.
    """
    del model.graph.value_info[:]  # may speak of the unbound batch axis
    return _infer(_without_ceil_mode(model, where), where)


def _infer(model: onnx.ModelProto, where: str) -> Mapping[str, Tensor]:
    try:
        inferred = shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
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
    return node.op_type in {"MaxPool", "AveragePool"} and any(a.name == "ceil_mode" and a.i for a in node.attribute)


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
