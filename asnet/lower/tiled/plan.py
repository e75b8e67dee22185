"""A contraction seen as a matrix product: which axes are rows, columns (the lanes of vectors), steps, and the rest."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from asnet.lower.contraction import Axis, Contraction
from asnet.lower.tiled.lanes import DENSE

__all__ = [
    "Column",
    "Form",
    "Plan",
    "Row",
    "Step",
    "chained",
    "columns_of",
    "joined",
    "plan",
    "scalar_stride",
    "vector_stride",
]


class Form(StrEnum):
    """How a product is computed."""

    PANEL = "panel"
    """Columns are packed into panels, which tiles of rows go over."""
    LINES = "lines"
    """Few rows, columns side by side in memory: read where they are."""
    ROWS = "rows"
    """Few rows, the steps of a column side by side in memory: vectors are transposed in registers."""


_FEW = 2
"""Rows for which packing a panel does not pay."""


@dataclass(frozen=True)
class Column:
    """An axis of the columns; ``v``: floats from neighbour to neighbour in the vector operand."""

    extent: int
    v: int


@dataclass(frozen=True)
class Row:
    """The axis of the rows; floats from neighbour to neighbour in the scalar operand, the output, the start."""

    extent: int
    s: int
    y: int
    start: int


@dataclass(frozen=True)
class Step:
    """An axis of the reduction; floats from neighbour to neighbour in the vector operand."""

    extent: int
    v: int


@dataclass(frozen=True)
class Plan:
    """``y[row, column] = start[row] + Σ_step s[row, step]·v[step, column]`` for every index of ``outer``.

    Columns are neighbours in y in the order of ``columns``. The scalar operand has ``s_step`` floats from step to step.
    ``vector_is_a``: the vector operand is operand a of the products. ``start_varies``: with the column too, so that y
    is filled with it first.
    """

    form: Form
    vector_is_a: bool
    outer: tuple[Axis, ...]
    row: Row
    columns: tuple[Column, ...]
    steps: tuple[Step, ...]
    s_step: int
    start_varies: bool

    @property
    def side(self) -> str:
        """Which operand of the products the vector operand is."""
        return "a" if self.vector_is_a else "b"

    @property
    def scalar_side(self) -> str:
        """Which operand of the products the scalar operand is."""
        return "b" if self.vector_is_a else "a"

    @property
    def width(self) -> int:
        """Number of columns."""
        return math.prod(column.extent for column in self.columns)

    @property
    def depth(self) -> int:
        """Number of steps."""
        return math.prod(step.extent for step in self.steps)


def plan(c: Contraction) -> Plan | None:
    """How to compute ``c`` in tiles; None if only its scalar loops do."""
    space = [axis if c.start is not None else replace(axis, start=0) for axis in c.space if axis.extent != 1]
    if any(axis.extent == 0 for axis in (*c.space, *c.reduction)):
        return None
    unit = next((axis for axis in space if axis.y == 1), None)
    if unit is None or (unit.a and unit.b):
        return None
    vector_is_a = unit.a != 0
    columns, rest = columns_of(space, vector_is_a)
    steps = joined([axis for axis in c.reduction if axis.extent != 1])
    if any(
        scalar_stride(outer, vector_is_a) != scalar_stride(inner, vector_is_a) * inner.extent
        for outer, inner in itertools.pairwise(steps)
    ):
        return None
    rows = [axis for axis in rest if not vector_stride(axis, vector_is_a)]
    row = max(rows, key=lambda axis: axis.extent, default=Axis(1))
    lanes = tuple(chained([Column(axis.extent, vector_stride(axis, vector_is_a)) for axis in columns]))
    depth = tuple(Step(axis.extent, vector_stride(axis, vector_is_a)) for axis in steps) or (Step(1, 1),)
    return Plan(
        form=_form(row.extent, lanes, depth),
        vector_is_a=vector_is_a,
        outer=tuple(axis for axis in rest if axis is not row),
        row=Row(row.extent, scalar_stride(row, vector_is_a), row.y, row.start),
        columns=lanes,
        steps=depth,
        s_step=scalar_stride(steps[-1], vector_is_a) if steps else 1,
        start_varies=any(axis.start for axis in columns),
    )


def _form(rows: int, columns: Sequence[Column], steps: Sequence[Step]) -> Form:
    dense = columns[-1].v in DENSE
    if rows <= _FEW and dense:
        return Form.LINES
    if rows <= _FEW and len(columns) == len(steps) == 1 and steps[0].v == 1:
        return Form.ROWS
    return Form.PANEL


def vector_stride(axis: Axis, vector_is_a: bool) -> int:
    return axis.a if vector_is_a else axis.b


def scalar_stride(axis: Axis, vector_is_a: bool) -> int:
    return axis.b if vector_is_a else axis.a


def columns_of(space: Sequence[Axis], vector_is_a: bool) -> tuple[list[Axis], list[Axis]]:
    """The axes that only the vector operand moves along and whose outputs are side by side; the others."""
    found: list[Axis] = []
    rest = list(space)
    reach = 1
    while True:
        match = [axis for axis in rest if axis.y == reach and not scalar_stride(axis, vector_is_a)]
        if not match:
            return found, rest
        found.insert(0, match[0])
        rest.remove(match[0])
        reach *= match[0].extent


def joined(axes: Sequence[Axis]) -> list[Axis]:
    """Neighbouring axes of the reduction as one where both operands allow."""
    found: list[Axis] = []
    for axis in axes:
        if found and (found[-1].a, found[-1].b) == (axis.a * axis.extent, axis.b * axis.extent):
            axis = Axis(found.pop().extent * axis.extent, a=axis.a, b=axis.b)
        found.append(axis)
    return found


def chained(columns: Sequence[Column]) -> list[Column]:
    found: list[Column] = []
    for column in columns:
        if found and found[-1].v == column.v * column.extent:
            column = Column(found.pop().extent * column.extent, column.v)
        found.append(column)
    return found
