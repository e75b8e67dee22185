"""What the oracle's operators see: the network, the values so far, and the float mode of constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from asnet.host import flush_subnormals
from asnet.network.elementary import Float32
from asnet.network.model import Layer, Network
from asnet.types import Array, FloatMode

__all__ = ["Frame", "Operator"]


class Frame:
    """One run: ``values`` holds inputs and computed tensors, constants are flushed when an operator asks for them."""

    def __init__(self, network: Network, mode: FloatMode) -> None:
        self.network = network
        self.mode = mode
        self.values: dict[str, Float32] = {}

    def flush(self, array: Array | np.float32) -> Float32:
        """``array`` as float32, subnormals flushed in ``ftz`` mode."""
        exact = np.asarray(array, dtype=np.float32)
        return flush_subnormals(exact) if self.mode is FloatMode.FTZ else exact

    def operand(self, layer: Layer, index: int) -> Float32:
        """The value of input ``index`` of ``layer``, computed or constant."""
        name = layer.inputs[index]
        constant = self.network.constants.get(name)
        return self.values[name] if constant is None else self.flush(constant)


Operator: TypeAlias = Callable[[Frame, Layer], Float32]
"""The definition of an operator: the first output of a layer (of the right number of elements, row-major)."""
