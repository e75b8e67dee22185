"""From a contraction to the code that packs its panels, calls its kernel and finishes its sums."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from llvmlite import ir

from asnet.ir.module import Memory
from asnet.ir.products import ALIGNMENT, COLUMNS, Products, padded
from asnet.lower.arithmetic import I64, register_type
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import LayerContext
from asnet.lower.contraction import Axis, Contraction
from asnet.lower.index import Index, flatten, place
from asnet.lower.products.constants import constant_scalars, constant_vectors, is_constant
from asnet.lower.products.exact import exact_kernel
from asnet.lower.products.operands import Operand
from asnet.lower.products.packing import copy_run, load_vector
from asnet.lower.products.plan import Plan, plan
from asnet.types import ELEMENT_TYPES, operand_type

__all__ = ["Finish", "PanelProducts"]

_NEAR_SUMS = 128 << 10
"""Bytes of sums, and of packed rows, for which the rows of an operand that is not constant are taken at a time."""


_MOST_ON_STACK = 4 << 20
"""Bytes of a panel and its sums: half of what a thread has."""


class Finish(Protocol):
    """What a layer makes of a sum of products. ``index``: one per space axis of the contraction; along columns that
    are several axes they are all 0.
    """

    @property
    def sums(self) -> tuple[bool, bool]:
        """Whether it needs the sums of operands a, of operands b."""
        ...

    def start(self, b: LayerBuilder, index: Sequence[Index]) -> ir.Value:
        """What the sum starts with."""
        ...

    def result(
        self, b: LayerBuilder, total: ir.Value, sums: tuple[ir.Value | None, ir.Value | None], index: Sequence[Index]
    ) -> ir.Value:
        """What is stored; ``sums`` of the operands a and b, of the accumulator's type."""
        ...


@dataclass(frozen=True)
class _Cut:
    """``count`` pieces of ``size``, from ``first`` on."""

    first: int
    count: int
    size: int


def _cuts(extent: int, size: int) -> list[_Cut]:
    whole = extent // size
    found = [_Cut(0, whole, size), _Cut(whole * size, 1, extent - whole * size)]
    return [cut for cut in found if cut.count and cut.size]


@dataclass(frozen=True)
class _Block:
    """A block of columns: where it is on the axes around, its first column, how many, their panel and their sums.

    ``times``: how often the code of such a block is executed.
    """

    outer: Mapping[Axis, Index]
    first: Index
    width: int
    panel: Memory
    sums: Memory | None
    times: int


