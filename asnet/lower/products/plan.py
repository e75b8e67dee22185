"""A contraction seen as calls of a products kernel: rows, columns, steps, and what one call covers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from asnet.ir.products import COLUMNS, padded
from asnet.lower.contraction import Axis, Contraction
from asnet.lower.tiled.plan import Column, Step, chained, columns_of, joined, scalar_stride, vector_stride

__all__ = ["Blocks", "Plan", "plan"]

_MOST_COLUMNS = 1024

_NEAR = 512 << 10
"""Bytes of a panel and its sums that stay in a processor's second cache."""

_BLOCK = 8
"""What a block costs beside its columns, in columns; one of another width is code of its own."""

_MOST_ROWS = 512
"""Rows whose sums should stay there, too."""


@dataclass(frozen=True)
class Plan:
    """``y[row, column] += Σ_step unit(v[step, column], s[row, step])`` for every index of ``outer``.

    All axes are of the contraction's space, but for ``columns`` and ``steps``, whose strides are those of v and which
    are joined where memory allows. ``row`` None: one row. ``column``: the axis that the columns are, if it is one.
    """

    vector_is_a: bool
    outer: tuple[Axis, ...]
    row: Axis | None
    column: Axis | None
    columns: tuple[Column, ...]
    steps: tuple[Step, ...]
    s_step: int

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.row.extent if self.row is not None else 1

    @property
    def width(self) -> int:
        """Number of columns."""
        return math.prod(column.extent for column in self.columns)

    @property
    def depth(self) -> int:
        """Number of steps."""
        return math.prod(step.extent for step in self.steps)

    @property
    def groups(self) -> tuple[Axis, ...]:
        """The axes around that have scalar operands of their own."""
        return tuple(axis for axis in self.outer if self.scalar(axis))

    def vector(self, axis: Axis) -> int:
        """Elements of the vector operand from neighbour to neighbour along ``axis``."""
        return vector_stride(axis, self.vector_is_a)

    def scalar(self, axis: Axis) -> int:
        """Elements of the scalar operand from neighbour to neighbour along ``axis``."""
        return scalar_stride(axis, self.vector_is_a)

    @property
    def whole(self) -> Blocks:
        """All columns at once."""
        return Blocks(0, self.columns[0].extent, self.width)

    def blocks(self, operand_bytes: int, sum_bytes: int) -> Blocks:
        """How to cut the columns into panels, with the fewest columns that are there for nothing."""
        per_column = self.depth * operand_bytes + min(self.rows, _MOST_ROWS) * sum_bytes
        most = max(COLUMNS, min(_MOST_COLUMNS, _NEAR // per_column // COLUMNS * COLUMNS))
        inside = [math.prod(column.extent for column in self.columns[k + 1 :]) for k in range(len(self.columns))]
        cut = next(k for k, size in enumerate(inside) if size <= most)
        extent = self.columns[cut].extent

        def cost(size: int) -> tuple[int, int]:
            whole, rest = divmod(extent, size)
            columns = whole * padded(size * inside[cut]) + padded(rest * inside[cut])
            return columns + _BLOCK * (whole + 2 * (rest > 0)), -size

        size = min(range(1, min(extent, max(1, most // inside[cut])) + 1), key=cost)
        return Blocks(cut, size, size * inside[cut])


@dataclass(frozen=True)
class Blocks:
    """Panels of ``size`` neighbours along the column axis number ``cut``, all axes inside of it whole.

    ``width``: columns of such a panel; the last one of the axis may be narrower.
    """

    cut: int
    size: int
    width: int

    @property
    def pitch(self) -> int:
        """Elements from step to step of a panel, and from row to row of its sums."""
        return padded(self.width)


def plan(c: Contraction, *, varies: bool) -> Plan | None:
    """How to compute ``c`` by a kernel; None if only its scalar loops do. ``varies``: columns must be one axis."""
    space = [axis for axis in c.space if axis.extent != 1]
    if any(axis.extent == 0 for axis in (*c.space, *c.reduction)):
        return None
    unit = next((axis for axis in space if axis.y == 1), None)
    if unit is None or (unit.a and unit.b):
        return None
    vector_is_a = unit.a != 0
    columns, rest = columns_of(space, vector_is_a)
    if varies:
        columns, rest = [unit], [axis for axis in space if axis is not unit]
    steps = joined([axis for axis in c.reduction if axis.extent != 1])
    reach = scalar_stride(steps[-1], vector_is_a) if steps else 1
    for step in reversed(steps):
        if scalar_stride(step, vector_is_a) != reach:
            return None
        reach *= step.extent
    rows = [axis for axis in rest if not vector_stride(axis, vector_is_a)]
    row = max(rows, key=lambda axis: axis.extent, default=None)
    return Plan(
        vector_is_a=vector_is_a,
        outer=tuple(axis for axis in rest if axis is not row),
        row=row,
        column=columns[0] if len(columns) == 1 else None,
        columns=tuple(chained([Column(axis.extent, vector_stride(axis, vector_is_a)) for axis in columns])),
        steps=tuple(Step(axis.extent, vector_stride(axis, vector_is_a)) for axis in steps) or (Step(1, 1),),
        s_step=scalar_stride(steps[-1], vector_is_a) if steps else 1,
    )
