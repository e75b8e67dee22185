"""The oracle: a slow, plain numpy execution of a network that defines its meaning bit by bit.

Every floating-point operation is one float32 numpy ufunc, in the order of the IR (accumulators start with the bias or
0.0; then input channel, kernel row, kernel column, or k ascending). Arrays run over independent outputs only, never
over a reduction. Every fast path is compared with this one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.errors import DataError, UnsupportedError
from asnet.host import float_environment
from asnet.network.model import Network
from asnet.network.oracle_frame import Frame, Operator
from asnet.network.oracle_ops import ELEMENTWISE, LAYOUT, NORMALIZING
from asnet.network.oracle_sums import PRODUCTS, WINDOWED
from asnet.types import Array, FloatMode

__all__ = ["OPERATORS", "run"]

OPERATORS: Mapping[str, Operator] = {**PRODUCTS, **WINDOWED, **NORMALIZING, **ELEMENTWISE, **LAYOUT}
"""ONNX operator type → its definition."""


def run(network: Network, inputs: Mapping[str, Array], mode: FloatMode = FloatMode.FTZ) -> dict[str, Array]:
    """Every computed tensor of ``network`` by name (and its inputs, as the network sees them), float32.

    ``inputs`` maps each input's name to a float32 array of its shape. In ``ftz`` mode inputs and constants are flushed.

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
        if array.dtype != np.float32 or array.shape != tensor.shape:
            raise DataError(f"input {tensor.name!r} is {array.dtype}{list(array.shape)}; the network takes {tensor}")
        frame.values[tensor.name] = frame.flush(array)
    with float_environment(mode), np.errstate(all="ignore"):
        for layer in network.layers:
            operator = OPERATORS.get(layer.op_type)
            if operator is None:
                known = ", ".join(sorted(OPERATORS))
                raise UnsupportedError(f"{network.name}: {layer}: operator is not supported; supported: {known}")
            output = layer.outputs[0]
            frame.values[output] = operator(frame, layer).reshape(network.shape(output))
    return dict(frame.values)
