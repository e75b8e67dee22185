"""The oracle: a slow, plain numpy execution of a network that defines its meaning bit by bit.

Every floating-point operation is one float32 numpy ufunc, in the order of the IR (accumulators start with the bias or
0.0; then input channel, kernel row, kernel column, or k ascending). Arrays run over independent outputs only, never
over a reduction. Every fast path is compared with this one.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import numpy as np

from asnet.errors import DataError, UnsupportedError
from asnet.host import float_environment
from asnet.network.model import Layer, Network, Tensor
from asnet.network.oracle_frame import Frame, Operator
from asnet.types import AnyArray, Array, FloatMode

__all__ = ["OPERATORS", "run"]


def _operators() -> dict[str, Operator]:
    """The tables ``OPERATORS`` of all modules ``oracle_<family>``."""
    found: dict[str, Operator] = {}
    for module in sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])):
        if module.startswith("oracle_"):
            table: Mapping[str, Operator] = getattr(import_module(f"asnet.network.{module}"), "OPERATORS", {})
            if twice := sorted(found.keys() & table.keys()):
                raise ValueError(f"operators with two definitions, one in {module}: {', '.join(twice)}; remove one")
            found |= table
    return found


OPERATORS: Mapping[str, Operator] = _operators()
"""ONNX operator type → its definition."""


def run(network: Network, inputs: Mapping[str, Array], mode: FloatMode = FloatMode.FTZ) -> dict[str, Array]:
    """Every computed tensor of ``network`` by name (and its inputs, as the network sees them), in its type.

    ``inputs`` maps each input's name to an array of its type and shape. In ``ftz`` mode float32 inputs and constants
    are flushed.

    Raises:
        DataError: an input is missing or has another type or shape.
        UnsupportedError: an operator has no definition here; names the node.
    """
    frame = Frame(network, mode)
    for tensor in network.inputs:
        if tensor.name not in inputs:
            raise DataError(
                f"input {tensor.name!r} is missing; the network takes {', '.join(map(str, network.inputs))}"
            )
        array = inputs[tensor.name]
        if array.dtype != tensor.dtype or array.shape != tensor.shape:
            raise DataError(f"input {tensor.name!r} is {array.dtype}{list(array.shape)}; the network takes {tensor}")
        frame.values[tensor.name] = frame.boundary(array)
    with float_environment(mode), np.errstate(all="ignore"):
        for layer in network.layers:
            operator = OPERATORS.get(layer.op_type)
            if operator is None:
                known = ", ".join(sorted(OPERATORS))
                raise UnsupportedError(f"{network.name}: {layer}: operator is not supported; supported: {known}")
            results = operator(frame, layer)
            for name, result in zip(layer.outputs, results if isinstance(results, tuple) else (results,), strict=False):
                if name:
                    frame.values[name] = _checked(result, network.tensors[name], layer)
    return dict(frame.values)


def _checked(result: AnyArray, tensor: Tensor, layer: Layer) -> AnyArray:
    if result.dtype != tensor.dtype:
        raise TypeError(f"the definition of {layer} gives {result.dtype} for {tensor}")
    return result.reshape(tensor.shape)
