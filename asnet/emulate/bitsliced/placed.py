"""A program whose inputs and outputs have places in memory."""

from __future__ import annotations

from dataclasses import dataclass

from asnet.emulate.bitsliced.program import Program

__all__ = ["Bit", "Place", "Placed"]


@dataclass(frozen=True)
class Place:
    """A vector in memory: ``offset`` vectors behind pointer number ``base`` of the code."""

    base: int
    offset: int


@dataclass(frozen=True)
class Bit:
    """An input that is bit ``bit`` of every 32-bit lane of a vector, in all bits of the lane."""

    word: Place
    bit: int


@dataclass(frozen=True)
class Placed:
    """``program`` with a place for every input and output. An output may take the place of an input: the code writes it
    after the input's last use."""

    program: Program
    inputs: tuple[Place | Bit, ...]
    outputs: tuple[Place, ...]

    @property
    def pointers(self) -> int:
        """How many pointers the code takes."""
        places = [source.word if isinstance(source, Bit) else source for source in self.inputs]
        return 1 + max((place.base for place in (*places, *self.outputs)), default=-1)
