"""Which places of a layer are computed where a module was lowered with samples.

The module calls ``i64 @asnet.place(i64 number, i64 total)`` for the place, 0 to ``total`` - 1, of a sample. The first
and the last place are always among them (numbers 0 and 1); the others follow from a seed, by splitmix64 (Steele, Lea
and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from asnet.ir.jit import Binder

__all__ = ["PLACE_FUNCTION", "Sampler"]

PLACE_FUNCTION: Final = "asnet.place"

_SEED: Final = "asnet.seed"

_DEFINITION: Final = f"""
@{_SEED} = external global i64
define i64 @{PLACE_FUNCTION}(i64 %number, i64 %total) alwaysinline nounwind {{
  %seed = load i64, ptr @{_SEED}
  %step = mul i64 %number, 11400714819323198485
  %state = add i64 %seed, %step
  %high = lshr i64 %state, 30
  %mixed = xor i64 %state, %high
  %spread = mul i64 %mixed, 13787848793156543929
  %middle = lshr i64 %spread, 27
  %again = xor i64 %spread, %middle
  %wide = mul i64 %again, 10723151780598845931
  %low = lshr i64 %wide, 31
  %drawn = xor i64 %wide, %low
  %any = urem i64 %drawn, %total
  %end = sub i64 %total, 1
  %last = icmp eq i64 %number, 1
  %later = select i1 %last, i64 %end, i64 %any
  %first = icmp eq i64 %number, 0
  %place = select i1 %first, i64 0, i64 %later
  ret i64 %place
}}
"""


class Sampler:
    """Places by a ``seed`` (0 to 2⁶⁴ - 1) that may be set between runs."""

    def __init__(self) -> None:
        self._seed = np.zeros(1, np.uint64)

    @property
    def seed(self) -> int:
        """What the next run's places follow from."""
        return int(self._seed[0])

    @seed.setter
    def seed(self, seed: int) -> None:
        self._seed[0] = seed

    def bound(self, binder: Binder) -> Binder:
        """``binder`` for a module that was lowered with samples."""
        symbols = {**binder.symbols, _SEED: self._seed.ctypes.data}
        return replace(binder, text=binder.text + _DEFINITION, symbols=symbols, keep=(binder.keep, self._seed))
