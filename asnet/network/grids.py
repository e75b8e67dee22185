"""What an AffineGrid computes: points of a regular grid, mapped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asnet.errors import NetworkError
from asnet.network.attributes import integer
from asnet.network.elementary import Float32
from asnet.network.model import Layer, Network
from asnet.network.semantics import constant_input

__all__ = ["AffineGrid", "affine_grid"]


@dataclass(frozen=True)
class AffineGrid:
    """An AffineGrid of ``batch`` grids with ``extents`` points along their axes.

    Coordinate ``k`` of a point is ``((θ[k, 0]·c_0 + θ[k, 1]·c_1) + …) + θ[k, rank]`` with its own coordinates c, that
    of the last axis first; they run from -1 to 1, between the points at the ends (``aligned``) or the grid's edges.
    """

    batch: int
    extents: tuple[int, ...]
    aligned: bool

    def coordinates(self) -> tuple[Float32, ...]:
        """Coordinates along each axis of the grid; 0 of one point."""
        result: list[Float32] = []
        for extent in self.extents:
            steps = (extent - 1) / 2 if self.aligned else extent / 2
            centred = np.arange(extent) - (extent - 1) / 2
            result.append((centred / (steps or 1.0)).astype(np.float32))
        return tuple(result)


def affine_grid(layer: Layer, network: Network) -> AffineGrid:
    """Sizes of an AffineGrid.

    Raises:
        NetworkError: they do not fit theta.
        UnsupportedError: they are computed by the network.
    """
    theta = network.shape(layer.inputs[0])
    size = tuple(int(extent) for extent in constant_input(layer, network, 1, "size").ravel())
    rank = len(size) - 2
    if rank < 1 or min(size) < 0 or theta != (size[0], rank, rank + 1):
        raise NetworkError(f"{layer}: theta of shape {list(theta)} does not fit the size {list(size)}; mend the model")
    return AffineGrid(size[0], size[2:], integer(layer, "align_corners", 0) != 0)
