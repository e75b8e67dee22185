"""How the entries of a table are cut into bytes, so that look-ups of bytes give them and bytes can be added first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asnet.emulate.products import aligned
from asnet.types import AnyArray

__all__ = ["ROWS", "Cut", "Digit", "Digits", "Rows", "digits_for", "pack", "spread"]

ROWS = 256
"""Rows of a packed table: one for every byte that an operand of at most 8 bits may be."""

_BYTE = 255
_MOST_STEPS = 4


@dataclass(frozen=True)
class Digit:
    """Some bits of an entry, from bit ``shift`` on; ``steps`` of them add up to no more than a byte holds."""

    shift: int
    steps: int


Digits = tuple[Digit, ...]
"""The digits of a table's entries, the lowest first: Σ digit · 2^shift, less what is subtracted from its row."""


@dataclass(frozen=True)
class Cut:
    """The shape of a packed table: rows of ``entries`` bytes for each of ``digits``. Kernels depend on nothing else."""

    entries: int
    digits: Digits

    @property
    def pitch(self) -> int:
        """Bytes of a row."""
        return self.entries * len(self.digits)

    @property
    def group(self) -> int:
        """Steps that kernels unroll."""
        return max(digit.steps for digit in self.digits)


@dataclass(frozen=True, eq=False)
class Rows:
    """A packed table: ``digits[row, digit, entry]`` and what each row's entries are above, ``minima[row]``."""

    digits: AnyArray
    minima: AnyArray


def digits_for(greatest: int) -> Digits:
    """The least number of digits for entries of 0 … ``greatest`` (below 2³²), and of these the evenest."""
    bits = max(1, greatest.bit_length())
    count = -(-bits // 8)
    shifts = [bits * index // count for index in range(count)]
    return tuple(
        Digit(shift, _steps(min(greatest >> shift, (1 << above - shift) - 1)))
        for shift, above in zip(shifts, [*shifts[1:], bits], strict=True)
    )


def _steps(most: int) -> int:
    """How many digits of up to ``most`` a byte holds, as a power of two."""
    steps = 1
    while steps < _MOST_STEPS and 2 * steps * most <= _BYTE:
        steps *= 2
    return steps


def spread(table: AnyArray) -> NDArray[np.int64]:
    """The greatest difference of two entries of each row."""
    return table.max(axis=1).astype(np.int64) - table.min(axis=1)


def pack(table: AnyArray, digits: Digits) -> Rows:
    """``table[row, entry]`` (int32) in ``digits``; rows whose :func:`spread` they do not hold are of no use."""
    least = table.min(axis=1)
    rest = table.astype(np.int64) - least[:, None]
    packed = aligned((len(table), len(digits), table.shape[1]), "uint8")
    tops = [*(digit.shift for digit in digits[1:]), 32]
    for index, (digit, top) in enumerate(zip(digits, tops, strict=True)):
        packed[:, index] = (rest >> digit.shift & (1 << top - digit.shift) - 1).astype(np.uint8)
    minima = aligned((len(table),), "int32")
    minima[:] = least
    return Rows(packed, minima)
