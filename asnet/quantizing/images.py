"""The images that scales are chosen from: an ``.npz`` file, an array, or an array for each input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TypeAlias

import numpy as np

from asnet.errors import DataError
from asnet.network import Tensor
from asnet.npz import open_archive
from asnet.types import AnyArray, Array

__all__ = ["Images", "read_images"]

Images: TypeAlias = "str | PathLike[str] | Array | Mapping[str, Array]"
"""Path of an ``.npz`` file, images (count, …) of the only input, or input name → (count, …)."""


def read_images(source: Images, inputs: Sequence[Tensor], images: int) -> dict[str, AnyArray]:
    """Input name → the first ``images`` images (all, if there are fewer), (count, *shape of one image).

    ``inputs``: as the network takes them for one run; their first axis counts the images of a run. A file holds an
    array named like each input, or ``x`` for the only one. Numbers become float32 with the same values where the
    network takes float32.

    Raises:
        DataError: a file or array is missing, has another number of values for an image, is too short for one run, or
            holds NaN or infinity.
    """
    where = "calibration data"
    if isinstance(source, Mapping):
        arrays = source
    elif isinstance(source, np.ndarray):
        arrays = {"x": source}
    else:
        where = f"calibration data {str(source)!r}"
        with open_archive(Path(source), where, "save it with numpy.savez(path, x=images)") as archive:
            arrays = {name: archive.read(name) for name in archive.names}
    found = {tensor.name: _fit(tensor, arrays, len(inputs) == 1, where) for tensor in inputs}
    runs = {len(found[tensor.name]) // tensor.shape[0] for tensor in inputs}
    if len(runs) != 1:
        counts = ", ".join(f"{name} {len(array)}" for name, array in found.items())
        raise DataError(f"{where}: the arrays have different numbers of images ({counts}); they must be as many")
    kept = {tensor.name: max(images, tensor.shape[0]) for tensor in inputs}
    return {name: array[: kept[name]] for name, array in found.items()}


def _fit(tensor: Tensor, arrays: Mapping[str, Array], alone: bool, where: str) -> AnyArray:
    name, dtype, shape = tensor.name, tensor.dtype, tensor.shape[1:]
    key = "x" if alone and name not in arrays else name
    if key not in arrays:
        given = ", ".join(sorted(arrays)) or "nothing"
        raise DataError(f"{where} has no array {key!r} (found: {given}); give the images of input {name!r}")
    array = np.asarray(arrays[key])
    size = int(np.prod(shape))
    if array.dtype.kind not in "biuf":
        raise DataError(f"{where}: {key!r} is of type {array.dtype}, not numbers; store images as float32 or uint8")
    if array.ndim == 0 or array.size == 0:
        raise DataError(f"{where}: {key!r} is empty (shape {array.shape}); give at least one image")
    if array.size != len(array) * size:
        raise DataError(
            f"{where}: images of shape {array.shape[1:]} do not fit input {name!r} of shape {shape}; "
            f"an image has {size} values"
        )
    with np.errstate(all="ignore"):
        values = array.astype(dtype)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise DataError(f"{where}: {key!r} holds NaN or infinity (as {dtype}); remove or scale it")
    if len(array) < tensor.shape[0]:
        raise DataError(f"{where}: the network takes {tensor.shape[0]} images at a time, {key!r} has {len(array)}")
    return values.reshape(len(array), *shape)
