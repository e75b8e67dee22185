"""Factors of units whose operand pairs are too many for a table: found from a few rows and columns.

A matrix of rank r is determined by r rows and r columns. They are chosen in a sample of both operands, and the factors
so found are compared with the golden model on other samples. That is no proof: whoever computes with them certifies the
result (:mod:`asnet.emulate.certificates`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from asnet.emulate.analysis.factors import LowRank, best_pivot, rank_modulo, term_at
from asnet.emulate.analysis.table import operand_values
from asnet.types import OperandType

__all__ = ["WIDEST", "Function", "probed_low_rank"]

WIDEST: Final = 16
"""Bits of an operand: factors are tables of all its values."""

_MOST: Final = 4
_RANGES: Final = ((-32768, 32767), (0, 65535))
_RANDOM: Final = 96
_CHECKED: Final = 1 << 18
_SEED: Final = 20240607
_LIMIT: Final = 1 << 31

Integers = NDArray[np.int64]
Function: TypeAlias = Callable[[Integers, Integers], Integers]
"""A function of two arrays of numbers (of one shape, or that broadcast to one), element by element."""


def probed_low_rank(function: Function, operand: OperandType) -> LowRank | None:
    """Factors of ``function`` on numbers of type ``operand`` as a matrix over all bit patterns, with at most 4 terms;
    None if a sample needs more, no integer pivots are found, or the factors differ from the function somewhere.
    """
    values = operand_values(operand).astype(np.int64)
    random = np.random.default_rng(_SEED)
    rows, columns = (_sample(operand.width, random) for _ in range(2))
    sample = function(values[rows][:, None], values[columns][None, :])
    rank = rank_modulo(sample)
    if rank > _MOST:
        return None
    u, v = np.zeros((rank, len(values)), np.int64), np.zeros((rank, len(values)), np.int64)
    for term in range(rank):
        rest = sample - u[:term, rows].T @ v[:term, columns]
        pivot = best_pivot(rest, _RANGES)
        if pivot is None:
            return None
        a, b = int(rows[pivot[0]]), int(columns[pivot[1]])
        column = function(values, values[b : b + 1]) - u[:term].T @ v[:term, b]
        row = function(values[a : a + 1], values) - u[:term, a] @ v[:term]
        found = term_at(column, row, int(rest[pivot]), _RANGES)
        if found is None or max(int(np.abs(side).max()) for side in found) >= _LIMIT:
            return None
        u[term], v[term] = found
    if (sample != u[:, rows].T @ v[:, columns]).any():
        return None
    a, b = random.integers(0, len(values), (2, _CHECKED))
    if (function(values[a], values[b]) != (u[:, a] * v[:, b]).sum(axis=0)).any():
        return None
    return LowRank(rank, u.astype(np.int32), v.astype(np.int32))


def _sample(width: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Bit patterns: small ones, powers of two and their neighbours, the last ones, random ones."""
    count = 1 << width
    powers = [(1 << bit) + step for bit in range(width) for step in (-1, 0, 1)]
    chosen = [*range(32), *powers, *range(count - 8, count), *random.integers(0, count, _RANDOM).tolist()]
    return np.array(sorted({pattern % count for pattern in chosen}), np.int64)
