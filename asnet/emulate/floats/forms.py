"""The operand-transform form for sums of float products: exact host arithmetic on masked operands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asnet.emulate.certificates import Masks
from asnet.emulate.floats.kernel import BLOCK, Field, Tile, kernel_text, tile_for
from asnet.emulate.kernels import Target, host_target
from asnet.emulate.products import Data, aligned
from asnet.ir import Products
from asnet.ir.optimise import Machine
from asnet.ir.products import COLUMNS
from asnet.types import AnyArray, Array
from asnet.units import UnitInstance

__all__ = ["MaskProducts"]

_ALL: Final = Masks(0xFFFFFFFF, 0xFFFFFFFF)

Bits = NDArray[np.uint32]


class MaskProducts:
    """Computes ``y += (v & m_v) * (s & m_s)`` in float32, the masks being the data.

    Serves the multipliers whose masks (by content digest) were certified and are given, and exact, which is all ones.
    """

    kind = "mask"
    symbols: Mapping[str, int] = {}

    def __init__(self, masks: Mapping[str, Masks], target: Target | None = None) -> None:
        self._masks = dict(masks)
        self._target = target or host_target()

    @property
    def machine(self) -> Machine:
        """The target's; instructions are chosen by hand."""
        return replace(self._target.machine, effort=2)

    def serves(self, what: Products, instance: UnitInstance | None) -> bool:
        """Floats, exact or certified."""
        return what.type == "f32" and (instance is None or (instance.op == "fmul" and instance.digest in self._masks))

    def kernel(self, what: Products, instance: UnitInstance | None) -> str:
        """The same for all units and layers."""
        return kernel_text(self._target)

    def data(self, what: Products, instance: UnitInstance | None, constant: Array | None) -> Data:
        """The masks of v and of s, and the constant operand, masked."""
        masks = _ALL if instance is None else self._masks[instance.digest]
        v_mask, s_mask = (masks.a, masks.b) if what.vector_is_a else (masks.b, masks.a)
        fields: dict[Field, int | Array] = dict.fromkeys(Field, 0)
        fields |= {Field.V_MASK: v_mask, Field.S_MASK: s_mask}
        if constant is not None and constant.size and what.constant_is_s:
            scalars = _scalars(constant.view(np.uint32) & np.uint32(s_mask), tile_for(self._target))
            fields |= {Field.SCALARS: scalars, Field.GROUP: scalars.shape[1] * scalars.itemsize}
        elif constant is not None and constant.size:
            fields[Field.VECTORS] = _vectors(constant.view(np.uint32) & np.uint32(v_mask), tile_for(self._target))
        return Data(tuple(fields[field] for field in Field))


def _scalars(bits: Bits, tile: Tile) -> AnyArray:
    """(groups, rows, depth) → (groups, numbers): for each block and tile the rows of every step."""
    groups, rows, depth = bits.shape
    parts: list[Bits] = []
    for first in range(0, depth, BLOCK):
        begin = 0
        for size in tile.rows:
            count = (rows - begin) // size
            own = bits[:, begin : begin + count * size, first : first + BLOCK]
            shape = (groups, count, size, own.shape[2])
            parts.append(own.reshape(shape).transpose(0, 1, 3, 2).reshape(groups, own.size // groups))
            begin += count * size
    return np.ascontiguousarray(np.concatenate(parts, axis=1))


def _vectors(bits: Bits, tile: Tile) -> AnyArray:
    """(depth, columns) → for each block and strip its steps."""
    depth, columns = bits.shape
    padded = np.pad(bits, ((0, 0), (0, -columns % COLUMNS)))
    goal = aligned((padded.size,), "uint32")
    parts = [
        padded[first : first + BLOCK, column : column + tile.columns].ravel()
        for first in range(0, depth, BLOCK)
        for column in range(0, padded.shape[1], tile.columns)
    ]
    np.concatenate(parts, out=goal)
    return goal
