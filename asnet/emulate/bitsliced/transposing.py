"""Between numbers and bit planes: square bit matrices transposed in every lane of vectors."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from asnet.emulate.kernels import KernelCode
from asnet.ir.emission import I16, I32, vector

__all__ = ["transposed"]

_HALF = 16
_SHUFFLES = 64  # bytes of vectors, two of which the processor shuffles by one instruction


def transposed(code: KernelCode, rows: Sequence[ir.Value], width: int) -> list[ir.Value]:
    """``width`` vectors (8, 16 or 32): bit j of every ``width``-bit lane of row i becomes bit i of row j.

    Butterflies (H. S. Warren, Hacker's Delight, 7-3): log2(width) stages in which pairs of rows exchange blocks.
    """
    kind = vector(code.target.width // 4, I32)
    rows = list(rows)
    step = width // 2
    if step == _HALF and code.target.width == _SHUFFLES:
        for first in range(step):
            rows[first], rows[first + step] = _exchanged(code, rows[first], rows[first + step])
        step //= 2
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


def _exchanged(code: KernelCode, a: ir.Value, b: ir.Value) -> tuple[ir.Value, ir.Value]:
    """The lower halves of every 32 bits of a and b, and their upper halves: the first stage of 32 bits as shuffles."""
    count = code.target.width // 2
    halves = [code.ir.bitcast(row, vector(count, I16)) for row in (a, b)]
    low, high = ([lane + half + side for lane in range(0, count, 2) for side in (0, count)] for half in (0, 1))
    first, second = (code.ir.bitcast(code.shuffle(halves[0], halves[1], lanes), a.type) for lanes in (low, high))
    return first, second
