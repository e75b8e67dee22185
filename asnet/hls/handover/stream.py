"""What goes through a design's streams: which words, in which order, of which type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asnet.hls.design import RtlDesign
from asnet.hls.memories import DesignMemory
from asnet.ir import MemoryKind
from asnet.types import Array

__all__ = ["Part", "frames", "parts"]


@dataclass(frozen=True)
class Part:
    """A part of a frame: the words of one input or output of the network."""

    name: str
    words: int
    width: int
    is_float: bool
    shape: str


def parts(design: RtlDesign, kind: MemoryKind) -> tuple[Part, ...]:
    """The parts of a frame of inputs or of outputs, in the order in which they come."""
    return tuple(
        Part(
            memory.memory.name,
            memory.memory.size,
            memory.width,
            memory.memory.element == "float",
            "x".join(str(extent) for extent in memory.memory.shape) or "1",
        )
        for memory in _memories(design, kind)
    )


def frames(design: RtlDesign, kind: MemoryKind, values: Mapping[str, Array], images: int) -> str:
    """The frames of the first ``images`` images as hexadecimal words, one a line."""
    columns = [_words(memory, values[memory.memory.name][:images]) for memory in _memories(design, kind)]
    return "".join(f"{word}\n" for row in zip(*columns, strict=True) for column in row for word in column)


def _memories(design: RtlDesign, kind: MemoryKind) -> list[DesignMemory]:
    return [memory for memory in design.memories if memory.memory.kind is kind]


def _words(memory: DesignMemory, values: Array) -> Sequence[list[str]]:
    """Per image the words, each with the digits of the memory's own width."""
    element = np.dtype(np.float32) if memory.memory.element == "float" else np.dtype(f"i{memory.memory.element_bytes}")
    array = np.ascontiguousarray(values, dtype=element)
    words = array.reshape(len(array), -1).view(f"u{memory.memory.element_bytes}")
    digits = memory.width // 4
    return [[f"{int(word):0{digits}x}" for word in image] for image in words]
