"""The memories of a design: RAMs for what a run writes, ROMs for constants, and the ROMs' contents as hex files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asnet.hls.module import LayerModule
from asnet.hls.names import Names
from asnet.hls.ranges import address_bits
from asnet.hls.storage import is_deep, row_sizes, words_of
from asnet.ir import Memory, MemoryKind, Module
from asnet.types import Array

__all__ = ["DesignMemory", "design_memories", "rom_files", "scratch_memories", "used_memories"]


@dataclass(frozen=True)
class DesignMemory:
    """A memory as hardware: ``name`` in Verilog; ``select`` its number at the memory interface, -1 for a ROM;
    ``is_deep``: it is made of rows, see :func:`asnet.hls.storage.is_deep`."""

    memory: Memory
    name: str
    select: int
    is_deep: bool

    @property
    def is_rom(self) -> bool:
        """Whether its contents are constants."""
        return self.memory.kind is MemoryKind.CONSTANT

    @property
    def width(self) -> int:
        """Bits of a word."""
        return self.memory.element_bytes * 8

    @property
    def address_bits(self) -> int:
        """Bits of an address."""
        return address_bits(self.memory)

    @property
    def contents(self) -> str:
        """The Verilog of the path of a ROM's contents, without its ending; empty of a RAM."""
        return f'{{`ASNET_ROM_DIR, "/{self.name}"}}' if self.is_rom else ""


def scratch_memories(module: Module) -> frozenset[str]:
    """The memories that only one layer accesses, and nobody asks for after a run."""
    users = Counter(name for call in module.calls for name in call.arguments)
    kinds = {name: memory.kind for name, memory in module.memories.items()}
    return frozenset(name for name, kind in kinds.items() if kind is MemoryKind.ACTIVATION and users[name] == 1)


def used_memories(module: Module, layers: Sequence[LayerModule]) -> list[Memory]:
    """The memories on the chip that one of ``layers`` touches, and all inputs and outputs."""
    ends = (MemoryKind.INPUT, MemoryKind.OUTPUT)
    touched = {port.memory.name: port.memory for layer in layers for port in layer.on_chip}
    return [
        memory for memory in (dict(module.memories) | touched).values() if memory.name in touched or memory.kind in ends
    ]


def design_memories(
    used: Sequence[Memory], names: Names, suffixes: Sequence[str], clock: float | None
) -> tuple[DesignMemory, ...]:
    """The memories of a design for ``clock`` MHz, inputs first, then outputs, activations and constants, each in the
    order given.

    ``suffixes``: of the signals that are named after a memory.
    """
    order = (MemoryKind.INPUT, MemoryKind.OUTPUT, MemoryKind.ACTIVATION, MemoryKind.CONSTANT)
    ordered = sorted(used, key=lambda memory: order.index(memory.kind))
    return tuple(
        DesignMemory(
            memory,
            names.fresh(memory.name, suffixes),
            -1 if memory.kind is MemoryKind.CONSTANT else number,
            is_deep(memory, clock),
        )
        for number, memory in enumerate(ordered)
    )


def rom_files(memory: DesignMemory, constants: Mapping[str, Array]) -> dict[str, str]:
    """The contents of a ROM, or of each of its rows, for ``$readmemh``: path in the design → a word a line, zeros up to
    the words that the memory has. Words may be of any number of bytes."""
    shape = memory.memory.size, memory.memory.element_bytes
    words = np.ascontiguousarray(constants[memory.memory.name]).reshape(-1).view(np.uint8).reshape(shape)[:, ::-1]
    if not memory.is_deep:
        return {f"rom/{memory.name}.hex": _lines(words)}
    files: dict[str, str] = {}
    first = 0
    for number, size in enumerate(row_sizes(memory.width, len(words), writable=False)):
        if size:
            files[f"rom/{memory.name}_{number:02}.hex"] = _lines(words[first : first + size])
            first += size
    return files


def _lines(words: NDArray[np.uint8]) -> str:
    zeros = f"{0:0{2 * words.shape[1]}x}\n" * (words_of(len(words)) - len(words))
    return "".join(f"{word.tobytes().hex()}\n" for word in words) + zeros
