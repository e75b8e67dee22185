"""What a memory costs on a Lattice ECP5: block RAMs, distributed RAM and LUTs, as yosys maps it.

The choice between them, and the number of cells of either, is that of yosys' ``memory_libmap`` with its libraries for
this family (``lattice/brams_16kd.txt``, ``lattice/lutrams_trellis.txt``), recomputed: every shape of every kind of cell
has a cost in their units, the cheapest is taken. LUTs around the cells are estimates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["MemoryCost", "memory_cost", "multiplexer", "words_of"]

_BLOCK_COST = 128
_CELL_COST = 4
_CELL_WORDS = 16
_CELL_BITS = 4
_CELL_LUTS = 4
_ROM_LUT_BITS = 16
"""Bits of a constant memory that cost as much as one unit, made of LUTs."""

_SHAPES = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36))
"""(words, bits) of a block RAM; the last needs a port for reading and one for writing."""

_BYTE = 9
"""Bits that a block RAM's byte enable covers."""

_NARROWEST_TO_WRITE = 9
"""Narrower than this no block with 36 bits is written."""

_FEW_BLOCKS = range(513, 4097)
"""Depths that ``asnet_ram`` and ``asnet_rom`` raise to a power of two."""


@dataclass(frozen=True)
class MemoryCost:
    """Cells of a memory. ``blocks``: 18-kbit block RAMs; ``cells``: distributed RAMs of 16 words of 4 bits.

    ``luts``: LUT4s that choose among them, or hold constants (an estimate); ``ffs``: registers at the outputs.
    """

    blocks: int = 0
    cells: int = 0
    luts: int = 0
    ffs: int = 0

    @property
    def all_luts(self) -> int:
        """LUT4s, those that distributed RAMs occupy among them."""
        return self.luts + _CELL_LUTS * self.cells

    def __add__(self, other: MemoryCost) -> MemoryCost:
        """Both together."""
        return MemoryCost(
            self.blocks + other.blocks, self.cells + other.cells, self.luts + other.luts, self.ffs + other.ffs
        )

    def __mul__(self, count: int) -> MemoryCost:
        """So many of them."""
        return MemoryCost(self.blocks * count, self.cells * count, self.luts * count, self.ffs * count)


def memory_cost(width: int, depth: int, *, reads: int = 1, writable: bool = True) -> MemoryCost:
    """What a memory of ``depth`` words of ``width`` bits costs.

    Args:
        width: bits of a word.
        depth: words.
        reads: read ports; a copy of a memory that is written has one, a block RAM of constants has two.
        writable: it has a write port; else it holds constants.
    """
    depth = words_of(depth)
    blocks, block_cost = min(_block_options(width, depth, reads, writable=writable), key=lambda option: option[1])
    rows = -(-depth // _CELL_WORDS)
    if not writable:
        if block_cost < int(width * depth / _ROM_LUT_BITS):
            return MemoryCost(blocks=blocks)
        each = 1.0 if depth <= _CELL_WORDS else 3.2 if depth <= 2 * _CELL_WORDS else depth / 8  # random bits: measured
        return MemoryCost(luts=round(reads * width * each), ffs=reads * width)
    cells = rows * -(-width // _CELL_BITS)
    spread = rows if rows > 1 else 0
    cell_cost = _CELL_COST * cells * reads + ((rows - 1) * width * reads + spread) / 2 + 2 * reads
    logic = width * depth
    if min(cell_cost, block_cost) >= logic:
        return MemoryCost(luts=width * (depth // 2 + reads * multiplexer(depth)), ffs=logic + reads * width)
    if block_cost < cell_cost:
        return MemoryCost(blocks=blocks)
    return MemoryCost(cells=cells * reads, luts=reads * width * multiplexer(rows) + spread, ffs=reads * width)


def _block_options(width: int, depth: int, reads: int, *, writable: bool) -> Iterator[tuple[int, float]]:
    """(block RAMs, cost) of each kind and shape of block RAM; the first of the cheapest is taken."""
    for wide in (False, True):
        ports = 1 if wide or writable else 2
        copies = -(-reads // ports)
        for words, bits in _SHAPES if wide else _SHAPES[:-1]:
            if wide and writable and bits < _NARROWEST_TO_WRITE:
                continue
            rows = -(-depth // words)
            byte = min(_BYTE, bits) if writable else 1
            stored = rows * -(-width // byte) * byte
            blocks = -(-stored // bits) * copies
            spread = rows if writable and rows > 1 else 0
            yield blocks, _BLOCK_COST * blocks + ((rows - 1) * width * reads + spread) / 2 + 2 * reads


def words_of(depth: int) -> int:
    """The words that a memory has of which ``depth`` are needed."""
    return 1 << (depth - 1).bit_length() if depth in _FEW_BLOCKS else depth


def multiplexer(ways: int) -> int:
    """LUT4s that choose one of ``ways`` bits: two for four of them."""
    luts = 0
    while ways > 1:
        whole, rest = divmod(ways, 4)
        luts += 2 * whole + max(0, rest - 1)
        ways = whole + (rest > 0)
    return luts
