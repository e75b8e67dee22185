"""Deep memories as rows: one below the other, each a power of two of words, with registers before and behind each.

A block RAM takes most of a cycle. Where one is not deep enough, several stand one below the other, and what chooses
between them does not fit behind them; nor are many side by side near to where addresses come from. Of a power of two of
words yosys makes one row of block RAMs side by side, of other numbers many (of 12,544 words of 32 bits 25); so a deep
memory is cut into such powers. Of constants yosys leaves out bits that are always the same, and those that nobody takes
(of the weights of a truncating multiplier), and then may take fewer block RAMs of another shape, with a choice between
them before the register: rows of constants are no deeper than one block RAM of nine bits, as long as few are enough.

The registers behind become the block RAMs' own (``output_registers.py``), which leaves a cycle for the wires; so at
fast clocks memories are made in this way that need no more than a row.
"""

from __future__ import annotations

from asnet.hls.delays import budget_ns, choice_ns, read_ns
from asnet.hls.storage.cost import MemoryCost, memory_cost
from asnet.hls.storage.tiles import TiledMemory
from asnet.ir import Memory, MemoryKind

__all__ = ["DEEPEST", "DEEP_CYCLES", "deep_cost", "is_deep", "late_words", "row_sizes", "tallest"]

DEEPEST = 2048
"""Words of memories that are no deeper than a row."""

DEEP_CYCLES = 3
"""Cycles from an address to the word of a deep memory: to where the rows are, out of its row, to the others' words."""

_SHORTEST = 10
"""Bits of an address in the shortest row but the last."""

_CHOICE = 4
"""Bits of the number of a ROM's rows: from more its word is chosen too late."""

_LATE = (MemoryKind.INPUT, MemoryKind.ACTIVATION, MemoryKind.CONSTANT)
"""What may be deep: outputs are read by the streams, which take a word a cycle after its address."""


def is_deep(memory: Memory, clock: float | None) -> bool:
    """Whether words of ``memory`` come :data:`DEEP_CYCLES` after their address, out of rows; else one.

    Those of memories that are deeper than a row do; and those of block RAMs at a ``clock`` (MHz; None: any) whose cycle
    ends before a word has left a block RAM and come to where it is used.
    """
    if memory.kind not in _LATE or isinstance(memory, TiledMemory):
        return False
    hurried = clock is not None and read_ns() + choice_ns(1) > budget_ns(clock)
    return memory.size > DEEPEST or (hurried and _is_in_blocks(memory))


def _is_in_blocks(memory: Memory) -> bool:
    """Whether the memory becomes block RAMs; one that is written is a buffer of two images."""
    writable = memory.kind is not MemoryKind.CONSTANT
    words = 2 * memory.size if writable else memory.size
    return memory_cost(memory.element_bytes * 8, words, writable=writable).blocks > 0


def tallest(width: int, depth: int, *, writable: bool) -> int:
    """Bits of an address in the tallest row of ``depth`` words of ``width`` bits: block RAMs of 16,384 bits by one
    serve as well as those of 2,048 words of nine bits, or they do not; ROMs (not ``writable``) take the latter."""
    most = 14 if -(-width // 9) * 8 >= width else 11
    return most if writable else min(most, max(11, (depth - 1).bit_length() - _CHOICE))


def row_sizes(width: int, depth: int, *, writable: bool) -> tuple[int, ...]:
    """The words of each row, as ``asnet_ram_deep`` and ``asnet_rom_deep`` cut ``depth`` words; 0: no row."""
    most = tallest(width, depth, writable=writable)
    powers = ((depth >> bits & 1) << bits for bits in range(most - 1, _SHORTEST - 1, -1))
    return (*[1 << most] * (depth >> most), *powers, depth % (1 << _SHORTEST))


def late_words(memory: Memory, clock: float | None, reads: int = 1) -> int:
    """From how many words that of a deep memory with ``reads`` read ports is chosen, behind the registers: one of each
    row, or of each bank of no more than :data:`DEEPEST` words. 0: it is not deep at ``clock``."""
    if not is_deep(memory, clock):
        return 0
    writable = memory.kind is not MemoryKind.CONSTANT
    rows = sum(size > 0 for size in row_sizes(memory.element_bytes * 8, memory.size, writable=writable))
    banks = 1 << (-(-memory.size // DEEPEST) - 1).bit_length() if writable and reads > 1 else 0
    return max(rows, banks)


def deep_cost(width: int, depth: int, *, reads: int = 1, writable: bool = True) -> MemoryCost:
    """What such a memory costs: its rows, the registers behind those that are no block RAMs, and the choice."""
    rows = [size for size in row_sizes(width, depth, writable=writable) if size]
    each = [memory_cost(width, size, reads=reads, writable=writable) for size in rows]
    address, choices = (depth - 1).bit_length(), len(rows) if len(rows) > 1 else 0
    late = sum(not cost.blocks for cost in each)
    chosen = MemoryCost(luts=width * -(-choices // 2), ffs=address + width * late + 2 * choices) * reads
    written = MemoryCost(luts=choices, ffs=address + width + len(rows)) if writable else MemoryCost()
    return sum(each, chosen + written)
