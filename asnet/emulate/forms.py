"""The door for the forms of a slot's symbol: what stands behind ``@asnet.<op>.<slot>`` when a network runs.

How to write a form: a class with the members of :class:`Form`. Its ``definition`` is LLVM IR text that never changes
from configuration to configuration; what does change is a row of numbers per slot, which the definition loads from the
table ``@<table>``. A form other than the golden one must equal the golden model bit for bit (NaNs as a class) for every
instance that it serves, and says how that was established.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from asnet.ir import Slot
from asnet.types import FloatMode, OperandType, operand_type
from asnet.units import UnitInstance

__all__ = ["Form", "attributes", "entry", "function", "llvm_type"]


class Form(Protocol):
    """One way to compute a slot's operation."""

    @property
    def kind(self) -> str:
        """Its name, as in ``--backend`` and in reports."""
        ...

    @property
    def table(self) -> str:
        """Name of the global that holds its rows."""
        ...

    @property
    def columns(self) -> int:
        """Numbers (32 bits each) in a slot's row."""
        ...

    @property
    def symbols(self) -> Mapping[str, int]:
        """What the definitions call: name → address."""
        ...

    def serves(self, slot: Slot, instance: UnitInstance | None) -> bool:
        """Whether it computes ``instance`` (None: exact) in ``slot``."""
        ...

    def row(self, slot: Slot, instance: UnitInstance | None) -> tuple[int, ...]:
        """The row that makes the slot compute ``instance``; numbers of 0 to 2³² - 1."""
        ...

    def declarations(self) -> str:
        """LLVM IR that all definitions share, the table left out."""
        ...

    def definition(self, slot: Slot, index: int, slots: int) -> str:
        """LLVM IR that defines ``slot.symbol``, the ``index``-th of ``slots`` rows being its own."""
        ...


def function(slot: Slot) -> str:
    """The slot's symbol as LLVM IR writes it; layer names may hold anything."""
    escaped = slot.symbol.replace("\\", r"\5C").replace('"', r"\22")
    return f'@"{escaped}"'


def llvm_type(kind: str) -> str:
    """LLVM type of an operand of type ``kind``; integers travel as i32."""
    return "float" if operand_type(kind).is_float else "i32"


def attributes(mode: FloatMode, operand: OperandType) -> str:
    """Attributes of a definition: small, always inlined, constants folded in ``mode``."""
    flush = mode is FloatMode.FTZ and operand.is_float
    return "alwaysinline nounwind" + (' "denormal-fp-math"="preserve-sign,preserve-sign"' if flush else "")


def entry(table: str, columns: int, index: int, slots: int, column: int) -> str:
    """LLVM IR of the address of one number in a table."""
    return f"getelementptr inbounds ([{slots * columns} x i32], ptr @{table}, i64 0, i64 {index * columns + column})"
