"""Operands to compare a unit's forms on: corners of every type, and random ones where results are at their edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asnet.types import Array, OperandType

__all__ = ["Block", "corner_floats", "corner_integers", "corners_of", "random_blocks"]

Bits = NDArray[np.uint32]

_MANTISSAS: Final = (0, 1, 2, 0x3FFFFF, 0x400000, 0x400001, 0x555555, 0x2AAAAA, 0x7FFFFE, 0x7FFFFF)
_EXPONENTS: Final = (0, 1, 2, 23, 24, 63, 64, 103, 126, 127, 128, 150, 151, 190, 191, 229, 252, 253, 254, 255)
_EDGES: Final = (-2, -1, 0, 1, 2, 253, 254, 255)


@dataclass(frozen=True)
class Block:
    """All pairs of ``a`` (n) and ``b`` (m) of one operand type: float32, or int32 numbers of an integer type."""

    a: Array
    b: Array

    @property
    def pairs(self) -> int:
        """How many."""
        return self.a.size * self.b.size


def corner_floats(masks: tuple[int, ...] = ()) -> Bits:
    """float32 bit patterns at the edges of everything: zeros, subnormals, least and greatest normals, powers of two,
    infinities, quiet and signalling NaNs, and mantissas at the edges of ``masks``."""
    low_bits = {~mask & 0x7FFFFF for mask in masks}
    mantissas = {*_MANTISSAS, *(value for low in low_bits for value in (low, low + 1, low ^ 0x7FFFFF, low >> 1))}
    values = [
        sign << 31 | exponent << 23 | mantissa
        for sign in (0, 1)
        for exponent in _EXPONENTS
        for mantissa in sorted(value & 0x7FFFFF for value in mantissas)
    ]
    return np.unique(np.array(values, np.uint32))


def corner_integers(operand: OperandType) -> NDArray[np.int32]:
    """Numbers of an integer type around zero, its limits and powers of two, of either sign, and striped patterns."""
    width = operand.width
    powers = {sign * (1 << bit) + step for bit in range(width) for sign in (1, -1) for step in (-1, 0, 1)}
    stripes = {0x5555_5555 & (1 << width) - 1, 0x3333_3333 & (1 << width) - 1, 0x0F0F_0F0F & (1 << width) - 1}
    low, high = (-(1 << width - 1), (1 << width - 1) - 1) if operand.signed else (0, (1 << width) - 1)
    values = {*powers, *stripes, *(~stripe for stripe in stripes), low, low + 1, high, high - 1}
    return np.array(sorted(value for value in values if low <= value <= high), np.int32)


def corners_of(operand: OperandType, masks: tuple[int, ...] = ()) -> Array:
    """The corners of any type, as numbers of it."""
    return corner_floats(masks).view(np.float32) if operand.is_float else corner_integers(operand)


def random_blocks(
    operand: OperandType, pairs: int, seed: int, *, rows: int = 8, columns: int = 2048
) -> Iterator[Block]:
    """Blocks of ``columns`` a and ``rows`` b, ``pairs`` in all or a few more.

    Floats are by turns ordinary numbers, any patterns, and such that products or quotients are around the least and the
    greatest normal number.
    """
    generator = np.random.default_rng(seed)
    for number in range(-(-pairs // (rows * columns))):
        if operand.is_float:
            yield _float_block(generator, number, rows, columns)
        else:
            low = -(1 << operand.width - 1) if operand.signed else 0
            a, b = (generator.integers(low, low + (1 << operand.width), size, np.int64) for size in (columns, rows))
            yield Block(a.astype(np.int32), b.astype(np.int32))


def _float_block(generator: np.random.Generator, number: int, rows: int, columns: int) -> Block:
    kind = number % 4
    if kind == 0:
        a, b = (_floats(generator, generator.integers(107, 147, size)) for size in (columns, rows))
    elif kind == 1:
        a, b = (generator.integers(0, 1 << 32, size, dtype=np.uint32) for size in (columns, rows))
    else:
        exponent = int(generator.integers(1, 255))
        edge = generator.choice(np.array(_EDGES), columns)
        others = edge - exponent + 127 if kind == 2 else edge + exponent - 127
        a = _floats(generator, np.clip(others, 1, 254))
        b = _floats(generator, np.full(rows, exponent))
    return Block(a.view(np.float32), b.view(np.float32))


def _floats(generator: np.random.Generator, exponents: NDArray[np.int64]) -> Bits:
    low = generator.integers(0, 1 << 23, len(exponents), dtype=np.uint32)
    sign = generator.integers(0, 2, len(exponents), dtype=np.uint32)
    return (sign << np.uint32(31)) | (exponents.astype(np.uint32) << np.uint32(23)) | low
