"""Constant scalar operands as lists of steps: sorted by their row of the table, those with small entries by themselves.

Sums of integers may be added in any order. Steps of equal rows follow each other, so that the row is near; rows with
small entries have digits of which more fit a byte; rows whose entries are all the same need no look-up at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from asnet.emulate.products import aligned
from asnet.emulate.row_table.digits import ROWS
from asnet.emulate.row_table.sums import BLOCK
from asnet.types import AnyArray, Array

__all__ = ["PARTS", "READ", "Scalars", "StepList"]

PARTS = 2
"""Parts of a list: pairs of steps with one row of the table, steps by themselves."""

READ = 32
"""Entries that may be read together, from any entry on."""

_SKIPPED = -1


@dataclass(frozen=True, eq=False)
class StepList:
    """Steps of one kind of row, of all rows of the product: ``steps``, the step within its block and 256 times the row
    of the table, from ``bounds[2 * i]`` to ``bounds[2 * i + 2]`` for i = (group · blocks + block) · rows + row: first
    pairs, then, from ``bounds[2 * i + 1]`` on, steps by themselves."""

    steps: AnyArray
    bounds: AnyArray


@dataclass(frozen=True, eq=False)
class Scalars:
    """Constant scalars, sorted in each block of a row: their ``rows`` of the table and their ``steps`` of the block, as
    (group, block, row, place); what is behind the depth has row 256."""

    rows: NDArray[np.uint16]
    steps: NDArray[np.uint8]

    @staticmethod
    def of(constant: Array) -> Scalars:
        """``constant`` (group, row, depth), of bytes."""
        groups, rows, depth = constant.shape
        blocks = -(-depth // BLOCK)
        padded = np.full((groups, rows, blocks * BLOCK), ROWS, np.uint16)
        padded[..., :depth] = np.ascontiguousarray(constant).view(np.uint8)
        split = padded.reshape(groups, rows, blocks, BLOCK).swapaxes(1, 2)
        order = np.argsort(split, axis=-1, kind="stable")
        return Scalars(np.take_along_axis(split, order, axis=-1), order.astype(np.uint8))

    def lists(self, kinds: NDArray[np.int8], count: int) -> list[StepList]:
        """The lists of ``count`` kinds; ``kinds`` of the table's rows, -1 for those that are left out."""
        own = np.append(kinds, np.int8(_SKIPPED))[self.rows]
        entries = self.steps.astype(np.uint16) | self.rows << np.uint16(8)
        twice = np.broadcast_to(entries[..., None, :], (*entries.shape[:-1], PARTS, BLOCK))
        return [_list(twice, np.stack([own == kind, own == kind], -2) & self._parts) for kind in range(count)]

    @cached_property
    def _parts(self) -> NDArray[np.bool_]:
        """(…, part, place): which places belong to pairs, which do not."""
        places = np.arange(BLOCK)
        alike = np.zeros(self.rows.shape, np.bool_)
        alike[..., 1:] = self.rows[..., 1:] == self.rows[..., :-1]
        begins = np.maximum.accumulate(np.where(alike, 0, places), axis=-1)
        second = (places - begins) % 2 == 1
        paired = second.copy()
        paired[..., :-1] |= second[..., 1:]
        return np.stack([paired, ~paired], axis=-2)

    def starts(self, minima: AnyArray) -> AnyArray:
        """For every row and block, in the order of bounds, the sum of ``minima`` of all its rows of the table."""
        sums = np.append(minima, 0).astype(np.int64)[self.rows].sum(axis=-1)
        found = aligned((sums.size,), "int32")
        found[:] = sums.ravel().astype(np.uint32).view(np.int32)
        return found


def _list(entries: NDArray[np.uint16], chosen: NDArray[np.bool_]) -> StepList:
    bounds = aligned((chosen[..., 0].size + 1,), "int32")
    np.cumsum(chosen.sum(axis=-1).ravel(), out=bounds[1:])
    steps = aligned((int(bounds[-1]) + READ,), "uint16")
    steps[: bounds[-1]] = entries[chosen]
    return StepList(steps, bounds)
