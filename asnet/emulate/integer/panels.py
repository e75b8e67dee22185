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

__all__ = ["Mask", "emit_panel", "emit_search", "emit_words", "rows_of"]

_TOGETHER = 16
"""Look-ups in memory between two tests for the end of a row."""

_Read = Callable[[int, int], list[ir.Value]]
"""The transformed operands of a group: step, first column → as many as :attr:`Dot.operand` has lanes, by planes."""


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
            (_permuted if dot.bits == 8 and code.target.vbmi else _looked_up)(code, dot, table)
        return code.function


def emit_words(text: KernelText, dot: Dot) -> ir.Function:
    """``words(goal, v, term, v_step, steps, strip)``: the same where a step of a panel of bytes is two bytes."""
    arguments = [("goal", POINTER), ("v", POINTER), ("term", POINTER)]
    with text.function("words", [*arguments, *((name, I64) for name in ("v_step", "steps", "strip"))]) as code:
        table = code.address(code.arguments["term"], Term.V_TABLE)
        (_permuted if code.target.vbmi else _looked_up)(code, dot, table, planes=2)
        return code.function


class Mask:
    """The transform ``(raw & mask) ^ flip`` of vectors of the vector operand, as the numbers at ``term`` say."""

    def __init__(self, code: KernelCode, dot: Dot, term: ir.Value) -> None:
        self._code, self._dot = code, dot
        element = ir.IntType(dot.bits)
        self._raw, self._wide = vector(_span(dot), ir.IntType(dot.container)), vector(_span(dot), element)
        self._mask, self._flip = (
            code.splat(code.ir.trunc(code.number(term, place), element), self._wide)
            for place in (Term.V_MASK, Term.V_FLIP)
        )

    def read(self, row: ir.Value, column: int) -> ir.Value:
        """Operands of a row, from ``column`` on."""
        bits = self._dot.container
        raw = self._code.load(row, self._raw, column * bits // 8, align=self._raw.count * bits // 8)
        wide = self._code.ir.sext(raw, self._wide)
        return self._code.ir.xor(self._code.ir.and_(wide, self._mask), self._flip)


def _masked(code: KernelCode, dot: Dot) -> None:
    mask = Mask(code, dot, code.arguments["term"])
    with _groups(code, dot) as (group, rows):
        _write(code, dot, group, lambda step, column: [mask.read(rows[step], column)])


def _permuted(code: KernelCode, dot: Dot, table: ir.Value, planes: int = 1) -> None:
    """Tables of bytes in four registers each."""
    kind = vector(64, I8)
    tables = [[code.load(table, kind, 256 * plane + 64 * part) for part in range(4)] for plane in range(planes)]
    permute = code.declared("llvm.x86.avx512.vpermi2var.qi.512", kind, (kind, kind, kind))
    with _groups(code, dot) as (group, rows):

        def read(step: int, column: int) -> list[ir.Value]:
            raw = code.load(rows[step], kind, column, align=64)
            upper = code.ir.icmp_signed("<", raw, code.constant(0, kind))
            found: list[ir.Value] = []
            for parts in tables:
                low, high = (code.ir.call(permute, [parts[first], raw, parts[first + 1]]) for first in (0, 2))
                found.append(code.ir.select(upper, high, low))
            return found

        _write(code, dot, group, read, planes)


def _looked_up(code: KernelCode, dot: Dot, table: ir.Value, planes: int = 1) -> None:
    """Tables in memory, one operand after the other."""
    raw, element, size = ir.IntType(dot.container), ir.IntType(dot.bits), dot.bits // 8
    row_bytes = COLUMNS * size
    buffer = code.scratch(dot.steps * planes * row_bytes)
    with _groups(code, dot) as (group, rows):
        for step, row in enumerate(rows):
            with code.loop(0, COLUMNS, _TOGETHER) as column:
                source = code.behind(row, code.times(column.index, dot.container // 8))
                goal = code.behind(buffer, code.times(column.index, size))
                for number in range(_TOGETHER):
                    index = code.load(source, raw, number * dot.container // 8, align=dot.container // 8)
                    place = code.times(code.ir.zext(index, I64), size)
                    for plane in range(planes):
                        found = code.load(table, element, code.add(place, 256 * plane), align=size)
                        offset = (step * planes + plane) * row_bytes + number * size
                        code.store(found, goal, offset, align=size)
        kind = vector(_span(dot), element)

        def read(step: int, column: int) -> list[ir.Value]:
            first = step * planes * row_bytes + column * size
            return [code.load(buffer, kind, first + plane * row_bytes, align=size) for plane in range(planes)]

        _write(code, dot, group, read, planes)


def rows_of(code: KernelCode, dot: Dot, v: ir.Value, group: ir.Value) -> list[ir.Value]:
    """The addresses of a group's rows, the first of all at ``v``; arguments ``v_step`` and ``steps``.

    Behind the last step it comes again; the scalar operand is 0 there.
    """
    first, last = code.times(group, dot.steps), code.add(code.arguments["steps"], -1)
    steps = [code.least(code.add(first, step), last) for step in range(dot.steps)]
    pitch = code.times(code.arguments["v_step"], dot.container // 8)
    return [code.behind(v, code.times(step, pitch)) for step in steps]


@contextlib.contextmanager
def _groups(code: KernelCode, dot: Dot) -> Generator[tuple[ir.Value, list[ir.Value]]]:
    """A loop over groups of steps: the number of the group, and the addresses of its rows."""
    args = code.arguments
    with code.loop(0, code.up(args["steps"], dot.steps)) as loop:
        yield loop.index, rows_of(code, dot, args["v"], loop.index)


def _span(dot: Dot) -> int:
    return dot.lanes * dot.steps


def _write(code: KernelCode, dot: Dot, group: ir.Value, read: _Read, planes: int = 1) -> None:
    """The group's part of every strip; with two ``planes``, two groups."""
    size = dot.operand.count * dot.bits // 8
    steps = dot.steps // planes
    for strip in range(dot.strips):
        first = code.times(group, size * dot.vectors * planes)
        goal = code.behind(code.arguments["goal"], code.add(code.times(code.arguments["strip"], strip), first))
        for half in range(planes):
            for part in range(dot.vectors // dot.steps):
                column = strip * dot.columns + part * _span(dot)
                values = [plane for step in range(steps) for plane in read(half * steps + step, column)]
                place = (half * dot.vectors + part * dot.steps) * size
                for number, value in enumerate(code.interleave(values)):
                    code.store(value, goal, place + number * size, align=size)


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
