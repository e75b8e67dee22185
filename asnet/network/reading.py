"""From a file or bytes to an ONNX ``ModelProto`` whose structure is checked: the only place that reads the disk."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError, Message
from onnx import checker, helper

from asnet.errors import NetworkError
from asnet.network.weights import Split, detach, split
from asnet.types import Array

__all__ = ["MAXIMUM_ELEMENTS", "Source", "check_structure", "one_line", "read", "tensors_of", "with_declared_weights"]

MAXIMUM_ELEMENTS = 2**31
"""Largest tensor, in elements, that a network may have."""


@dataclass(frozen=True)
class Source:
    """A parsed model and where it is from: ``where`` for messages, ``folder`` of its external data (None: bytes).

    ``weights`` holds large constants that are not in ``model``; ``digest`` is the SHA-256 of the file.
    """

    model: onnx.ModelProto
    where: str
    name: str
    digest: str
    folder: Path | None
    weights: Mapping[str, Array] = field(default_factory=dict[str, "Array"])


def read(source: str | PathLike[str] | bytes) -> Source:
    """Parse ``source``, a path or the content of a file.

    Raises:
        NetworkError: it cannot be read or is no ONNX model.
    """
    if isinstance(source, bytes):
        where, name, content, folder = "<bytes>", "", split(io.BytesIO(source)), None
    else:
        where = os.fspath(source)
        path = Path(where)
        name, content, folder = path.stem, _content(path, where), path.parent
    if not content.data:
        raise NetworkError(f"{where}: the file is empty; export the network again")
    try:
        model = onnx.load_model_from_string(content.data)
    except DecodeError as error:
        raise NetworkError(
            f"{where}: not an ONNX model, or a truncated one ({len(content.data)} bytes: {one_line(error)}); "
            "export the network again"
        ) from None
    _check_text(model, where)
    if not model.HasField("graph") or not model.graph.node:
        raise NetworkError(f"{where}: not an ONNX model: it has no graph of nodes; export the network again")
    weights = detach(model, content.raw)
    name = "".join(character if character.isprintable() else "_" for character in name or model.graph.name)
    return Source(model, where, name or "network", content.digest, folder, weights)


def _content(path: Path, where: str) -> Split:
    try:
        with path.open("rb") as stream:
            return split(stream)
    except FileNotFoundError:
        raise NetworkError(f"{where}: no such file; give the path of an ONNX file") from None
    except IsADirectoryError:
        raise NetworkError(f"{where}: is a directory; give the path of an ONNX file") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise NetworkError(f"{where!r}: cannot be read: {reason}") from None


def _check_text(message: Message, where: str) -> None:
    """The decoder gives bytes for a string that is not UTF-8; nothing after this expects any.

    Raises:
        NetworkError: with the first such string.
    """
    for descriptor, value in message.ListFields():
        for item in value if descriptor.is_repeated else (value,):
            if descriptor.type == descriptor.TYPE_MESSAGE:
                _check_text(item, where)
            elif descriptor.type == descriptor.TYPE_STRING:
                if isinstance(item, bytes):
                    raise NetworkError(
                        f"{where}: not an ONNX model, or a damaged one: {descriptor.full_name} {item!r} is not UTF-8; "
                        "export the network again"
                    )
            else:
                break  # a list of numbers: nothing to check


def one_line(error: Exception) -> str:
    """The message of ``error`` without line breaks and context dumps."""
    text = str(error).split("==>")[0]
    return " ".join(text.split()).rstrip(".;: ") or type(error).__name__


def tensors_of(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Every tensor of ``model``: initializers and attributes, also of subgraphs and functions."""
    yield from _graph_tensors(model.graph)
    for function in model.functions:
        yield from _node_tensors(function.node)


def _graph_tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    yield from _node_tensors(graph.node)


def _node_tensors(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for graph in (attribute.g, *attribute.graphs):
                yield from _graph_tensors(graph)


def with_declared_weights(source: Source) -> onnx.ModelProto:
    """The model with inputs in place of the weights that it does not hold."""
    if not source.weights:
        return source.model
    model = onnx.ModelProto()
    model.CopyFrom(source.model)
    known = {value.name for value in model.graph.input}
    model.graph.input.extend(
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in source.weights.items()
        if name not in known
    )
    return model


def check_structure(source: Source) -> None:
    """Check the model against the ONNX specification and the size limit.

    Raises:
        NetworkError: with the first violation.
    """
    shapes = [(tensor.name, tuple(tensor.dims)) for tensor in tensors_of(source.model)]
    for name, shape in [*shapes, *((name, array.shape) for name, array in source.weights.items())]:
        if math.prod(shape) > MAXIMUM_ELEMENTS:
            raise NetworkError(
                f"{source.where}: tensor {name!r} of shape {list(shape)} has more than 2^31 elements; split it"
            )
    try:
        checker.check_model(with_declared_weights(source))  # pyright: ignore[reportUnknownMemberType] (untyped there)
    except Exception as error:  # ValidationError, and RuntimeError, ValueError of its C++ side
        raise NetworkError(f"{source.where}: not a valid ONNX model: {one_line(error)}") from None
