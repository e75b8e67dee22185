"""Exact integer rank of a matrix, and factors of small integers whose products add up to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_FACTORED", "LowRank", "best_pivot", "low_rank", "rank_modulo", "term_at"]

MOST_FACTORED: Final = 16
"""Matrices of a higher rank are not factored: so many products are slower than a look-up."""

_PRIME: Final = (1 << 31) - 1
_CANDIDATES: Final = 64
"""Pivots that are looked at closely, those with the smallest terms."""

_BYTE_RANGES: Final = ((-128, 127), (0, 255))
_ENTRY_LIMIT: Final = 1 << 31
"""Of residuals: products of two such numbers are exact in 64 bits."""

_EXCESS: Final = 1 << 17  # more than any factor that is in a range
_POWERS: Final = 16

Integers = NDArray[np.int64]
Ranges: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
"""The least and greatest number of a signed type and of the unsigned one."""


@dataclass(frozen=True, eq=False)
class LowRank:
    """``matrix[a, b] = Σ_i u[i, a] · v[i, b]`` exactly over the integers, with ``rank`` terms.

    ``rank`` is that of the matrix modulo the prime 2³¹ − 1: never more than the rank over the integers, and equal to it
    where there are factors (they show that it is no more). ``u`` (rank, A) and ``v`` (rank, B) are int32, or None where
    none were found: the rank is above :data:`MOST_FACTORED`, or elimination met no integer pivot.
    """

    rank: int
    u: NDArray[np.int32] | None
    v: NDArray[np.int32] | None

    @property
    def factored(self) -> bool:
        """Whether there are factors."""
        return self.u is not None and self.v is not None

    @property
    def ranges(self) -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
        """For every term the least and greatest value of ``u`` and of ``v``; empty without factors."""
        if self.u is None or self.v is None:
            return ()
        return tuple(
            ((int(u.min()), int(u.max())), (int(v.min()), int(v.max()))) for u, v in zip(self.u, self.v, strict=True)
        )

    @property
    def fits_bytes(self) -> bool:
        """Whether there are factors and each is within int8 or within uint8 (:attr:`ranges` says within which)."""
        return self.factored and all(_excess(*bounds) == 0 for term in self.ranges for bounds in term)


def _excess(low: int, high: int) -> int:
    """By how much ``low … high`` leaves the byte range that suits it best; 0 if it is within one."""
    return min(max(0, least - low, high - most) for least, most in _BYTE_RANGES)


def rank_modulo(matrix: NDArray[np.integer], prime: int = _PRIME) -> int:
    """The rank of ``matrix`` modulo ``prime`` < 2³²: Gaussian elimination."""
    rest = _distinct(matrix.astype(np.int64)) % prime
    rank = 0
    while rest.size:
        rows = np.flatnonzero(rest[:, 0])
        if len(rows) == 0:
            rest = rest[:, 1:]
            continue
        pivot = int(rows[0])
        factor = rest[:, 0] * pow(int(rest[pivot, 0]), -1, prime) % prime
        others = np.arange(len(rest)) != pivot
        rest = (rest[others, 1:] - factor[others, None] * rest[pivot, 1:]) % prime
        rank += 1
    return rank


def low_rank(matrix: NDArray[np.integer], *, most: int = MOST_FACTORED) -> LowRank:
    """The rank of ``matrix`` (entries within int32), and factors if it is at most ``most``.

    Factors come from elimination with greedy pivots: a term is a column times a row of what is left over, each divided
    by its greatest common divisor, at a pivot that makes the term integral; of all such pivots the one whose factors
    leave the range of a byte the least. What they add up to is compared with the matrix entry by entry.
    """
    rank = rank_modulo(matrix)
    found = _eliminate(matrix.astype(np.int64), rank) if rank <= most else None
    if found is None:
        return LowRank(rank, None, None)
    u, v = found
    if not np.array_equal(u.T @ v, matrix):  # the factors, not the way they were found, are what is relied on
        return LowRank(rank, None, None)
    return LowRank(rank, u.astype(np.int32), v.astype(np.int32))


def _distinct(matrix: Integers) -> Integers:
    """``matrix`` without repeated rows and columns."""
    return np.unique(np.unique(matrix, axis=0), axis=1)


def _eliminate(rest: Integers, rank: int) -> tuple[Integers, Integers] | None:
    """``rank`` integer terms that add up to ``rest``; None where no pivot gives one, or entries grow too large."""
    left = np.zeros((rank, rest.shape[0]), np.int64)
    right = np.zeros((rank, rest.shape[1]), np.int64)
    for term in range(rank):
        found = _term(rest)
        if found is None:
            return None
        left[term], right[term] = found
        rest = rest - np.outer(*found)
        if np.abs(rest).max(initial=0) >= _ENTRY_LIMIT:
            return None
    return None if rest.any() else (left, right)


def _term(rest: Integers) -> tuple[Integers, Integers] | None:
    """The term of ``rest`` whose factors are smallest, so that what is left over has a rank less by one."""
    pivot = best_pivot(rest, _BYTE_RANGES)
    if pivot is None:
        return None
    row, column = pivot
    return term_at(rest[:, column], rest[row], int(rest[row, column]), _BYTE_RANGES)


def best_pivot(rest: Integers, ranges: Ranges) -> tuple[int, int] | None:
    """Row and column of ``rest`` whose product, divided by the entry where they meet, is integral and splits into two
    factors that leave the better of ``ranges`` the least; None if there is none.
    """
    column_gcd = np.gcd.reduce(rest, axis=0)
    row_gcd = np.gcd.reduce(rest, axis=1)
    both = row_gcd[:, None] * column_gcd
    divisor = np.where(rest == 0, both + 1, rest)
    rows, columns = np.nonzero((both % divisor == 0) & (both != 0))
    if len(rows) == 0:
        return None
    scale = both[rows, columns] // rest[rows, columns]
    u = np.stack([rest.min(axis=0) // column_gcd.clip(1), rest.max(axis=0) // column_gcd.clip(1)])
    v = np.stack([rest.min(axis=1) // row_gcd.clip(1), rest.max(axis=1) // row_gcd.clip(1)])
    if len(rows) > _CANDIDATES:
        size = np.abs(u).max(axis=0)[columns] * np.abs(v).max(axis=0)[rows] * np.abs(scale)
        kept = np.argpartition(size, _CANDIDATES)[:_CANDIDATES]
        rows, columns, scale = rows[kept], columns[kept], scale[kept]
    costs = np.stack([_cost(su * u[:, columns], ranges) + _cost(sv * v[:, rows], ranges) for su, sv in _splits(scale)])
    place = int(np.unravel_index(np.argmin(costs), costs.shape)[1])
    return int(rows[place]), int(columns[place])


def term_at(column: Integers, row: Integers, pivot: int, ranges: Ranges) -> tuple[Integers, Integers] | None:
    """``column`` times ``row`` by ``pivot`` as a product of integer factors as small as may be; None if it is none."""
    column_gcd, row_gcd = int(np.gcd.reduce(column)), int(np.gcd.reduce(row))
    scale, left = divmod(column_gcd * row_gcd, pivot)
    if left:
        return None
    u, v = column // column_gcd, row // row_gcd
    ways = _splits(np.array([scale], np.int64))
    u_ends, v_ends = (np.array([[side.min()], [side.max()]], np.int64) for side in (u, v))
    costs = np.stack([_cost(su * u_ends, ranges) + _cost(sv * v_ends, ranges) for su, sv in ways])
    su, sv = ways[int(np.argmin(costs))]
    return su * u, sv * v


def _splits(scale: Integers) -> list[tuple[Integers, Integers]]:
    """Ways to write every scale as a product of two numbers; where a power of two does not divide it, as 1 times it."""
    ways: list[tuple[Integers, Integers]] = []
    for power in (1 << np.arange(_POWERS)).tolist():
        one = np.where(scale % power == 0, power, 1)
        rest = scale // one
        ways += [(one, rest), (rest, one), (-one, -rest), (-rest, -one)]
    return ways


def _cost(ends: Integers, ranges: Ranges) -> Integers:
    """How little factors between ``ends`` (2, n) are wanted: by how much one leaves the better of ``ranges`` above all,
    and its size."""
    least, most = ends.min(axis=0), ends.max(axis=0)
    beyond = [np.maximum(np.maximum(bottom - least, most - top), 0) for bottom, top in ranges]
    return _EXCESS * np.minimum(*beyond) + np.maximum(-least, most)
