"""What a kernel for integers reads of its data, and how operands lie in a panel: the one description of both sides.

A kernel's sums are passes over blocks of steps. A pass adds up a few terms ``u(v) * w(s)`` in 32 bits and adds the
sums to y, shifted left. ``u`` and ``w`` turn a raw operand into one that the instruction takes: they are
``(raw & mask) ^ flip``, or a table. What is then missing, ``offset * w(s)`` in each step, is a number of each row.

Working memory, and constants prepared ahead, lie as the loops read them.

- Vector operand: for each panel of 64 columns, pass, strip of a tile's columns, term, group of steps: the vectors of a
  tile (:meth:`asnet.emulate.kernels.KernelCode.interleave`).
- Scalar operand: for each pass, tile of rows: the missing number of each row (i32), then for each term, group of
  steps, row: 32 bits. Rows have tiles of the first of :attr:`asnet.emulate.integer.dot.Dot.rows` as long as there are
  enough, then of the next.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

__all__ = ["PANEL_BYTES", "RARE", "ROWS_BYTES", "STEPS", "Field", "Pass", "Term"]

PANEL_BYTES: Final = 24 << 10
"""A pass' share of a panel: what stays in the nearest cache beside the rows."""

ROWS_BYTES: Final = 128 << 10
"""Scalar operands of a block that are prepared at a time."""

STEPS: Final = 512
"""Steps of a block, at most."""

RARE: Final = 4
"""Raw operands that a pass may be searched for."""


class Field(IntEnum):
    """The numbers of the data. ``GROUP`` bytes of prepared scalars belong to each product of a grouped convolution;
    ``ROWS`` are prepared at a time where they are not; ``SCALARS`` and ``VECTORS`` are addresses, or 0: not prepared.
    ``SINGLE``: whether a single row is summed without a panel.
    """

    BLOCK = 0
    PASSES = 1
    TERMS = 2
    PASS = 3
    TERM = 4
    SCALARS = 5
    GROUP = 6
    VECTORS = 7
    ROWS = 8
    SINGLE = 9


class Pass(IntEnum):
    """The numbers of a pass: how many terms it has (of words: twice that), which way round.

    ``ORDER``: the number of one of :attr:`asnet.emulate.integer.dot.Dot.orders`. ``SEARCH``: whether to leave the pass
    out where none of the :data:`RARE` raw vector operands from ``RARE`` on occurs. ``AGAIN``: whether the panel is that
    of the pass before.
    """

    TERMS = 0
    ORDER = 1
    SHIFT = 2
    SEARCH = 3
    AGAIN = 4
    RARE = 5
    SIZE = 9


class Term(IntEnum):
    """The numbers of a term: for each side mask, flip and the address of a table, or 0.

    A term of words is followed by one that nothing looks at; its table has all lower bytes, then all upper ones.
    """

    V_MASK = 0
    V_FLIP = 1
    V_TABLE = 2
    S_MASK = 3
    S_FLIP = 4
    S_TABLE = 5
    OFFSET = 6
    SIZE = 7
