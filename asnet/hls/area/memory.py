"""Area of memories on the ECP5: which become block RAM, distributed RAM or logic, by yosys' own prices."""

from __future__ import annotations

from asnet.hls.area.model import Area

__all__ = ["ram_area", "rom_area"]

_SHAPES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
"""Bits and words of a block RAM."""
_BLOCK = 128
"""Price of a block RAM; one of 16 x 4 bits distributed RAM costs 4, 16 bits of logic cost 1."""


def _blocks(width: int, depth: int) -> int:
    return min(-(-width // bits) * -(-depth // words) for bits, words in _SHAPES)


def ram_area(width: int, depth: int) -> Area:
    """A RAM of one read port and one write port."""
    rows = -(-depth // 16)
    small = -(-width // 4) * rows
    blocks = _blocks(width, depth)
    if 4 * small >= _BLOCK * blocks:
        return Area(brams=blocks)
    return Area(luts=4 * small + (width + 2) * (rows - 1), ffs=width)


def rom_area(width: int, depth: int) -> Area:
    """Constants; those that become logic have about as many LUTs as random ones."""
    blocks = _blocks(width, depth)
    if width * depth > 16 * _BLOCK * blocks:
        return Area(brams=blocks)
    each = 1.0 if depth <= 16 else 3.2 if depth <= 32 else depth / 8
    return Area(luts=each * width, ffs=width)
