"""A test set in the form that a network takes: its inputs by name, their types, its number of images a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asnet.errors import DataError
from asnet.network import Network, Tensor
from asnet.types import AnyArray, Array

__all__ = ["first_fault", "fit_inputs", "image_shape", "images_a_run"]

_INDEX_KEEPING: Final = frozenset({"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Cast"})


def first_fault(fault: NDArray[np.bool_]) -> int:
    """The first image with a fault, of faults (images, …)."""
    return int(np.argmax(fault.reshape(len(fault), -1).any(axis=1)))


def fit_inputs(inputs: Mapping[str, Array], network: Network, where: str) -> tuple[dict[str, Array], list[str]]:
    """The arrays of ``network``'s inputs in their types, ``(images, …)``, and notes on what was converted.

    Raises:
        DataError: an input has no array, or values that its type or the network cannot take.
    """
    fitted: dict[str, Array] = {}
    notes: list[str] = []
    for tensor in network.inputs:
        key = _key(tensor, inputs, network, where)
        array = inputs[key]
        fitted[tensor.name] = _converted(array, tensor, key, where)
        _check_indices(fitted[tensor.name], tensor, network, where)
        if tensor.dtype == "float32" and array.dtype != np.float32:
            notes.append(f"{where}: {key!r} converted from {array.dtype} to float32, not scaled")
    return fitted, notes


def _key(tensor: Tensor, inputs: Mapping[str, Array], network: Network, where: str) -> str:
    if tensor.name in inputs:
        return tensor.name
    if len(network.inputs) == 1 and ("x" in inputs or len(inputs) == 1):
        return "x" if "x" in inputs else next(iter(inputs))
    names = ", ".join(f"{other.name}=…" for other in network.inputs)
    clash = "; an input called 'y' cannot be told from the classes: rename it" if tensor.name == "y" else ""
    raise DataError(
        f"{where} has no array {tensor.name!r} for that input of network {network.name!r} (found: "
        f"{', '.join(inputs)}); save it with numpy.savez(path, {names}, y=classes){clash}"
    )


def _converted(array: Array, tensor: Tensor, key: str, where: str) -> Array:
    """``array`` in the type of the input: any number to float32, numbers that it holds to an integer or bool."""
    if array.dtype == tensor.dtype:
        return array
    result: AnyArray = np.ascontiguousarray(array)
    with np.errstate(all="ignore"):
        result = result.astype(tensor.dtype)
    if tensor.dtype != "float32" and not np.array_equal(result, array):
        wrong = result != array
        image = first_fault(wrong)
        value = array[image][wrong[image]].flat[0]
        raise DataError(
            f"{where}: {key!r} holds {value} in image {image}, which input {tensor.name!r} of type {tensor.dtype} "
            "cannot take"
        )
    return result


def _check_indices(array: AnyArray, tensor: Tensor, network: Network, where: str) -> None:
    """Refuse indices (such as words of a vocabulary) beyond the table that a Gather looks them up in."""
    if tensor.dtype not in {"int32", "int64"} or not array.size:
        return
    for layer, table, rows in _tables(tensor.name, network):
        wrong = (array < -rows) | (array >= rows)
        if wrong.any():
            image = first_fault(wrong)
            raise DataError(
                f"{where}: index {array[image][wrong[image]].flat[0]} of image {image} is beyond the {rows} rows of "
                f"{table!r} ({layer}); give indices from 0 to {rows - 1}"
            )


def _tables(name: str, network: Network) -> Iterator[tuple[str, str, int]]:
    """Layer, table and rows of each Gather whose indices are the tensor ``name``, be it reshaped or cast."""
    names = {name}
    for layer in network.layers:
        if layer.op_type in _INDEX_KEEPING and layer.inputs[0] in names:
            names.add(layer.outputs[0])
        elif layer.op_type == "Gather" and layer.inputs[1] in names:
            axis = layer.attributes.get("axis", 0)
            assert isinstance(axis, int)
            yield str(layer), layer.inputs[0], network.shape(layer.inputs[0])[axis]


def images_a_run(inputs: Mapping[str, Array], network: Network, where: str) -> int:
    """How many images ``network`` takes at a time: 1, or the first extent of its inputs if that is what fits.

    Raises:
        DataError: neither fits, or inputs or output do not agree.
    """
    found: dict[int, Tensor] = {}
    for tensor in network.inputs:
        array = inputs[tensor.name]
        values = array.size // len(array)
        images = 1
        if values != tensor.size:
            images = tensor.shape[0] if len(tensor.shape) > 1 and values * tensor.shape[0] == tensor.size else 0
        if not images:
            raise DataError(
                f"{where}: images of shape {array.shape[1:]} have {values} values, input {tensor.name!r} of network "
                f"{network.name!r} has shape {tensor.shape} with {tensor.size}; give it its own test set"
            )
        found[images] = tensor
    images = next(iter(found))
    output = network.outputs[0]
    if len(found) > 1:
        shapes = ", ".join(f"{tensor.name!r} {images}" for images, tensor in found.items())
        raise DataError(f"{where}: the inputs of network {network.name!r} take different numbers of images ({shapes})")
    if images > 1 and output.shape[:1] != (images,):
        raise DataError(
            f"{where}: network {network.name!r} takes {images} images at a time, but its output {output.name!r} of "
            f"shape {output.shape} does not begin with them; export it with a batch of 1, or a dynamic one"
        )
    return images


def image_shape(shape: Sequence[int], images: int) -> tuple[int, ...]:
    """The shape of one image of an input of ``shape`` that takes ``images`` at a time."""
    return tuple(shape[1:]) if shape and shape[0] == images else tuple(shape)
