"""The form for products one by one: an entry of the unit's table is loaded."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.emulate.analysis import operand_values
from asnet.emulate.forms import attributes, llvm_type
from asnet.emulate.row_table.form import Tables
from asnet.emulate.row_table.packed import WIDEST
from asnet.ir import Slot
from asnet.types import AnyArray, FloatMode, operand_type
from asnet.units import UnitInstance

__all__ = ["TableEntry"]

_EXACT = {"mul": np.multiply, "add": np.add, "sub": np.subtract}


class TableEntry:
    """Loads ``table[a, b]`` of integer units of at most 8 x 8 bits, and of exact operations on such operands.

    A slot's row is the address of its table. ``tables`` says what units compute.
    """

    kind = "table"
    table = "asnet.tables"
    columns = 1
    symbols: Mapping[str, int] = {}

    def __init__(self, tables: Tables, mode: FloatMode) -> None:
        self._tables = tables
        self._mode = mode
        self._known: dict[tuple[str, str, str], AnyArray] = {}

    def serves(self, slot: Slot, instance: UnitInstance | None) -> bool:
        """Scalar sites of small integers, exact or of a unit that has a table."""
        operand = operand_type(slot.type)
        if operand.is_float or operand.width > WIDEST or slot.op not in _EXACT:
            return False
        return instance is None or (
            (instance.op, instance.type.name) == (slot.op, slot.type) and self._tables(instance) is not None
        )

    def row(self, slot: Slot, instance: UnitInstance | None) -> tuple[int, ...]:
        """Where the table is; this object keeps it."""
        key = slot.op, slot.type, "" if instance is None else instance.digest
        if key not in self._known:
            found = _exact(slot) if instance is None else self._tables(instance)
            assert found is not None, "asked for a unit that the form does not serve"
            self._known[key] = np.ascontiguousarray(found, np.int32)
        return (self._known[key].ctypes.data,)

    def declarations(self) -> str:
        """Nothing."""
        return ""

    def definition(self, name: str, op: str, type: str, lanes: int = 1, part: str = "whole") -> str:  # noqa: A002
        """Load the table's address, then the entry of each lane. Nothing is done with one operand alone."""
        operand, kind = operand_type(type), llvm_type(type, lanes)
        head = f'define {kind} @"{name}"({kind} %a, {kind} %b, i64 %row) {attributes(self._mode, operand)} {{'
        if part in {"a", "b"}:
            return "\n".join([head, f"  ret {kind} %a", "}"])
        body = [
            f"  %place = getelementptr inbounds [1 x i64], ptr @{self.table}, i64 %row, i64 0",
            "  %entries = load ptr, ptr %place",
            *(_lane(operand.width, 0, "%a", "%b") if lanes == 1 else _lanes(operand.width, lanes)),
        ]
        result = "%y.0" if lanes == 1 else f"%v.{lanes - 1}"
        return "\n".join([head, *body, f"  ret {kind} {result}", "}"])


def _exact(slot: Slot) -> AnyArray:
    values = operand_values(operand_type(slot.type))
    return np.asarray(_EXACT[slot.op].outer(values, values), np.int32)


def _lanes(width: int, lanes: int) -> list[str]:
    lines: list[str] = []
    for lane in range(lanes):
        before = f"%v.{lane - 1}" if lane else "poison"
        lines += [
            *(f"  %{side}.{lane} = extractelement <{lanes} x i32> %{side}, i64 {lane}" for side in "ab"),
            *_lane(width, lane, f"%a.{lane}", f"%b.{lane}"),
            f"  %v.{lane} = insertelement <{lanes} x i32> {before}, i32 %y.{lane}, i64 {lane}",
        ]
    return lines


def _lane(width: int, lane: int, a: str, b: str) -> list[str]:
    """The entry ``%y.<lane>`` at the bit patterns of ``a`` and ``b``."""
    mask = (1 << width) - 1
    return [
        f"  %a.bits.{lane} = and i32 {a}, {mask}",
        f"  %b.bits.{lane} = and i32 {b}, {mask}",
        f"  %line.{lane} = shl i32 %a.bits.{lane}, {width}",
        f"  %index.{lane} = or i32 %line.{lane}, %b.bits.{lane}",
        f"  %index.wide.{lane} = zext i32 %index.{lane} to i64",
        f"  %entry.{lane} = getelementptr inbounds i32, ptr %entries, i64 %index.wide.{lane}",
        f"  %y.{lane} = load i32, ptr %entry.{lane}",
    ]
