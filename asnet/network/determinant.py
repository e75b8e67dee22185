"""What a Det computes."""

from __future__ import annotations

import math

from asnet.errors import NetworkError
from asnet.network.model import Layer, Network

__all__ = ["determinant"]


def determinant(layer: Layer, network: Network) -> tuple[int, int]:
    """``(matrices, m)``: the determinants of that many m x m matrices.

    Raises:
        NetworkError: the matrices are not square.
    """
    shape = network.shape(layer.inputs[0])
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise NetworkError(f"{layer}: matrices of shape {list(shape)} are not square; mend the model")
    return math.prod(shape[:-2]), shape[-1]
