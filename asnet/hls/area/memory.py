"""Area of memories on the ECP5: which become block RAM, distributed RAM or logic, by yosys' own prices."""

from __future__ import annotations

from asnet.hls.chip import Area
from asnet.hls.storage import MemoryCost, deep_cost, memory_cost, switch_luts

__all__ = ["bank_area", "ram_area", "rom_area"]


def ram_area(width: int, depth: int, reads: int = 1, *, deep: bool = False) -> Area:
    """A RAM of one write port."""
    return _area((deep_cost if deep else memory_cost)(width, depth, reads=reads))


def bank_area(width: int, depth: int, reads: int, banks: int, *, late: bool = False) -> Area:
    """A RAM in banks, and what lies between them and its read ports; ``late``: registers before and behind
    the banks."""
    address, select = (depth - 1).bit_length(), (banks - 1).bit_length()
    rows = -(-depth // banks)
    bank = ram_area(width, rows)
    words = width if bank.brams else (banks + 1) * width
    kept = Area(ffs=(reads + 1) * address + words + reads * select + 1) if late else Area()
    return bank * banks + Area(switch_luts(width, depth, reads, banks)) + kept


def rom_area(width: int, depth: int, reads: int = 1, *, deep: bool = False) -> Area:
    """Constants; those that become logic have about as many LUTs as random ones."""
    return _area((deep_cost if deep else memory_cost)(width, depth, reads=reads, writable=False))


def _area(cost: MemoryCost) -> Area:
    return Area(luts=cost.all_luts, ffs=cost.ffs, brams=cost.blocks)
