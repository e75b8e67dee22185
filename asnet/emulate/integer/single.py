"""Sums of a single row: its columns are not worth a panel, they go from memory to the sums."""

from __future__ import annotations

from llvmlite import ir

from asnet.emulate.integer.dot import Dot
from asnet.emulate.integer.layout import Term
from asnet.emulate.integer.panels import Mask, rows_of
from asnet.emulate.integer.tiles import add_sums
from asnet.emulate.kernels import KernelCode, KernelText
from asnet.ir.emission import I32, I64, POINTER

__all__ = ["emit_single"]


def emit_single(text: KernelText, dot: Dot, order: int, accumulator: int) -> ir.Function:
    """``single(y, v, s, term, columns, v_step, steps, terms, shift)``: all columns of a pass whose terms are masks."""
    pointers = [(name, POINTER) for name in ("y", "v", "s", "term")]
    numbers = [(name, I64) for name in ("columns", "v_step", "steps", "terms", "shift")]
    with text.function(f"single.{order}", [*pointers, *numbers]) as code:
        args = code.arguments
        start = code.splat(code.load(args["s"], I32, align=4), dot.sums)
        with code.loop(0, args["columns"], dot.columns) as column:
            v = code.behind(args["v"], code.times(column.index, dot.container // 8))
            with code.loop(0, args["terms"], 1, *[start] * dot.vectors) as term:
                term.values = _term(code, dot, order, v, term.index, term.values)
            y = code.behind(args["y"], code.times(column.index, accumulator // 8))
            add_sums(code, dot, y, dot.natural(code, term.values), accumulator)
        return code.function


def _term(
    code: KernelCode, dot: Dot, order: int, v: ir.Value, number: ir.Value, sums: list[ir.Value]
) -> list[ir.Value]:
    """``sums`` and the products of one term."""
    args = code.arguments
    mask = Mask(code, dot, code.behind(args["term"], code.times(number, 8 * Term.SIZE)))
    groups = code.up(args["steps"], dot.steps)
    s = code.behind(args["s"], code.times(code.add(code.times(number, groups), 1), 4))
    with code.loop(0, groups, 1, *sums) as group:
        rows = rows_of(code, dot, v, group.index)
        scalar = code.load(s, I32, code.times(group.index, 4), align=4)
        span, totals = dot.lanes * dot.steps, list[ir.Value]()
        for part in range(dot.vectors // dot.steps):
            vectors = code.interleave([mask.read(row, part * span) for row in rows])
            before = group.values[part * dot.steps : (part + 1) * dot.steps]
            totals += [dot.add(code, total, x, scalar, order) for total, x in zip(before, vectors, strict=True)]
        group.values = totals
    return group.values
