"""Turning the raw vector operand into a panel: transformed, and the steps of a column side by side."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator

from llvmlite import ir

from asnet.emulate.integer.dot import Dot
from asnet.emulate.integer.layout import Term
from asnet.emulate.kernels import KernelCode, KernelText
from asnet.ir.emission import I8, I64, POINTER, vector
from asnet.ir.products import COLUMNS

__all__ = ["emit_panel"]

_TOGETHER = 16
"""Look-ups in memory between two tests for the end of a row."""

_Read = Callable[[int, int], ir.Value]
"""The transformed operands of a group: step, first column → as many as :attr:`Dot.operand` has lanes."""


def emit_panel(text: KernelText, dot: Dot) -> ir.Function:
    """``panel(goal, v, term, v_step, steps, strip)``: one term of a block, for 64 columns.

    ``v``: the first step, ``v_step`` elements from step to step; ``strip``: bytes of the goal from strip to strip.
    """
    arguments = [("goal", POINTER), ("v", POINTER), ("term", POINTER)]
    with text.function("panel", [*arguments, *((name, I64) for name in ("v_step", "steps", "strip"))]) as code:
        table = code.address(code.arguments["term"], Term.V_TABLE)
        looked_up = code.is_set(code.number(code.arguments["term"], Term.V_TABLE))
        with code.when(code.ir.not_(looked_up)):
            _masked(code, dot)
        with code.when(looked_up):
            if dot.container == 8 and code.target.vbmi:
                _permuted(code, dot, table)
            else:
                _looked_up(code, dot, table)
        return code.function


def _masked(code: KernelCode, dot: Dot) -> None:
    element = ir.IntType(dot.container)
    kind = vector(_span(dot), element)
    mask, flip = (
        code.splat(code.ir.trunc(code.number(code.arguments["term"], place), element), kind)
        for place in (Term.V_MASK, Term.V_FLIP)
    )
    _rows(code, dot, kind, lambda raw: code.ir.xor(code.ir.and_(raw, mask), flip))


def _permuted(code: KernelCode, dot: Dot, table: ir.Value) -> None:
    """A table of bytes in four registers."""
    kind = vector(64, I8)
    parts = [code.load(table, kind, 64 * part) for part in range(4)]
    permute = code.declared("llvm.x86.avx512.vpermi2var.qi.512", kind, (kind, kind, kind))

    def look(raw: ir.Value) -> ir.Value:
        low, high = (code.ir.call(permute, [parts[first], raw, parts[first + 1]]) for first in (0, 2))
        return code.ir.select(code.ir.icmp_signed("<", raw, code.constant(0, kind)), high, low)

    _rows(code, dot, kind, look)


def _rows(code: KernelCode, dot: Dot, kind: ir.VectorType, transform: Callable[[ir.Value], ir.Value]) -> None:
    """Groups of steps whose rows are transformed vector by vector."""
    with _groups(code, dot) as (group, rows):

        def read(step: int, column: int) -> ir.Value:
            raw = code.load(rows[step], kind, column * dot.container // 8, align=kind.count * dot.container // 8)
            value = transform(raw)
            return code.ir.sext(value, dot.operand) if dot.bits > dot.container else value

        _write(code, dot, group, read)


def _looked_up(code: KernelCode, dot: Dot, table: ir.Value) -> None:
    """A table in memory, one operand after the other."""
    element, size = ir.IntType(dot.container), dot.container // 8
    buffer = code.scratch(dot.steps * COLUMNS * size)
    with _groups(code, dot) as (group, rows):
        for step, row in enumerate(rows):
            with code.loop(0, COLUMNS, _TOGETHER) as column:
                place = code.times(column.index, size)
                source, goal = code.behind(row, place), code.behind(buffer, code.add(place, step * COLUMNS * size))
                for number in range(_TOGETHER):
                    index = code.ir.zext(code.load(source, element, number * size, align=size), I64)
                    found = code.load(table, element, code.times(index, size), align=size)
                    code.store(found, goal, number * size, align=size)
        kind = vector(_span(dot), element)

        def read(step: int, column: int) -> ir.Value:
            value = code.load(buffer, kind, (step * COLUMNS + column) * size, align=kind.count * size)
            return code.ir.sext(value, dot.operand) if dot.bits > dot.container else value

        _write(code, dot, group, read)


@contextlib.contextmanager
def _groups(code: KernelCode, dot: Dot) -> Generator[tuple[ir.Value, list[ir.Value]]]:
    """A loop over groups of steps: the number of the group, and the addresses of its rows.

    Behind the last step it comes again; the scalar operand is 0 there.
    """
    args = code.arguments
    last = code.add(args["steps"], -1)
    with code.loop(0, code.up(args["steps"], dot.steps)) as loop:
        first = code.times(loop.index, dot.steps)
        steps = [code.least(code.add(first, step), last) for step in range(dot.steps)]
        pitch = code.times(args["v_step"], dot.container // 8)
        yield loop.index, [code.behind(args["v"], code.times(step, pitch)) for step in steps]


def _span(dot: Dot) -> int:
    return dot.lanes * dot.steps


def _write(code: KernelCode, dot: Dot, group: ir.Value, read: _Read) -> None:
    """The group's part of every strip."""
    size = dot.operand.count * dot.bits // 8
    span = _span(dot)
    for strip in range(dot.strips):
        offset = code.add(code.times(code.arguments["strip"], strip), code.times(group, size * dot.vectors))
        goal = code.behind(code.arguments["goal"], offset)
        for part in range(dot.vectors // dot.steps):
            column = strip * dot.columns + part * span
            vectors = code.interleave([read(step, column) for step in range(dot.steps)])
            for number, value in enumerate(vectors):
                code.store(value, goal, (part * dot.steps + number) * size, align=size)
