"""The form: any unit of at most 8 x 8 bits by rows of its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from asnet.emulate.kernels import Target, host_target
from asnet.emulate.products import Data, aligned
from asnet.emulate.row_table.digits import ROWS, Cut, digits_for, pack, spread
from asnet.emulate.row_table.plain import plain_kernel
from asnet.emulate.row_table.registers import LANES, registers_kernel
from asnet.emulate.row_table.shuffles import PIECE, differences, shuffles_kernel
from asnet.ir import Products
from asnet.ir.optimise import Machine
from asnet.types import AnyArray, Array
from asnet.units import UnitInstance

__all__ = ["WIDEST", "RowTable", "Tables"]

Tables: TypeAlias = Callable[[UnitInstance], "AnyArray | None"]
"""The table of an instance, ``[a, b]`` by bit patterns (int32); None if it has none."""

WIDEST: Final = 8
"""Bits of operands."""


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A unit's kernel and data."""

    text: str
    data: Data


class RowTable:
    """Sums of products of a unit by its table: the scalar operand chooses a row, the columns index it.

    ``tables`` says what units compute; ``target``: the instructions to use, those of this processor if None.
    """

    kind = "rows"
    symbols: Mapping[str, int] = {}

    def __init__(self, tables: Tables, target: Target | None = None) -> None:
        self._tables = tables
        self._target = target or host_target()
        self._known: dict[tuple[str, bool], _Prepared] = {}

    @property
    def machine(self) -> Machine:
        """The target's; instructions are chosen by hand."""
        return replace(self._target.machine, effort=2)

    def serves(self, what: Products, instance: UnitInstance | None) -> bool:
        """Every unit that has a table, where sums are i32."""
        return (
            instance is not None
            and what.accumulator == "int32"
            and (instance.op, instance.type.name) == ("mul", what.type)
            and instance.type.width <= WIDEST
            and self._tables(instance) is not None
        )

    def kernel(self, what: Products, instance: UnitInstance | None) -> str:
        """One for all units whose operands have as many bits and whose entries have the same digits."""
        return self._prepared(what, instance).text

    def data(self, what: Products, instance: UnitInstance | None, constant: Array | None) -> Data:
        """The packed table; all layers share it."""
        return self._prepared(what, instance).data

    def _prepared(self, what: Products, instance: UnitInstance | None) -> _Prepared:
        table = None if instance is None else self._tables(instance)
        assert instance is not None and table is not None, "asked for a unit that the form does not serve"
        key = instance.digest, what.vector_is_a
        if key not in self._known:
            rows = table.T if what.vector_is_a else table
            self._known[key] = self._prepare(rows[np.arange(ROWS) % len(rows)], instance.type.width)
        return self._known[key]

    def _prepare(self, table: AnyArray, bits: int) -> _Prepared:
        """For ``table[byte of the scalar operand, pattern of the vector operand]``."""
        if self._target.vbmi:
            return self._in_halves(_repeated(table, LANES), bits)
        if self._target.x86:
            return self._in_halves(_repeated(table, PIECE), bits)
        entries = aligned((ROWS, ROWS), "int32")
        entries[:] = _repeated(table, ROWS)
        return _Prepared(plain_kernel(self._target), Data((entries,)))

    def _in_halves(self, table: AnyArray, bits: int) -> _Prepared:
        halves = np.split(table, 2, axis=1) if bits == WIDEST else []
        whole, half = _cut(table), _cut(*halves) if halves else None
        parts = [pack(table, whole.digits), *(pack(part, half.digits) for part in halves if half is not None)]
        if self._target.vbmi:
            text = registers_kernel(self._target, whole, half)
        else:
            text = shuffles_kernel(self._target, bits, whole, half)
            for part in parts:
                differences(part.digits)
        return _Prepared(text, Data(tuple(array for part in parts for array in (part.digits, part.minima))))


def _repeated(table: AnyArray, least: int) -> AnyArray:
    """``table`` with at least so many entries in a row: what follows the operand's own bits does not count."""
    return table[:, np.arange(max(least, table.shape[1])) % table.shape[1]]


def _cut(*tables: AnyArray) -> Cut:
    """One for all ``tables``."""
    return Cut(tables[0].shape[1], digits_for(max(spread(table) for table in tables)))
