"""The oracle's Einsum: one product of operands after the other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np

from asnet.network.einsum import einsum
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.types import AnyArray

__all__ = ["OPERATORS"]


def _einsum(frame: Frame, layer: Layer) -> AnyArray:
    """``acc = acc + (a·b)·c…``, row-major over the summed letters."""
    found = einsum(layer, frame.network)
    operands = [frame.operand(layer, position) for position in range(len(layer.inputs))]
    grid = np.ogrid[tuple(slice(found.extents[letter]) for letter in found.output)]
    places: dict[str, AnyArray | int] = dict(zip(found.output, grid, strict=True))
    shape = tuple(found.extents[letter] for letter in found.output)

    def term() -> AnyArray:
        parts = [
            operand[
                tuple(
                    0 if extent == 1 else places[letter] for letter, extent in zip(letters, operand.shape, strict=True)
                )
            ]
            for letters, operand in zip(found.operands, operands, strict=True)
        ]
        return reduce(np.multiply, parts)

    if not found.summed:
        return np.broadcast_to(term(), shape)
    result = np.zeros(shape, operands[0].dtype)
    for index in np.ndindex(*(found.extents[letter] for letter in found.summed)):
        places.update(zip(found.summed, index, strict=True))
        result = np.add(result, term())
    return result


OPERATORS: Mapping[str, Operator] = {"Einsum": _einsum}
