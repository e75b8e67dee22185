"""Which passes and terms compute a sum of products of factors: ranges, offsets, digits, blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asnet.emulate.integer.dot import WORDS, Dot, Ranges
from asnet.emulate.integer.layout import PANEL_BYTES, RARE, ROWS_BYTES, STEPS
from asnet.types import Array

__all__ = [
    "Factors",
    "PlannedPass",
    "PlannedTerm",
    "ProductsPlan",
    "Transform",
    "exact_factors",
    "occurring",
    "plan_products",
]

Integers = NDArray[np.int64]

_DIGIT: Final = 8
_FEWEST_STEPS: Final = 32
"""Steps of a block below which adding its sums to y costs more than the products of a second digit."""
_MOST_TERMS: Final = 16
"""Of a pass: so many terms leave a block some steps."""


@dataclass(frozen=True, eq=False)
class Factors:
    """``Σ_i u[i, x] · w[i, z]`` for the bit patterns x of the vector operand and z of the scalar one.

    Each (terms, 2ⁿ), in the order of the patterns of an operand of n bits, which is sign-extended if ``signed``.
    """

    u: Integers
    w: Integers
    signed: bool

    @property
    def width(self) -> int:
        """Bits of an operand."""
        return self.u.shape[1].bit_length() - 1


def occurring(factors: Factors, u: Array | None, w: Array | None) -> Factors:
    """``factors`` with the values of raw operands ``u`` and ``w`` alone, where they are known: there are fewer."""

    def kept(values: Integers, raw: Array | None) -> Integers:
        if raw is None or raw.size == 0:
            return values
        used = np.zeros(values.shape[1], bool)
        patterns = raw.view(f"uint{8 * raw.itemsize}").ravel()
        used[patterns & patterns.dtype.type(len(used) - 1)] = True
        return np.where(used, values, values[:, [int(np.argmax(used))]])

    return replace(factors, u=kept(factors.u, u), w=kept(factors.w, w))


def exact_factors(width: int, *, signed: bool) -> Factors:
    """The exact product of two operands."""
    values = np.arange(1 << width, dtype=np.int64)[None, :]
    if signed:
        values = np.where(values >> (width - 1) != 0, values - (1 << width), values)
    return Factors(values, values, signed)


@dataclass(frozen=True, eq=False)
class Transform:
    """What an operand becomes: ``(raw & mask) ^ flip``, or ``values`` by a table; ``values`` in the order of patterns
    in any case.
    """

    values: Integers
    mask: int
    flip: int
    by_table: bool


@dataclass(frozen=True, eq=False)
class PlannedTerm:
    """``u(v) · w(s)``, where ``offset`` is to be added to u."""

    u: Transform
    w: Transform
    offset: int


@dataclass(frozen=True, eq=False)
class PlannedPass:
    """Terms that are summed together, in one way round, and shifted.

    ``rare``: the vector operands without which all products are 0, if they are few. ``again``: the terms take the same
    from the vector operand as those of the pass before, whose panel is there.
    """

    terms: tuple[PlannedTerm, ...]
    order: int
    shift: int
    rare: tuple[int, ...]
    again: bool

    @property
    def slots(self) -> int:
        """Terms, those of words twice."""
        return len(self.terms) * (2 if self.order == WORDS else 1)


@dataclass(frozen=True, eq=False)
class ProductsPlan:
    """The passes over blocks of ``block`` steps; ``rows`` scalars are prepared at a time."""

    passes: tuple[PlannedPass, ...]
    block: int
    rows: int

    @property
    def by_masks(self) -> bool:
        """Whether no vector operand needs a table."""
        return not any(term.u.by_table for own in self.passes for term in own.terms)

    @property
    def terms(self) -> int:
        """Terms of all passes, those of words twice."""
        return sum(own.slots for own in self.passes)


@dataclass(frozen=True, eq=False)
class _Piece:
    """A product of factors within the ranges of an order, shifted."""

    u: Integers
    w: Integers
    order: int
    shift: int

    @property
    def rare(self) -> tuple[int, ...]:
        """The patterns of the vector operand that have products other than 0, if they are few."""
        found = np.flatnonzero(self.u)
        return tuple(found.tolist()) if len(found) <= RARE and len(found) * 32 <= len(self.u) else ()

    @property
    def bound(self) -> int:
        """The greatest product."""
        return int(np.abs(self.u).max()) * int(np.abs(self.w).max())


def plan_products(factors: Factors, dot: Dot, accumulator: int, depth: int) -> ProductsPlan:
    """How ``dot`` sums up ``factors`` over ``depth`` steps in sums of ``accumulator`` bits.

    In 64 bits, no sum of a pass over a block may leave 32 bits; in 32 bits all may wrap.
    """
    pieces = [piece for u, w in zip(factors.u, factors.w, strict=True) for piece in _pieces(u, w, 0, dot)]
    if accumulator > 32:
        pieces = [small for piece in pieces for small in _smaller(piece, dot)]
    groups: dict[tuple[int, int, tuple[int, ...]], list[_Piece]] = {}
    for piece in _together(pieces, dot):
        groups.setdefault((piece.order, piece.shift, piece.rare), []).append(piece)
    cut = [
        group[first : first + _MOST_TERMS] for group in groups.values() for first in range(0, len(group), _MOST_TERMS)
    ]
    slots = max((len(group) * (2 if group[0].order == WORDS else 1) for group in cut), default=1)
    most = min(STEPS, PANEL_BYTES // (dot.step_bytes * slots))
    if accumulator > 32:
        bound = max((sum(piece.bound for piece in group) for group in cut), default=1)
        most = min(most, ((1 << 31) - 1) // max(1, bound))
    block = _even(depth, max(dot.steps, most // dot.steps * dot.steps), dot.steps)
    raw, passes = _raw(factors), list[PlannedPass]()
    for own in cut:
        terms = tuple(_term(piece, raw, dot) for piece in own)
        rare = tuple(raw[list(own[0].rare)].tolist())
        found = PlannedPass(terms, own[0].order, own[0].shift, rare, again=False)
        passes.append(replace(found, again=bool(passes) and _same_vectors(found, passes[-1])))
    row_bytes = sum(4 + 4 * (block // dot.steps) * own.slots for own in passes)
    return ProductsPlan(tuple(passes), block, ROWS_BYTES // max(1, row_bytes))


def _same_vectors(own: PlannedPass, before: PlannedPass) -> bool:
    """Whether the panel of ``before`` is there and serves ``own``."""
    if before.rare or (own.order, len(own.terms)) != (before.order, len(before.terms)):
        return False
    pairs = zip(own.terms, before.terms, strict=True)
    return all(mine.offset == its.offset and np.array_equal(mine.u.values, its.u.values) for mine, its in pairs)


def _even(depth: int, most: int, steps: int) -> int:
    """Steps of equal blocks of at most ``most``, a multiple of ``steps``."""
    blocks = max(1, -(-depth // most))
    return max(1, -(-depth // (blocks * steps))) * steps


def _pieces(u: Integers, w: Integers, shift: int, dot: Dot) -> list[_Piece]:
    """The product as pieces within the ranges of an order, in as few terms as can be."""
    if not u.any() or not w.any():
        return []
    fitting = [_Piece(u, w, order, shift) for order, ranges in enumerate(dot.orders) if _fits(u, w, ranges)]
    if fitting and fitting[0].order != WORDS:
        return fitting[:1]
    split = _split(u, w, shift, dot)
    better = len(split) > 2 or any(piece.shift != shift for piece in split)  # words cost two terms
    return fitting if fitting and better else split


def _fits(u: Integers, w: Integers, ranges: Ranges) -> bool:
    """Whether an order takes the product, with an offset of u."""
    left, right = ranges
    return bool(u.max() - u.min() <= left[1] - left[0] and right[0] <= w.min() and w.max() <= right[1])


def _together(pieces: list[_Piece], dot: Dot) -> list[_Piece]:
    """The pieces with one order for all of a shift, if there is one: they have a pass in common."""
    result: list[_Piece] = []
    for shift in dict.fromkeys(piece.shift for piece in pieces):
        own = [piece for piece in pieces if piece.shift == shift]
        common = [
            order
            for order, ranges in enumerate(dot.orders[:WORDS])
            if all(_fits(piece.u, piece.w, ranges) for piece in own)
        ]
        result += [replace(piece, order=common[0]) if common else piece for piece in own]
    return result


def _split(u: Integers, w: Integers, shift: int, dot: Dot) -> list[_Piece]:
    """The product of a factor that is too wide for bytes as that of its parts."""
    (left, right), *_ = dot.orders
    wide_u = u.max() - u.min() > left[1] - left[0]
    wide, window = (u, left) if wide_u else (w, right)
    near = _near(wide, window, fixed=not wide_u)
    if near is not None and (dot.container == _DIGIT or np.count_nonzero(wide - near) <= RARE):
        parts = [(near, shift), (wide - near, shift)]
    else:
        parts = [(_low(wide), shift), (_high(wide), shift + _DIGIT)]
    return [piece for part, own in parts for piece in _pieces(*((part, w) if wide_u else (u, part)), own, dot)]


def _near(values: Integers, window: tuple[int, int], *, fixed: bool) -> Integers | None:
    """``values`` brought within ``window``, or one as wide if it is not ``fixed``, such that the rest is, too."""
    span = window[1] - window[0]
    lows = [window[0]] if fixed else [int(values.min()), int(values.max()) - span]
    choices = [np.clip(values, low, low + span) for low in lows]
    near = min(choices, key=lambda choice: np.count_nonzero(values - choice))
    rest = values - near
    fits = window[0] <= rest.min() and rest.max() <= window[1] if fixed else rest.max() - rest.min() <= span
    return near if fits else None


def _smaller(piece: _Piece, dot: Dot) -> list[_Piece]:
    """The piece, or its digits where a block of it would be short."""
    if piece.bound * _FEWEST_STEPS < 1 << 31 or np.abs(piece.w).max() < 1 << _DIGIT:
        return [piece]
    return [
        *_pieces(piece.u, _low(piece.w), piece.shift, dot),
        *_pieces(piece.u, _high(piece.w), piece.shift + _DIGIT, dot),
    ]


def _low(values: Integers) -> Integers:
    return values & ((1 << _DIGIT) - 1)


def _high(values: Integers) -> Integers:
    return values >> _DIGIT


def _raw(factors: Factors) -> Integers:
    """The operands, in the order of their patterns."""
    raw = np.arange(1 << factors.width, dtype=np.int64)
    return np.where(raw >> (factors.width - 1) != 0, raw - (1 << factors.width), raw) if factors.signed else raw


def _term(piece: _Piece, raw: Integers, dot: Dot) -> PlannedTerm:
    """The piece with the offset that makes u a number of its order; masks rather than a table, if there are any."""
    (least, most), _ = dot.orders[piece.order]
    low, high = int(piece.u.min()), int(piece.u.max())
    half = 1 << (dot.container - 1)
    extended = np.where(raw >= half, raw - 2 * half, raw)  # as the kernel extends operands
    offsets = [offset for offset in (0, low - least, half, -half) if least <= low - offset and high - offset <= most]
    if piece.order == WORDS:
        return PlannedTerm(Transform(piece.u - offsets[0], 0, 0, True), _transform(extended, piece.w, 16), offsets[0])
    choices = [(_transform(extended, piece.u - offset, dot.bits), offset) for offset in offsets]
    u, offset = min(choices, key=lambda choice: choice[0].by_table)
    return PlannedTerm(u, _transform(extended, piece.w, dot.bits), offset)


def _transform(raw: Integers, values: Integers, bits: int) -> Transform:
    """How ``raw`` becomes ``values``, in numbers of ``bits`` bits."""
    mask = flip = 0
    for bit in range(bits):
        source, goal = (side >> bit & 1 for side in (raw, values))
        if np.array_equal(source ^ goal, np.full_like(goal, goal[0] ^ source[0])) and source.any():
            mask |= 1 << bit
            flip |= int(goal[0] ^ source[0]) << bit
        elif goal.min() == goal.max():
            flip |= int(goal[0]) << bit
        else:
            return Transform(values, 0, 0, by_table=True)
    return Transform(values, mask, flip, by_table=False)
