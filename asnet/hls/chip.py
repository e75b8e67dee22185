"""Area as a value, and what devices offer of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

__all__ = ["DEVICES", "Area"]


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

    def __sub__(self, other: Area) -> Area:
        """This without the other."""
        return self + other * -1

    def __mul__(self, count: int) -> Area:
        """So many of them."""
        return Area(self.luts * count, self.ffs * count, self.dsps * count, self.brams * count)

    def fits(self, budget: Area) -> bool:
        """Whether it takes no more of anything than ``budget``."""
        return all(mine <= offered for mine, offered in zip(astuple(self), astuple(budget), strict=True))

    def __str__(self) -> str:
        return f"{self.luts:,.0f} LUT4, {self.ffs:,.0f} FF, {self.dsps:,.0f} DSP, {self.brams:,.0f} block RAM"


_USABLE = 0.85
"""The part of a device's LUTs and registers that can be placed and routed without trouble."""


def _device(cells: int, dsps: int, brams: int) -> Area:
    """A chip of so many cells, a LUT4 and a register each."""
    return Area(int(cells * _USABLE), int(cells * _USABLE), dsps, brams)


DEVICES: Mapping[str, Area] = {
    "ecp5-25k": _device(24_288, 28, 56),
    "ecp5-45k": _device(43_848, 72, 108),
    "ecp5-85k": _device(83_640, 156, 208),
}
"""Device → what a design may take of it."""
