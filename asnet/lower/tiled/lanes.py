"""Moving floats between the lanes of vectors."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from asnet.lower.tiled.code import Code

__all__ = ["DENSE", "every", "transpose"]

DENSE = (1, 2, 4)
"""Distances of columns at which reading everything in between and dropping it is the fastest."""


def every(code: Code, value: ir.Value, distance: int) -> ir.Value:
    """Every ``distance``-th lane of ``value``, one of :data:`DENSE`."""
    assert isinstance(value.type, ir.VectorType)
    count = value.type.count
    while distance > 1:
        value = code.shuffle(value, value, range(0, count, 2))
        count, distance = count // 2, distance // 2
    return value


def transpose(code: Code, rows: Sequence[ir.Value]) -> list[ir.Value]:
    """The columns of as many rows as they have lanes, a power of two."""
    size = len(rows)
    result = list(rows)
    half = 1
    while half < size:
        low = [lane if not lane & half else size + lane - half for lane in range(size)]
        high = [lane + half if not lane & half else size + lane for lane in range(size)]
        for row in range(size):
            if not row & half:
                a, b = result[row], result[row + half]
                result[row], result[row + half] = code.shuffle(a, b, low), code.shuffle(a, b, high)
        half *= 2
    return result