class PanelProducts:
    """A contraction as calls of a kernel.

    ``memories``: what the layer's function reads beside the operands.
    """

    def __init__(
        self, context: LayerContext, c: Contraction, plan: Plan, a: Operand, b: Operand, accumulator: str
    ) -> None:
        self._c = c
        self._plan = plan
        self._v, self._s = (a, b) if plan.vector_is_a else (b, a)
        self._accumulator = accumulator
        self._panel = constant_vectors(context, self._v, plan)
        self._scalars = None if self._panel is not None else constant_scalars(context, self._s, plan)
        narrow = plan.blocks(self._bytes(self._v.container), self._bytes(accumulator))
        self._blocks = plan.whole if self._panel is not None else narrow
        constant = self._panel or self._scalars
        self.memories = () if constant is None else (constant,)
        self._what = context.products = Products(
            type=a.unit,
            accumulator=accumulator,
            vector_is_a=plan.vector_is_a,
            groups=1 if self._scalars is None else math.prod(axis.extent for axis in plan.groups),
            rows=plan.rows,
            columns=self._blocks.width,
            depth=plan.depth,
            constant=None if constant is None else constant.name,
            constant_is_s=self._panel is None,
        )

    @classmethod
    def of(
        cls, context: LayerContext, c: Contraction, a: Operand, b: Operand, accumulator: str, *, varies: bool
    ) -> PanelProducts | None:
        """None if the contraction has no such form. ``varies``: starts or results differ along the columns."""
        found = plan(c, varies=varies)
        if found is None:
            return None
        v, s = (a, b) if found.vector_is_a else (b, a)
        constant = is_constant(v, found)
        columns = padded(found.width) if constant else COLUMNS
        rows = found.rows if s.values is not None and not constant else 1
        panel = 0 if constant else found.depth * ELEMENT_TYPES[v.container].bits // 8
        if columns * (panel + rows * ELEMENT_TYPES[accumulator].bits // 8) > _MOST_ON_STACK:
            return None
        return cls(context, c, found, a, b, accumulator)

    def emit(self, b: LayerBuilder, finish: Finish) -> None:
        """Emit all of it into the layer's function."""
        plan, blocks = self._plan, self._blocks
        panel = (
            self._panel.flat
            if self._panel is not None
            else b.local("panel", plan.depth * blocks.pitch, self._v.container)
        )
        needed = finish.sums if plan.vector_is_a else finish.sums[::-1]
        sums = b.local("column sums", blocks.pitch, self._accumulator) if needed[0] else None
        around, cut = plan.columns[: blocks.cut], plan.columns[blocks.cut]
        inside = math.prod(column.extent for column in plan.columns[blocks.cut + 1 :])
        extents = [axis.extent for axis in plan.outer], [column.extent for column in around]
        with b.nest([*extents[0], *extents[1]]) as index:
            outer = dict(zip(plan.outer, index, strict=False))
            for part in _cuts(cut.extent, blocks.size):
                with b.nest((part.count,)) as (number,):
                    along = (*index[len(outer) :], number * part.size + part.first)
                    first = flatten(along, [*extents[1], cut.extent]) * inside
                    times = part.count * math.prod([*extents[0], *extents[1]])
                    block = _Block(outer, first, part.size * inside, panel, sums, times)
                    if self._panel is None:
                        origin = self._origin(outer, plan.vector)
                        origin = origin + place(along, [column.v for column in (*around, cut)])
                        self._pack(b, panel, origin, part.size)
                    if sums is not None:
                        self._sum_columns(b, block)
                    self._emit_rows(b, finish, block, sums_rows=needed[1])

    def _pack(self, b: LayerBuilder, panel: Memory, origin: Index, size: int) -> None:
        """Columns from ``origin`` on, ``size`` along the axis that is cut."""
        plan, blocks = self._plan, self._blocks
        extents = [size, *(column.extent for column in plan.columns[blocks.cut + 1 :])]
        *lines, run = extents
        strides = [column.v for column in plan.columns[blocks.cut :]]
        steps = [step.extent for step in plan.steps]
        with b.nest(steps) as step, b.nest(lines) as line:
            source = origin + place(step, [axis.v for axis in plan.steps]) + place(line, strides[:-1])
            goal = flatten(step, steps) * blocks.pitch + flatten(line, lines) * run
            copy_run(b, self._v, source, strides[-1], panel, goal, run)

    def _sum_columns(self, b: LayerBuilder, block: _Block) -> None:
        """The sums of the panel's columns; as many steps as must fit are added in twice the operands' width."""
        assert block.sums is not None
        pitch, bits = self._blocks.pitch, ELEMENT_TYPES[self._v.container].bits
        elements = register_type(self._accumulator), ir.IntType(2 * bits)
        kind, narrow = (ir.VectorType(element, COLUMNS) for element in elements)
        with b.nest((pitch // COLUMNS,)) as (number,):
            total: ir.Value = ir.Constant(kind, None)
            for part in _cuts(self._plan.depth, 1 << bits):
                with b.reduction((part.count,), total) as whole:
                    first = whole.index[0] * part.size + part.first
                    with b.reduction((part.size,), ir.Constant(narrow, None)) as few:
                        step = (first + few.index[0]) * pitch
                        values = load_vector(b, block.panel, step + number * COLUMNS, COLUMNS)
                        few.value = b.ir.add(few.value, self._wide(b, values, narrow))
                    whole.value = b.ir.add(whole.value, self._wide(b, few.value, kind))
                total = whole.value
            b.ir.store(total, b.address(block.sums, (number * COLUMNS,)), align=ALIGNMENT)

    def _emit_rows(self, b: LayerBuilder, finish: Finish, block: _Block, *, sums_rows: bool) -> None:
        plan, pitch, most = self._plan, self._blocks.pitch, self._most_rows
        y = b.local("sums", most * pitch, self._accumulator)
        sums = b.local("row sums", most, self._accumulator) if sums_rows else None
        for part in _cuts(plan.rows, most):
            with b.nest((part.count,)) as (number,):
                row = number * part.size + part.first
                scalars, s_first, s_row = self._rows_of_scalars(b, block, row, part.size)
                if sums is not None:
                    self._sum_rows(b, scalars, s_first, s_row, sums, part.size)
                with b.nest((part.size, block.width), rolled=True) as (r, c):
                    b.store(y, (r * pitch + c,), finish.start(b, self._place(block, row + r, c)))
                numbers = (part.size, block.width, plan.depth, pitch, pitch, s_row)
                pointers = (
                    b.address(y, (Index(),)),
                    b.address(block.panel, (Index(),)),
                    b.address(scalars, (s_first,)),
                )
                count = part.size * block.width * plan.depth * part.count * block.times
                op = "fmul" if self._accumulator == "float32" else "mul"
                arguments = [*pointers, *map(I64, numbers), b.position(self._group(block))]
                if b.tiling is not None and b.tiling.sites:
                    b.products(op, self._v.unit, count, arguments)
                else:
                    b.ir.call(exact_kernel(b.ir.module, b.mode, self._what), arguments)
                with b.nest((part.size, block.width), rolled=True) as (r, c):
                    index = self._place(block, row + r, c)
                    s_sum = None if sums is None else b.load(sums, (r,))
                    v_sum = None if block.sums is None else b.load(block.sums, (c,))
                    found = (v_sum, s_sum) if plan.vector_is_a else (s_sum, v_sum)
                    total = finish.result(b, b.load(y, (r * pitch + c,)), found, index)
                    stride = 0 if plan.row is None else plan.row.y
                    goal = self._origin(block.outer, lambda axis: axis.y) + (row + r) * stride + block.first + c
                    b.store(self._c.y.flat, (goal,), total)

    def _rows_of_scalars(self, b: LayerBuilder, block: _Block, row: Index, rows: int) -> tuple[Memory, Index, int]:
        """Where ``rows`` rows of the scalar operand are from ``row`` on: the memory, the first, from row to row."""
        plan, depth = self._plan, self._plan.depth
        if self._scalars is not None:
            return self._scalars.flat, self._group(block) * (plan.rows * depth) + row * depth, depth
        stride = 0 if plan.row is None else plan.scalar(plan.row)
        first = self._origin(block.outer, plan.scalar) + row * stride
        if self._s_in_place:
            return self._s.memory.flat, first, stride
        packed = b.local("rows", self._most_rows * depth, self._s.container)
        with b.nest((rows,)) as (r,):
            copy_run(b, self._s, first + r * stride, plan.s_step, packed, r * depth, depth)
        return packed, Index(), depth

    def _sum_rows(self, b: LayerBuilder, scalars: Memory, first: Index, s_row: int, sums: Memory, rows: int) -> None:
        kind = register_type(self._accumulator)
        with b.nest((rows,)) as (r,):
            with b.reduction((self._plan.depth,), kind(0)) as total:
                value = b.load(scalars, (first + r * s_row + total.index[0],))
                total.value = b.ir.add(total.value, self._wide(b, value, kind))
            b.store(sums, (r,), total.value)

    def _wide(self, b: LayerBuilder, value: ir.Value, kind: ir.Type) -> ir.Value:
        """Raw operands, one or a vector, in the accumulator's type."""
        return (b.ir.sext if operand_type(self._v.unit).signed else b.ir.zext)(value, kind)

    def _place(self, block: _Block, row: Index, column: Index) -> list[Index]:
        """The index on each space axis of the contraction."""
        known = dict(block.outer)
        if self._plan.row is not None:
            known[self._plan.row] = row
        if self._plan.column is not None:
            known[self._plan.column] = block.first + column
        return [known.get(axis, Index()) for axis in self._c.space]

    def _group(self, block: _Block) -> Index:
        axes = self._plan.groups if self._scalars is not None else ()
        return flatten([block.outer[axis] for axis in axes], [axis.extent for axis in axes])

    def _origin(self, outer: Mapping[Axis, Index], stride: Callable[[Axis], int]) -> Index:
        return place(tuple(outer.values()), [stride(axis) for axis in outer])

    @property
    def _most_rows(self) -> int:
        """Rows of a call: all, unless they change from run to run and are many."""
        if self._scalars is not None:
            return self._plan.rows
        sums = self._blocks.pitch * self._bytes(self._accumulator)
        operands = 0 if self._s_in_place else self._plan.depth * self._bytes(self._s.container)
        return min(self._plan.rows, max(1, _NEAR_SUMS // max(sums, operands)))

    @property
    def _s_in_place(self) -> bool:
        """Whether the kernel reads the scalar operand where it is."""
        return self._s.is_ready and self._plan.s_step == 1

    def _bytes(self, dtype: str) -> int:
        return ELEMENT_TYPES[dtype].bits // 8
