"""Products with few rows: the vector operand is read where it is, once per row."""

from __future__ import annotations

from llvmlite import ir

from asnet.lower.arithmetic import I64
from asnet.lower.tiled.code import Code, Kernels
from asnet.lower.tiled.kernels import BLOCK, lines, rows
from asnet.lower.tiled.operands import Operands, locate
from asnet.lower.tiled.plan import Plan

__all__ = ["emit_lines", "emit_rows"]

_LINES = 4
_GROUPS = 1
"""Blocks of columns at a time: each column is a stream from memory, more of them push each other out of the cache."""


def emit_lines(code: Code, kernels: Kernels, plan: Plan, operands: Operands) -> None:
    """Emit a plan of the form LINES for one index of its outer axes, vectors along the innermost column axis."""
    *outer, inner = plan.columns
    line = kernels.tiling.line
    if not outer:
        whole = inner.extent // line
        pieces = [(0, whole * line, whole, line), (whole * line, inner.extent, 1, inner.extent - whole * line)]
        for first, end, count, width in pieces:
            if first < end:
                at = code.at(operands.v, first * inner.v), code.at(operands.y, first)
                _lines(code, kernels, plan, operands, at, count, line * inner.v, line, I64(width))
        return
    *outermost, last = outer
    areas = plan.width // (last.extent * inner.extent)
    with code.loop(0, areas) as area:
        offset = I64(0)
        if outermost:
            offset, _ = locate(code, outermost, area.index)
        place = code.times(area.index, last.extent * inner.extent)
        with code.loop(0, inner.extent, line) as column:
            width = code.least(code.ir.sub(I64(inner.extent), column.index), line)
            at = (
                code.at(operands.v, code.add(offset, code.times(column.index, inner.v))),
                code.at(operands.y, code.add(place, column.index)),
            )
            _lines(code, kernels, plan, operands, at, last.extent, last.v, inner.extent, width)


def _lines(
    code: Code,
    kernels: Kernels,
    plan: Plan,
    operands: Operands,
    at: tuple[ir.Value, ir.Value],
    count: int,
    line_v: int,
    line_y: int,
    width: ir.Value,
) -> None:
    """``count`` lines from ``at`` in v and y on, for every row."""
    whole = count // _LINES * _LINES
    strides: list[ir.Value] = []
    inner = plan.depth
    for step in plan.steps:
        inner //= step.extent
        strides += [I64(step.extent), I64(step.v), I64(inner * plan.s_step)]
    for low, high, size in ((0, whole, _LINES), (whole, count, count - whole)):
        if low < high:
            kernel = lines(kernels, size, plan.columns[-1].v, len(plan.steps), vector_is_a=plan.vector_is_a)
            with code.loop(0, plan.row.extent) as row, code.loop(low, high, size) as line:
                pointers = [
                    code.at(at[0], code.times(line.index, line_v)),
                    code.at(operands.s, code.times(row.index, plan.row.s)),
                    code.at(operands.start, code.times(row.index, plan.row.start)),
                    code.at(at[1], code.add(code.times(line.index, line_y), code.times(row.index, plan.row.y))),
                ]
                numbers = [I64(line_v), I64(line_y), width, I64(int(operands.resume))]
                code.ir.call(kernel, [*pointers, *numbers, *strides])


def emit_rows(code: Code, kernels: Kernels, plan: Plan, operands: Operands) -> None:
    """Emit a plan of the form ROWS for one index of its outer axes; y holds what the sums start with."""
    (column,), (step,) = plan.columns, plan.steps
    size = _GROUPS * BLOCK
    whole = column.extent // size * size
    for low, high in ((0, whole), (whole, column.extent)):
        if low < high:
            count = min(size, high - low)
            kernel = rows(kernels, -(-count // BLOCK), column.v, count, vector_is_a=plan.vector_is_a)
            with code.loop(0, plan.row.extent) as row, code.loop(low, high, count) as first:
                pointers = [
                    code.at(operands.v, code.times(first.index, column.v)),
                    code.at(operands.s, code.times(row.index, plan.row.s)),
                    code.at(operands.y, code.add(first.index, code.times(row.index, plan.row.y))),
                ]
                code.ir.call(kernel, [*pointers, I64(step.extent), I64(plan.s_step)])
