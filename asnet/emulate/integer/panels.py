"""Turning the raw vector operand into a panel: transformed, and the steps of a column side by side."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator

from llvmlite import ir

from asnet.emulate.integer.dot import Dot
from asnet.emulate.integer.layout import RARE, Pass, Term
from asnet.emulate.kernels import KernelCode, KernelText
from asnet.ir.emission import I8, I64, POINTER, vector
from asnet.ir.products import COLUMNS

__all__ = ["emit_panel", "emit_search"]

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
    size = kind.count * dot.container // 8
    with _groups(code, dot) as (group, rows):

        def read(step: int, column: int) -> ir.Value:
            return transform(code.load(rows[step], kind, column * dot.container // 8, align=size))

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
            return code.load(buffer, kind, (step * COLUMNS + column) * size, align=kind.count * size)

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
    for strip in range(dot.strips):
        offset = code.add(code.times(code.arguments["strip"], strip), code.times(group, size * dot.vectors))
        goal = code.behind(code.arguments["goal"], offset)
        for part in range(dot.vectors // dot.steps):
            values = [read(step, strip * dot.columns + part * _span(dot)) for step in range(dot.steps)]
            if dot.bits > dot.container:
                values = [code.ir.sext(value, dot.operand) for value in values]
            for number, value in enumerate(code.interleave(values)):
                code.store(value, goal, (part * dot.steps + number) * size, align=size)


def emit_search(text: KernelText, dot: Dot) -> ir.Function:
    """``search(found, v, pass, v_step, steps)``: whether one of the pass' rare operands is among 64 columns.

    ``found``: where 0 or another number is written.
    """
    arguments = [("found", POINTER), ("v", POINTER), ("pass", POINTER), ("v_step", I64), ("steps", I64)]
    with text.function("search", arguments) as code:
        args, element = code.arguments, ir.IntType(dot.container)
        kind = vector(code.target.width * 8 // dot.container, element)
        size = code.target.width
        rare = [
            code.splat(code.ir.trunc(code.number(args["pass"], Pass.RARE + number), element), kind)
            for number in range(RARE)
        ]
        least = code.declared(f"llvm.umin.v{kind.count}i{dot.container}", kind, (kind, kind))
        pitch = code.times(args["v_step"], dot.container // 8)
        with code.loop(0, args["steps"], 1, code.constant(-1, kind)) as loop:
            row = code.behind(args["v"], code.times(loop.index, pitch))
            for offset in range(0, COLUMNS * dot.container // 8, size):
                raw = code.load(row, kind, offset, align=size)
                for operand in rare:
                    loop.values[0] = code.ir.call(least, [loop.values[0], code.ir.xor(raw, operand)])
        zeros = code.ir.icmp_unsigned("==", loop.values[0], code.constant(0, kind))
        bits = code.ir.bitcast(zeros, ir.IntType(kind.count))
        code.store(code.ir.zext(bits, I64) if kind.count < 64 else bits, args["found"], align=8)
        return code.function
