"""Deep ROMs as lines of several words: a line is read and kept in a register, a cycle later one of its words is chosen.

A block RAM takes most of a cycle. Where one is not deep enough, several stand one below the other, and what chooses
between them does not fit behind them; a line is as wide as it takes to need none below.
"""

from __future__ import annotations

from asnet.hls.delays import budget_ns, choice_ns, read_ns
from asnet.hls.storage.tiles import TiledMemory
from asnet.ir import Memory, MemoryKind

__all__ = ["line_bits"]

_DEEPEST = 2048
"""Words of a block RAM of the shape that yosys finds cheap for wide memories."""

_MOST = 3
"""Bits of a place in a line at most: registers are as wide as lines."""


def line_bits(memory: Memory, clock: float | None) -> int:
    """Bits of a word's place in a line of ``memory`` at ``clock`` MHz; 0: lines are words, which come a cycle after
    their address, else two cycles."""
    if memory.kind is not MemoryKind.CONSTANT or isinstance(memory, TiledMemory) or memory.size <= _DEEPEST:
        return 0
    if clock is None or read_ns() + choice_ns(2) <= budget_ns(clock):
        return 0
    return min(_MOST, ((memory.size - 1) // _DEEPEST).bit_length())
