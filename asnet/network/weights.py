"""Large constants apart from their model, so that no step that copies or serialises the model copies them."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from asnet.types import Array

__all__ = ["LARGE", "PLAIN_TYPES", "declare", "detach", "split"]

LARGE = 1024
"""Elements from which on a constant is kept apart; ONNX's inference of shapes wants the values of smaller ones."""

PLAIN_TYPES: Mapping[int, np.dtype[np.generic]] = {
    helper.np_dtype_to_tensor_dtype(np.dtype(name)): np.dtype(name).newbyteorder("<")
    for name in (
        *("float32", "float64", "float16", "bool"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    )
}
"""ONNX's element types that are stored as numpy stores them."""

_RAW_DATA = 9
_INSIDE: Mapping[tuple[str, int], str] = {("model", 7): "graph", ("graph", 5): "initializer"}
"""(message, field number) → the message in it, where it is looked into."""


class _IrregularError(Exception):
    """Not what a writer of protobuf makes: left to the real parser, which says what is wrong."""


@dataclass(frozen=True)
class Split:
    """``data``: the serialised model without large ``raw_data``; ``raw``: number of the initializer → those bytes;
    ``digest``: SHA-256 of all of the file.
    """

    data: bytes
    raw: Mapping[int, NDArray[np.uint8]]
    digest: str


def split(stream: BinaryIO) -> Split:
    """Read a serialised model from ``stream``, which can seek; what is no regular protobuf is read as it is."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    try:
        reader = _Reader(stream, size)
        data = reader.message("model", size)
        return Split(data, reader.raw, reader.digest.hexdigest())
    except _IrregularError:
        stream.seek(0)
        data = stream.read()
        return Split(data, {}, hashlib.sha256(data).hexdigest())


class _Reader:
    def __init__(self, stream: BinaryIO, size: int) -> None:
        self.raw: dict[int, NDArray[np.uint8]] = {}
        self.digest = hashlib.sha256()
        self._stream = stream
        self._position = 0
        self._initializers = -1

    def message(self, kind: str, end: int) -> bytes:
        """The fields up to position ``end``, without large ``raw_data``."""
        out = bytearray()
        self._initializers += kind == "initializer"
        while self._position < end:
            start, tag = self._varint(end)
            out += start
            field, wire = tag >> 3, tag & 7
            if wire == 0:
                out += self._varint(end)[0]
            elif wire in (1, 5):
                out += self._read(8 if wire == 1 else 4, end)
            elif wire == 2:
                length, size = self._varint(end)
                inside = _INSIDE.get((kind, field))
                if inside is not None and self._position + size <= end:
                    part = self.message(inside, self._position + size)
                    out += _encoded(len(part)) + part
                elif kind == "initializer" and field == _RAW_DATA:
                    self.raw.pop(self._initializers, None)
                    if size < LARGE:
                        out += length + self._read(size, end)
                    else:
                        del out[len(out) - len(start) :]
                        self.raw[self._initializers] = self._array(size, end)
                else:
                    out += length + self._read(size, end)
            else:
                raise _IrregularError
        return bytes(out)

    def _read(self, size: int, end: int) -> bytes:
        if self._position + size > end:
            raise _IrregularError
        data = self._stream.read(size)
        if len(data) != size:
            raise _IrregularError
        self._position += size
        self.digest.update(data)
        return data

    def _array(self, size: int, end: int) -> NDArray[np.uint8]:
        if self._position + size > end:
            raise _IrregularError
        array = np.empty(size, np.uint8)
        if self._stream.readinto(array.data) != size:  # pyright: ignore (BinaryIO lacks it, files have it)
            raise _IrregularError
        self._position += size
        self.digest.update(array.data)
        return array

    def _varint(self, end: int) -> tuple[bytes, int]:
        data = bytearray()
        while True:
            data += self._read(1, end)
            if data[-1] < 0x80:
                break
            if len(data) == 10:
                raise _IrregularError
        return bytes(data), sum((byte & 0x7F) << 7 * place for place, byte in enumerate(data))


def _encoded(number: int) -> bytes:
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)


def detach(model: onnx.ModelProto, raw: Mapping[int, NDArray[np.uint8]]) -> dict[str, Array]:
    """Take the large initializers out of ``model``; their values by name.

    ``raw`` holds bytes that are not in ``model``, by number of the initializer. What cannot be decoded stays in the
    model, as do repeated names: the checker finds them.
    """
    kept: list[onnx.TensorProto] = []
    weights: dict[str, Array] = {}
    for number, tensor in enumerate(model.graph.initializer):
        values = _values(tensor, raw.get(number))
        if values is None or not tensor.name or tensor.name in weights:
            copy = onnx.TensorProto()
            copy.CopyFrom(tensor)
            if number in raw:
                copy.raw_data = raw[number].tobytes()
            kept.append(copy)
        else:
            weights[tensor.name] = values
    if weights or raw:
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept)
    return weights


def _values(tensor: onnx.TensorProto, raw: NDArray[np.uint8] | None) -> Array | None:
    dtype, shape = PLAIN_TYPES.get(tensor.data_type), tuple(tensor.dims)
    size = math.prod(shape)
    if dtype is None or min(shape, default=0) < 0 or size <= LARGE or tensor.data_location != tensor.DEFAULT:
        return None
    if raw is not None:
        return raw.view(dtype).reshape(shape) if raw.nbytes == size * dtype.itemsize else None
    try:
        return np.ascontiguousarray(numpy_helper.to_array(tensor))
    except Exception:  # what the library's decoding meets: said later
        return None


def declare(model: onnx.ModelProto, constants: Mapping[str, Array]) -> onnx.ModelProto:
    """``model`` for the inference of shapes: small ``constants`` are initializers, large ones inputs of their type."""
    graph = helper.make_graph([], model.graph.name or "graph", [], [])
    graph.node.extend(model.graph.node)
    graph.initializer.extend(model.graph.initializer)
    graph.input.extend(value for value in model.graph.input if value.name not in constants)
    graph.output.extend(model.graph.output)
    for name, array in constants.items():
        if array.size <= LARGE:
            graph.initializer.append(numpy_helper.from_array(array, name))
        else:
            element = _element_type(array)
            graph.input.append(helper.make_tensor_value_info(name, element, array.shape))
    return helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=max(model.ir_version, 4))


def _element_type(array: Array) -> int:
    return onnx.TensorProto.STRING if array.dtype.kind in "OSU" else helper.np_dtype_to_tensor_dtype(array.dtype)
