"""From a file or bytes to an ONNX ``ModelProto`` whose structure is checked: the only place that reads the disk."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError, Message
from onnx import checker, external_data_helper

from asnet.errors import NetworkError

__all__ = ["MAXIMUM_ELEMENTS", "Source", "check_structure", "load_external_data", "one_line", "read"]

MAXIMUM_ELEMENTS = 2**31
"""Largest tensor, in elements, that a network may have."""


@dataclass(frozen=True)
class Source:
    """A parsed model and where it is from: ``where`` for messages, ``folder`` of its external data (None: bytes)."""

    model: onnx.ModelProto
    where: str
    name: str
    data: bytes
    folder: Path | None


def read(source: str | PathLike[str] | bytes) -> Source:
    """Parse ``source``, a path or the content of a file.

    Raises:
        NetworkError: it cannot be read or is no ONNX model.
    """
    if isinstance(source, bytes):
        where, name, data, folder = "<bytes>", "", source, None
    else:
        where = os.fspath(source)
        path = Path(where)
        name, data, folder = path.stem, _content(path, where), path.parent
    if not data:
        raise NetworkError(f"{where}: the file is empty; export the network again")
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise NetworkError(
            f"{where}: not an ONNX model, or a truncated one ({len(data)} bytes: {one_line(error)}); "
            "export the network again"
        ) from None
    _check_text(model, where)
    if not model.HasField("graph") or not model.graph.node:
        raise NetworkError(f"{where}: not an ONNX model: it has no graph of nodes; export the network again")
    return Source(model, where, name or model.graph.name or "network", data, folder)


def _content(path: Path, where: str) -> bytes:
    try:
        return path.read_bytes()
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


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def load_external_data(source: Source) -> str:
    """Read tensors that are stored beside the model into it; the SHA-256 of the model and of that data.

    Raises:
        NetworkError: the data is missing, damaged, or outside the model's folder.
    """
    digest = hashlib.sha256(source.data)
    for tensor in _tensors(source.model):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        what = f"{source.where}: tensor {tensor.name!r} is stored in {location!r}"
        if source.folder is None:
            raise NetworkError(f"{what}, which bytes alone cannot reach; give the path of the ONNX file")
        folder = source.folder.resolve()
        try:
            outside = not location or not (folder / location).resolve().is_relative_to(folder)
        except (OSError, ValueError):
            outside = True
        if outside:
            raise NetworkError(f"{what}, outside the folder of the model; only files beside the model are read")
        try:
            external_data_helper.load_external_data_for_tensor(tensor, str(folder))
        except Exception as error:  # the library raises its own and OS errors
            raise NetworkError(f"{what}, which cannot be read: {one_line(error)}") from None
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]
        digest.update(tensor.raw_data)
    return digest.hexdigest()


def check_structure(source: Source) -> None:
    """Check the model against the ONNX specification and the size limit.

    Raises:
        NetworkError: with the first violation.
    """
    for tensor in _tensors(source.model):
        if math.prod(tensor.dims) > MAXIMUM_ELEMENTS:
            raise NetworkError(
                f"{source.where}: tensor {tensor.name!r} of shape {list(tensor.dims)} has more than 2^31 elements; "
                "split it"
            )
    try:
        checker.check_model(source.model)  # pyright: ignore[reportUnknownMemberType] (untyped there)
    except Exception as error:  # ValidationError, and RuntimeError, ValueError of its C++ side
        raise NetworkError(f"{source.where}: not a valid ONNX model: {one_line(error)}") from None
