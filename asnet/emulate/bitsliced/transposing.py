"""Between numbers and bit planes: square bit matrices transposed in every lane of vectors."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from asnet.emulate.kernels import KernelCode
from asnet.ir.emission import I32, vector

__all__ = ["transposed"]


def transposed(code: KernelCode, rows: Sequence[ir.Value], width: int) -> list[ir.Value]:
    """``width`` vectors (8, 16 or 32): bit j of every ``width``-bit lane of row i becomes bit i of row j.

    Butterflies (H. S. Warren, Hacker's Delight, 7-3): log2(width) stages in which pairs of rows exchange blocks.
    """
    kind = vector(code.target.width // 4, I32)
    rows = list(rows)
    step = width // 2
    while step:
        mask = sum(1 << bit for bit in range(32) if not bit & step)
        low, high = code.constant(mask, kind), code.constant(~mask & 0xFFFFFFFF, kind)
        by = code.constant(step, kind)
        for first in (row for row in range(width) if not row & step):
            a, b = rows[first], rows[first + step]
            up, down = code.ir.shl(b, by), code.ir.lshr(a, by)
            rows[first] = code.ir.or_(code.ir.and_(a, low), code.ir.and_(up, high))
            rows[first + step] = code.ir.or_(code.ir.and_(down, low), code.ir.and_(b, high))
        step //= 2
    return rows
