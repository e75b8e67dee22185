"""Area as a value."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Area"]


@dataclass(frozen=True)
class Area:
    """LUT4s, flip-flops, DSP blocks, block RAMs of 18 kbit.

    A carry cell is two LUT4s, distributed RAM of 16 x 4 bits four.
    """

    luts: float = 0
    ffs: float = 0
    dsps: float = 0
    brams: float = 0

    def __add__(self, other: Area) -> Area:
        """Both together."""
        return Area(self.luts + other.luts, self.ffs + other.ffs, self.dsps + other.dsps, self.brams + other.brams)
