"""What the oracle's operators see: the network, the values so far, and the float mode of constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from asnet.host import flush_subnormals
from asnet.network.elementary import Float32
from asnet.network.model import Layer, Network
from asnet.types import AnyArray, Array, FloatMode

__all__ = ["Frame", "Operator"]


class Frame:
    """One run: ``values`` holds inputs and computed tensors, constants are flushed when an operator asks for them."""

    def __init__(self, network: Network, mode: FloatMode) -> None:
        self.network = network
        self.mode = mode
        self.values: dict[str, AnyArray] = {}

    def flush(self, array: Array | np.float32) -> Float32:
        """``array`` as float32, subnormals flushed in ``ftz`` mode."""
        exact = np.asarray(array, dtype=np.float32)
        return flush_subnormals(exact) if self.mode is FloatMode.FTZ else exact

    def boundary(self, array: Array) -> AnyArray:
        """What a design sees of ``array``: float32 flushed, other types as they are."""
        return self.flush(array) if array.dtype == np.float32 else array

    def operand(self, layer: Layer, index: int) -> AnyArray:
        """The value of input ``index`` of ``layer``, computed or constant, in its own type."""
        name = layer.inputs[index]
        constant = self.network.constants.get(name)
        return self.values[name] if constant is None else self.boundary(constant)

    def optional(self, layer: Layer, index: int) -> AnyArray | None:
        """:meth:`operand`, None if the layer has no input ``index``."""
        return self.operand(layer, index) if index < len(layer.inputs) and layer.inputs[index] else None


Operator: TypeAlias = Callable[[Frame, Layer], AnyArray | tuple[AnyArray, ...]]
"""The definition of an operator: its outputs in order, or the only one; of the tensors' types, of the right number of
elements, row-major. Outputs that the layer leaves out (``""``, or at the end) are not looked at."""
