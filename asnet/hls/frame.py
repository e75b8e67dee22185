"""The words of an image, or of its results, as they go through a design's stream: one memory after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from asnet.hls.wires import number_bits
from asnet.ir import Memory

__all__ = ["Frame", "frame_of"]


@dataclass(frozen=True)
class Frame:
    """``bases``: name of a memory → number of its first word; ``words``: of all memories together."""

    bases: Mapping[str, int]
    words: int

    @property
    def bits(self) -> int:
        """Bits of a word's number."""
        return number_bits(self.words)

    def span(self, memory: Memory) -> tuple[int, int]:
        """The numbers of the memory's first word, and of the one behind its last."""
        base = self.bases[memory.name]
        return base, base + memory.size

    def within(self, memory: Memory, number: str) -> list[str]:
        """What holds where the signal ``number`` is that of a word of ``memory``: comparisons, none if it always is."""
        base, end = self.span(memory)
        tests = [f"{number} >= {self.bits}'d{base}"] if base else []
        return [*tests, f"{number} < {self.bits}'d{end}"] if end < self.words else tests


def frame_of(memories: Iterable[Memory]) -> Frame:
    """The frame in which the words of ``memories`` follow one another."""
    bases: dict[str, int] = {}
    words = 0
    for memory in memories:
        bases[memory.name] = words
        words += memory.size
    return Frame(bases, words)
