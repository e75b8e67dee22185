"""The hardware compiler's own form of one layer: blocks of operations on bit vectors and memories.

What LLVM IR has and hardware does not is gone: pointers are (memory, element index) pairs, types are widths, casts
without effect are names of their operand. Values keep their LLVM names; every operation keeps its source line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from asnet.errors import SynthesisError
from asnet.ir import Memory

__all__ = ["Block", "Branch", "Constant", "Kernel", "Operand", "Operation", "Phi", "fault", "signed"]


@dataclass(frozen=True)
class Constant:
    """A literal: the low ``width`` bits, unsigned."""

    bits: int
    width: int


Operand: TypeAlias = "str | Constant"
"""The name of a value (an operation's or a phi's result), or a literal."""


def signed(bits: int, width: int) -> int:
    """The two's complement value of the low ``width`` bits."""
    bits &= (1 << width) - 1
    return bits - (1 << width) if bits >> (width - 1) else bits


def fault(layer: str, source: str, problem: str) -> SynthesisError:
    """The error for an instruction of a layer."""
    return SynthesisError(f"layer {layer!r}: {problem}: `{source.strip()}`")


@dataclass(frozen=True)
class Operation:
    """One operation. ``op`` is LLVM's opcode (``call``: of a slot symbol); ``detail`` what the opcode needs besides.

    ``detail``: the predicate of ``icmp``/``fcmp``, the symbol of ``call``, the memory's name of ``load`` (operands:
    index) and ``store`` (operands: index, value). ``width`` is the result's, 0 if there is none. ``widths`` are the
    operands'.
    """

    name: str
    op: str
    operands: tuple[Operand, ...]
    width: int
    widths: tuple[int, ...]
    source: str
    detail: str = ""

    @property
    def is_memory(self) -> bool:
        """Whether it reads or writes a memory."""
        return self.op in ("load", "store")

    def moved(self, places: Mapping[str, Memory]) -> Operation:
        """The same on another memory, if ``places`` names its."""
        there = self.is_memory and self.detail in places
        return replace(self, detail=places[self.detail].name) if there else self


@dataclass(frozen=True)
class Phi:
    """A value that depends on the block the control came from: predecessor's name → operand."""

    name: str
    width: int
    incoming: Mapping[str, Operand]
    source: str


@dataclass(frozen=True)
class Branch:
    """How a block ends: no target = return, one = jump, two = on ``condition`` (first if it is 1)."""

    targets: tuple[str, ...] = ()
    condition: Operand | None = None
    source: str = ""


@dataclass(frozen=True)
class Block:
    """A basic block."""

    name: str
    phis: tuple[Phi, ...]
    operations: tuple[Operation, ...]
    branch: Branch

    def outgoing(self, successor: Block) -> Iterator[tuple[Phi, Operand]]:
        """The phis of ``successor`` and what they take when control comes from here."""
        for phi in successor.phis:
            yield phi, phi.incoming[self.name]


@dataclass(frozen=True)
class Kernel:
    """One layer: its blocks (the first is the entry; control starts there) over its memories."""

    layer: str
    blocks: tuple[Block, ...]
    memories: tuple[Memory, ...]

    @cached_property
    def block(self) -> Mapping[str, Block]:
        """Name → block."""
        return {block.name: block for block in self.blocks}

    @cached_property
    def operation(self) -> Mapping[str, Operation]:
        """Name → operation."""
        return {operation.name: operation for block in self.blocks for operation in block.operations}

    @cached_property
    def phi(self) -> Mapping[str, Phi]:
        """Name → phi."""
        return {phi.name: phi for block in self.blocks for phi in block.phis}

    @cached_property
    def home(self) -> Mapping[str, str]:
        """Value → name of the block that defines it."""
        return {item.name: block.name for block in self.blocks for item in (*block.phis, *block.operations)}

    @cached_property
    def memory(self) -> Mapping[str, Memory]:
        """Name → memory."""
        return {memory.name: memory for memory in self.memories}

    def moved(self, places: Mapping[str, Memory]) -> Kernel:
        """The same with other memories in the place of those that ``places`` names."""
        blocks = tuple(
            replace(block, operations=tuple(operation.moved(places) for operation in block.operations))
            for block in self.blocks
        )
        return replace(self, blocks=blocks, memories=tuple(places.get(m.name, m) for m in self.memories))

    def predecessors(self, name: str) -> tuple[Block, ...]:
        """The blocks that may jump to block ``name``."""
        return tuple(block for block in self.blocks if name in block.branch.targets)

    def width(self, operand: Operand) -> int:
        """Bits of a value in the source's type."""
        if isinstance(operand, Constant):
            return operand.width
        found = self.operation.get(operand)
        return found.width if found is not None else self.phi[operand].width

    def error(self, source: str, problem: str) -> SynthesisError:
        """The error for an instruction of this layer."""
        return fault(self.layer, source, problem)
