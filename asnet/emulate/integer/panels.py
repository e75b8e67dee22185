"""Turning the raw vector operand into a panel: transformed, and the steps of a column side by side."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator

from llvmlite import ir

from asnet.emulate.integer.dot import Dot
from asnet.emulate.integer.layout import Term
from asnet.emulate.kernels import KernelCode, KernelText
from asnet.ir.emission import I8, I64, POINTER, Steps, vector
from asnet.ir.products import COLUMNS

__all__ = ["emit_panel"]

_TOGETHER = 16
"""Look-ups in memory between two tests for the end of a row."""

_Read = Callable[[int, int], ir.Value]
"""The transformed operands of a group: step, first column → as many as :attr:`Dot.operand` has lanes."""


def emit_panel(text: KernelText, dot: Dot) -> ir.Function:
    """``panel(goal, v, term, seen, v_step, steps, strip)``: one term of a block, for 64 columns.

    ``v``: the first step, ``v_step`` elements from step to step; ``strip``: bytes of the goal from strip to strip;
    ``seen``: a number that becomes other than 0 if the term's products are not all 0.
    """
    arguments = [("goal", POINTER), ("v", POINTER), ("term", POINTER), ("seen", POINTER)]
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
    size = kind.count * dot.container // 8
    with _groups(code, dot) as (loop, rows):

        def read(step: int, column: int) -> ir.Value:
            return transform(code.load(rows[step], kind, column * dot.container // 8, align=size))

        _write(code, dot, loop, read)


def _looked_up(code: KernelCode, dot: Dot, table: ir.Value) -> None:
    """A table in memory, one operand after the other."""
    element, size = ir.IntType(dot.container), dot.container // 8
    buffer = code.scratch(dot.steps * COLUMNS * size)
    with _groups(code, dot) as (loop, rows):
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
            return code.load(buffer, kind, (step * COLUMNS + column) * size, align=kind.count * size)

        _write(code, dot, loop, read)


@contextlib.contextmanager
def _groups(code: KernelCode, dot: Dot) -> Generator[tuple[Steps, list[ir.Value]]]:
    """A loop over groups of steps, and the addresses of its rows.

    Behind the last step it comes again; the scalar operand is 0 there.
    """
    args = code.arguments
    kind = vector(_span(dot), ir.IntType(dot.container))
    last = code.add(args["steps"], -1)
    with code.loop(0, code.up(args["steps"], dot.steps), 1, code.constant(0, kind)) as loop:
        first = code.times(loop.index, dot.steps)
        steps = [code.least(code.add(first, step), last) for step in range(dot.steps)]
        pitch = code.times(args["v_step"], dot.container // 8)
        yield loop, [code.behind(args["v"], code.times(step, pitch)) for step in steps]
    reduced = code.declared(f"llvm.vector.reduce.or.v{kind.count}i{dot.container}", kind.element, (kind,))
    found = code.ir.zext(code.ir.call(reduced, [loop.values[0]]), I64)
    code.store(code.ir.or_(found, code.load(args["seen"], I64, align=8)), args["seen"], align=8)


def _span(dot: Dot) -> int:
    return dot.lanes * dot.steps


def _write(code: KernelCode, dot: Dot, loop: Steps, read: _Read) -> None:
    """The group's part of every strip."""
    size = dot.operand.count * dot.bits // 8
    span, element = _span(dot), ir.IntType(dot.container)
    nothing = code.ir.trunc(code.ir.neg(code.number(code.arguments["term"], Term.OFFSET)), element)
    nothings = code.splat(nothing, vector(span, element))
    for strip in range(dot.strips):
        offset = code.add(code.times(code.arguments["strip"], strip), code.times(loop.index, size * dot.vectors))
        goal = code.behind(code.arguments["goal"], offset)
        for part in range(dot.vectors // dot.steps):
            column = strip * dot.columns + part * span
            values = [read(step, column) for step in range(dot.steps)]
            for value in values:
                loop.values[0] = code.ir.or_(loop.values[0], code.ir.xor(value, nothings))
            if dot.bits > dot.container:
                values = [code.ir.sext(value, dot.operand) for value in values]
            for number, value in enumerate(code.interleave(values)):
                code.store(value, goal, (part * dot.steps + number) * size, align=size)
