"""The memories of a design: RAMs for what a run writes, ROMs for constants, and the ROMs' contents as hex files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asnet.hls.module import LayerModule
from asnet.hls.names import Names
from asnet.hls.ranges import address_bits
from asnet.hls.storage import line_bits
from asnet.ir import Memory, MemoryKind, Module
from asnet.types import Array

__all__ = ["DesignMemory", "design_memories", "hex_text", "scratch_memories", "used_memories"]


@dataclass(frozen=True)
class DesignMemory:
    """A memory as hardware: ``name`` in Verilog; ``select`` its number at the memory interface, -1 for a ROM.

    ``line_bits``: bits of a word's place in a line, see :func:`asnet.hls.storage.line_bits`.
    """

    memory: Memory
    name: str
    select: int
    line_bits: int = 0

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
    def hex_file(self) -> str:
        """Path of a ROM's contents in the design."""
        return f"rom/{self.name}.hex"


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
    """The memories of a design, inputs first, then outputs, activations and constants, each in the order given.

    ``suffixes``: of the signals that are named after a memory; ``clock`` in MHz.
    """
    order = (MemoryKind.INPUT, MemoryKind.OUTPUT, MemoryKind.ACTIVATION, MemoryKind.CONSTANT)
    ordered = sorted(used, key=lambda memory: order.index(memory.kind))
    return tuple(
        DesignMemory(
            memory,
            names.fresh(memory.name, suffixes),
            -1 if memory.kind is MemoryKind.CONSTANT else number,
            line_bits(memory, clock),
        )
        for number, memory in enumerate(ordered)
    )


def hex_text(memory: DesignMemory, constants: Mapping[str, Array]) -> str:
    """The contents of a ROM for ``$readmemh``, a line after the other; words may be of any number of bytes."""
    shape = memory.memory.size, memory.memory.element_bytes
    rows = np.ascontiguousarray(constants[memory.memory.name]).reshape(-1).view(np.uint8).reshape(shape)
    lines = np.zeros((-(-len(rows) >> memory.line_bits) << memory.line_bits, rows.shape[1]), np.uint8)
    lines[: len(rows)] = rows
    lines = lines.reshape(-1, rows.shape[1] << memory.line_bits)
    return "".join(f"{line.tobytes().hex()}\n" for line in lines[:, ::-1])
