"""Tensors that are stored in files beside the model."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from dataclasses import replace

import numpy as np
import onnx
from numpy.typing import NDArray

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.reading import MAXIMUM_ELEMENTS, Source, one_line, tensors_of
from asnet.network.weights import PLAIN_TYPES, detach

__all__ = ["load_external_data"]


def load_external_data(source: Source) -> Source:
    """``source`` with the tensors that are stored beside the model, which its digest then covers.

    Raises:
        NetworkError: the data is missing, damaged, or outside the model's folder.
        UnsupportedError: it is of a type that is stored in another way in memory.
    """
    initializers = source.model.graph.initializer
    raw = {number: _read(source, tensor) for number, tensor in enumerate(initializers) if _is_external(tensor)}
    digest = hashlib.sha256(source.digest.encode())
    for number, data in raw.items():
        digest.update(data.data)
        _make_internal(initializers[number])
    others = [tensor for tensor in tensors_of(source.model) if _is_external(tensor)]
    for tensor in others:
        data = _read(source, tensor)
        digest.update(data.data)
        _make_internal(tensor)
        tensor.raw_data = data.tobytes()
    if not raw and not others:
        return source
    weights = {**source.weights, **detach(source.model, raw)}
    return replace(source, digest=digest.hexdigest(), weights=weights)


def _is_external(tensor: onnx.TensorProto) -> bool:
    return tensor.data_location == onnx.TensorProto.EXTERNAL


def _make_internal(tensor: onnx.TensorProto) -> None:
    tensor.data_location = onnx.TensorProto.DEFAULT
    del tensor.external_data[:]


def _read(source: Source, tensor: onnx.TensorProto) -> NDArray[np.uint8]:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    what = f"{source.where}: tensor {tensor.name!r} is stored in {location!r}"
    if source.folder is None:
        raise NetworkError(f"{what}, which bytes alone cannot reach; give the path of the ONNX file")
    folder = source.folder.resolve()
    path = folder
    with contextlib.suppress(OSError, ValueError):
        path = (folder / location).resolve()
    if path == folder or not path.is_relative_to(folder):
        raise NetworkError(f"{what}, outside the folder of the model; only files beside the model are read")
    dtype = PLAIN_TYPES.get(tensor.data_type)
    if dtype is None:
        raise UnsupportedError(f"{what}: only numbers of whole bytes may be; store the tensor in the model")
    if any(extent < 0 for extent in tensor.dims) or math.prod(tensor.dims) > MAXIMUM_ELEMENTS:
        raise NetworkError(f"{what} with shape {list(tensor.dims)}, which cannot be; export the network again")
    size = math.prod(tensor.dims) * dtype.itemsize
    try:
        offset, length = int(entries.get("offset", "0")), int(entries.get("length", size))
        if not path.is_file():
            raise OSError("no such file")
        with path.open("rb") as stream:
            held = stream.seek(0, os.SEEK_END)
            if offset < 0 or length != size or offset + size > held:
                raise OSError(f"{size} bytes are wanted, {length} at {offset} of {held} are there")
            stream.seek(offset)
            data = np.empty(size, np.uint8)
            stream.readinto(data.data)
    except (OSError, ValueError) as error:
        raise NetworkError(f"{what}, which cannot be read: {one_line(error)}; export the network again") from None
    return data
