"""Images as inputs of a module: checked, in its types, subnormals flushed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.errors import DataError
from asnet.host import flush_subnormals
from asnet.ir.module import Memory, MemoryKind, Module
from asnet.types import Array, FloatMode

__all__ = ["checked_inputs"]


def checked_inputs(module: Module, x: Array | Mapping[str, Array]) -> dict[str, Array]:
    """Input name → (images, elements) in the type of ``module``'s input, flushed in ftz mode.

    Raises:
        DataError: an input is missing, or does not fit.
    """
    inputs = tuple(memory for memory in module.memories.values() if memory.kind is MemoryKind.INPUT)
    if isinstance(x, Mapping):
        given = dict(x)
    elif len(inputs) == 1:
        given = {inputs[0].name: x}
    else:
        names = ", ".join(memory.name for memory in inputs)
        raise DataError(f"the network has {len(inputs)} inputs ({names}); give a mapping of name to array")
    arrays: dict[str, Array] = {}
    images: int | None = None
    for memory in inputs:
        if memory.name not in given:
            raise DataError(f"input {memory.name!r} of the network is missing; given: {', '.join(sorted(given))}")
        array = _converted(np.asarray(given[memory.name]), memory)
        if array.ndim == 0 or array.size != len(array) * memory.size:
            raise DataError(
                f"data of shape {array.shape} does not fit input {memory.name!r} of shape {memory.shape}: "
                f"it must be (images, …) with {memory.size} values per image"
            )
        if images is not None and len(array) != images:
            raise DataError(f"input {memory.name!r} has {len(array)} images, the one before it {images}")
        images = len(array)
        flat = array.reshape(images, memory.size)
        flush = memory.dtype == "float32" and module.mode is FloatMode.FTZ
        arrays[memory.name] = flush_subnormals(flat) if flush else flat
    return arrays


def _converted(array: Array, memory: Memory) -> Array:
    """``array`` in the memory's type; to float32 from any number, to an integer or bool from values that it holds."""
    if array.dtype == memory.dtype:
        return array
    if array.dtype.kind not in "biuf":
        raise DataError(f"input {memory.name!r} takes {memory.dtype}, not data of type {array.dtype}")
    with np.errstate(all="ignore"):
        result = array.astype(memory.dtype)
        if memory.dtype != "float32" and not np.array_equal(result, array):
            raise DataError(f"input {memory.name!r} takes {memory.dtype}; the {array.dtype} data has values beyond it")
    return result
