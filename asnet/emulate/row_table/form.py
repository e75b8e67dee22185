"""The form: any unit of at most 8 x 8 bits by rows of its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np

from asnet.emulate.kernels import Target, host_target
from asnet.emulate.products import Data
from asnet.emulate.row_table.digits import ROWS, Rows
from asnet.emulate.row_table.direct import direct_kernel
from asnet.emulate.row_table.listed import listed_kernel
from asnet.emulate.row_table.lists import Scalars
from asnet.emulate.row_table.lookup import LANES
from asnet.emulate.row_table.packed import WIDEST, Packed
from asnet.emulate.row_table.plain import plain_kernel
from asnet.emulate.row_table.shuffles import PIECE, differences, shuffles_kernel
from asnet.ir import Products
from asnet.ir.optimise import Machine
from asnet.types import AnyArray, Array
from asnet.units import UnitInstance

__all__ = ["RowTable", "Tables"]

Tables: TypeAlias = Callable[[UnitInstance], "AnyArray | None"]
"""The table of an instance, ``[a, b]`` by bit patterns (int32); None if it has none."""

_MOST_LISTED: Final = 1 << 22
"""Scalars of a layer."""


class RowTable:
    """Sums of products of a unit by its table: the scalar operand chooses a row, the columns index it.

    ``tables`` says what units compute; ``target``: the instructions to use, those of this processor if None.
    """

    kind = "rows"
    symbols: Mapping[str, int] = {}

    def __init__(self, tables: Tables, target: Target | None = None) -> None:
        self._tables = tables
        self._target = target or host_target()
        self._known: dict[tuple[str, bool], Packed] = {}
        self._tables_packed: dict[tuple[int, int | None], list[Rows]] = {}
        self._sorted: dict[int, tuple[Array, Scalars]] = {}

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
        packed = self._packed(what, instance)
        if not self._target.x86:
            return plain_kernel(self._target)
        whole, half = packed.cuts()
        if _vectors_are_constant(what):
            half = None
        if not self._target.vbmi:
            return shuffles_kernel(self._target, packed.bits, whole, half)
        if not _in_lists(what):
            return direct_kernel(self._target, whole, half)
        cuts = [packed.cuts(kind) for kind in range(packed.count)]
        halves = tuple(half for _, half in cuts if half is not None)
        return listed_kernel(self._target, (whole,) if halves else tuple(whole for whole, _ in cuts), halves)

    def data(self, what: Products, instance: UnitInstance | None, constant: Array | None) -> Data:
        """The packed table, which all layers share; constant scalars as lists of steps."""
        packed = self._packed(what, instance)
        if not self._target.x86:
            return Data((packed.table,))
        if not (self._target.vbmi and _in_lists(what)):
            parts = self._rows(packed, None)[: 1 if _vectors_are_constant(what) else None]
            return Data(tuple(array for part in parts for array in (part.digits, part.minima)))
        assert constant is not None, "a layer with constant scalars has them"
        scalars = self._scalars(constant)
        tables = [self._rows(packed, kind) for kind in range(packed.count)]
        lists = scalars.lists(packed.kinds, packed.count)
        whole = [self._rows(packed, None)] * packed.count if len(packed.parts) > 1 else tables
        own = [rows[part] for part in range(len(packed.parts)) for rows in (tables if part else whole)]
        skipped = scalars.starts(np.where(packed.kinds < 0, tables[0][0].minima, 0))
        starts = [skipped, *[np.zeros_like(skipped)] * (packed.count - 1)]
        shared = [
            array for each, start in zip(lists, starts, strict=True) for array in (each.steps, each.bounds, start)
        ]
        return Data((*(array for rows in own for array in (rows.digits, rows.minima)), *shared))

    def _packed(self, what: Products, instance: UnitInstance | None) -> Packed:
        table = None if instance is None else self._tables(instance)
        assert instance is not None and table is not None, "asked for a unit that the form does not serve"
        key = instance.digest, what.vector_is_a
        if key not in self._known:
            least = LANES if self._target.vbmi else PIECE if self._target.x86 else ROWS
            self._known[key] = Packed.of(table.T if what.vector_is_a else table, instance.type.width, least)
        return self._known[key]

    def _rows(self, packed: Packed, kind: int | None) -> list[Rows]:
        """The parts of the table, packed once."""
        key = id(packed), kind
        if key not in self._tables_packed:
            rows = packed.rows(kind)
            if not self._target.vbmi:
                for part in rows:
                    differences(part.digits)
            self._tables_packed[key] = rows
        return self._tables_packed[key]

    def _scalars(self, constant: Array) -> Scalars:
        """``constant``, sorted once for all units."""
        key = id(constant)
        if key not in self._sorted or self._sorted[key][0] is not constant:
            self._sorted[key] = constant, Scalars.of(constant)
        return self._sorted[key][1]


def _in_lists(what: Products) -> bool:
    """Whether constant scalars are listed; very many take more memory than it is worth."""
    return what.constant is not None and what.constant_is_s and what.groups * what.rows * what.depth <= _MOST_LISTED


def _vectors_are_constant(what: Products) -> bool:
    """Whether columns are weights: they have all bits."""
    return what.constant is not None and not what.constant_is_s
