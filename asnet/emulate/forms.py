"""The door for the forms of a slot's symbol: what stands behind ``@asnet.<op>.<slot>`` when a network runs.

How to write a form: a class with the members of :class:`Form`. Its ``definition`` is LLVM IR text, one for all slots of
an op and operand type; what changes from slot to slot and from configuration to configuration is a row of numbers per
slot, which the definition loads from the table ``@<table>``. A form other than the golden one must equal the golden
model bit for bit (NaNs as a class) for every instance that it serves, and says how that was established.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from asnet.ir import Slot
from asnet.types import FloatMode, OperandType, operand_type
from asnet.units import UnitInstance

__all__ = ["Form", "attributes", "llvm_type", "load"]


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
        """Numbers (64 bits each) in a slot's row."""
        ...

    @property
    def symbols(self) -> Mapping[str, int]:
        """What the definitions call: name → address."""
        ...

    def serves(self, slot: Slot, instance: UnitInstance | None) -> bool:
        """Whether it computes ``instance`` (None: exact) in ``slot``."""
        ...

    def row(self, slot: Slot, instance: UnitInstance | None) -> tuple[int, ...]:
        """The row that makes the slot compute ``instance``; numbers of 0 to 2⁶⁴ - 1."""
        ...

    def declarations(self) -> str:
        """LLVM IR that all definitions share, the table left out."""
        ...

    def definition(self, name: str, op: str, type: str, lanes: int = 1, part: str = "whole") -> str:  # noqa: A002
        """LLVM IR of the function ``name(a, b, i64 row)``: ``op`` on operands of ``type``, as row ``row`` says.

        The operands are vectors of ``lanes``, if they are more than 1. A ``part`` other than the whole (of
        :data:`asnet.ir.PARTS`) lets packing do what can be done with one operand alone.
        """
        ...


def llvm_type(kind: str, lanes: int = 1) -> str:
    """LLVM type of an operand of type ``kind``, or of ``lanes`` of them; integers travel as i32."""
    single = "float" if operand_type(kind).is_float else "i32"
    return single if lanes == 1 else f"<{lanes} x {single}>"


def attributes(mode: FloatMode, operand: OperandType) -> str:
    """Attributes of a definition: small, always inlined, constants folded in ``mode``."""
    flush = mode is FloatMode.FTZ and operand.is_float
    return "alwaysinline nounwind" + (' "denormal-fp-math"="preserve-sign,preserve-sign"' if flush else "")


def load(name: str, table: str, columns: int, column: int, lanes: int = 1) -> list[str]:
    """LLVM IR that loads one number of row ``%row`` of a table as the i32 ``%<name>``, into each of ``lanes``."""
    single, kind = name if lanes == 1 else f"{name}.one", llvm_type("i32", lanes)
    lines = [
        f"  %{name}.place = getelementptr inbounds [{columns} x i64], ptr @{table}, i64 %row, i64 {column}",
        f"  %{name}.number = load i64, ptr %{name}.place",
        f"  %{single} = trunc i64 %{name}.number to i32",
    ]
    if lanes > 1:
        lines += [
            f"  %{name}.first = insertelement {kind} poison, i32 %{single}, i64 0",
            f"  %{name} = shufflevector {kind} %{name}.first, {kind} poison, {kind} zeroinitializer",
        ]
    return lines
