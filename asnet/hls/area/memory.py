"""Area of memories on the ECP5: which become block RAM, distributed RAM or logic, by yosys' own prices."""

from __future__ import annotations

from asnet.hls.chip import Area
from asnet.hls.storage import MemoryCost, memory_cost, multiplexer, switch_luts

__all__ = ["bank_area", "ram_area", "rom_area"]


def ram_area(width: int, depth: int) -> Area:
    """A RAM of one read port and one write port."""
    return _area(memory_cost(width, depth))


def bank_area(width: int, depth: int, reads: int, banks: int) -> Area:
    """A RAM in banks, and what lies between them and its read ports."""
    return ram_area(width, -(-depth // banks)) * banks + Area(switch_luts(width, depth, reads, banks))


def rom_area(width: int, depth: int, reads: int = 1, line: int = 0) -> Area:
    """Constants; those that become logic have about as many LUTs as random ones. ``line``: bits of a word's place in a
    line."""
    words = _area(memory_cost(width << line, -(-depth >> line), reads=reads, writable=False))
    if not line:
        return words
    kept = (width << line) + 2 * line
    return words + Area(luts=width * multiplexer(1 << line), ffs=kept) * reads


def _area(cost: MemoryCost) -> Area:
    return Area(luts=cost.all_luts, ffs=cost.ffs, brams=cost.blocks)
