"""A unit's table as kernels of vectors take it: rows of digits for all operands, and for either half of 8-bit ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from asnet.emulate.products import aligned
from asnet.emulate.row_table.digits import ROWS, Cut, Rows, digits_for, pack, spread
from asnet.types import AnyArray

__all__ = ["WIDEST", "Packed"]

WIDEST = 8
"""Bits of operands."""

_SMALL = (1 << 12) - 1
_FEW = 16

Cuts = tuple[Cut, ...]


@dataclass(frozen=True, eq=False)
class Packed:
    """``table[byte of the scalar operand, entry]``, the vector operand of ``bits`` bits."""

    table: AnyArray
    bits: int

    @staticmethod
    def of(table: AnyArray, bits: int, least: int) -> Packed:
        """``table`` by bit patterns; rows of at least ``least`` entries: what follows an operand's own bits does not
        count."""
        rows, entries = np.arange(ROWS) % len(table), np.arange(max(least, table.shape[1])) % table.shape[1]
        own = aligned((len(rows), len(entries)), "int32")
        own[:] = table[np.ix_(rows, entries)]
        return Packed(own, bits)

    @cached_property
    def parts(self) -> list[AnyArray]:
        """The table for all operands; for the lower and for the upper half, if they have 8 bits."""
        return [self.table, *(np.split(self.table, 2, axis=1) if self.bits == WIDEST else [])]

    @cached_property
    def _spreads(self) -> list[NDArray[np.int64]]:
        return [spread(part) for part in self.parts]

    @cached_property
    def kinds(self) -> NDArray[np.int8]:
        """Of each row: 0 its entries are small, -1 they are all the same, else 1; 0 instead if no others are there."""
        whole, most = self._spreads[0], np.maximum.reduce(self._spreads[1:] or self._spreads)
        small = most <= _SMALL
        two = small.sum() >= _FEW and not small.all()
        return np.where(whole == 0, -1, np.where(small & two, 0, 1 if two else 0)).astype(np.int8)

    @cached_property
    def count(self) -> int:
        """Of kinds of rows."""
        return max(1, int(self.kinds.max()) + 1)

    def cuts(self, kind: int | None = None) -> tuple[Cut, Cut | None]:
        """For all operands, and for halves of them; of the rows of ``kind``, or of all of them."""
        chosen = slice(None) if kind is None else self.kinds == kind
        whole, *halves = (each[chosen].max(initial=0) for each in self._spreads)
        entries = self.table.shape[1]
        half = Cut(entries // 2, digits_for(int(max(halves)))) if halves else None
        return Cut(entries, digits_for(int(whole))), half

    def rows(self, kind: int | None = None) -> list[Rows]:
        """The packed parts, good for rows of ``kind`` (all if None)."""
        whole, half = self.cuts(kind)
        return [pack(part, (half or whole if number else whole).digits) for number, part in enumerate(self.parts)]
