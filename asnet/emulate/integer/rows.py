"""Preparing the raw scalar operand at run time: transformed, in the order in which tiles read it."""

from __future__ import annotations

from llvmlite import ir

from asnet.emulate.integer.dot import Dot
from asnet.emulate.integer.layout import STEPS, Pass, Term
from asnet.emulate.kernels import KernelCode, KernelText
from asnet.ir.emission import I16, I32, I64, POINTER

__all__ = ["emit_rows"]


def emit_rows(text: KernelText, dot: Dot) -> ir.Function:
    """``rows(goal, s, pass, term, s_row, rows, steps)``: the scalars of one pass and block, not of words."""
    arguments = [(name, POINTER) for name in ("goal", "s", "pass", "term")]
    with text.function("rows", [*arguments, *((name, I64) for name in ("s_row", "rows", "steps"))]) as code:
        args = code.arguments
        buffer = code.scratch((STEPS + dot.steps) * dot.bits // 8)
        terms = code.number(args["pass"], Pass.TERMS)
        groups = code.up(args["steps"], dot.steps)
        row_bytes = code.times(code.add(code.times(groups, terms), 1), 4)
        with code.until(0, args["rows"]) as tile:
            left = code.ir.sub(args["rows"], tile.index)
            rows: ir.Value = I64(1)
            for size in sorted(dot.rows)[1:]:
                rows = code.ir.select(code.ir.icmp_signed(">=", left, I64(size)), I64(size), rows)
            goal = code.behind(args["goal"], code.times(tile.index, row_bytes))
            with code.loop(0, rows) as row:
                number = code.add(tile.index, row.index)
                source = code.behind(args["s"], code.times(code.times(number, args["s_row"]), dot.container // 8))
                _row(code, dot, (source, buffer, code.behind(goal, code.times(row.index, 4))), terms, groups, rows)
            tile.step = rows
        return code.function


def _row(
    code: KernelCode,
    dot: Dot,
    places: tuple[ir.Value, ir.Value, ir.Value],
    terms: ir.Value,
    groups: ir.Value,
    rows: ir.Value,
) -> None:
    """One row of a tile of ``rows``: from the source through a buffer to its goal."""
    source, buffer, goal = places
    args = code.arguments
    order = code.is_set(code.number(args["pass"], Pass.ORDER))
    with code.loop(0, terms, 1, I32(0)) as term:
        facts = code.behind(args["term"], code.times(term.index, 8 * Term.SIZE))
        _transform(code, dot, facts, source, buffer)
        with code.loop(args["steps"], code.times(groups, dot.steps)) as step:
            code.store(_element(dot)(0), buffer, code.times(step.index, dot.bits // 8))
        with code.loop(0, args["steps"], 1, I32(0)) as step:
            value = code.load(buffer, _element(dot), code.times(step.index, dot.bits // 8))
            wide = code.ir.sext(value, I32)
            if len(dot.orders) > 1:
                wide = code.ir.select(order, code.ir.zext(value, I32), wide)
            step.values[0] = code.ir.add(step.values[0], wide)
        offset = code.ir.trunc(code.number(facts, Term.OFFSET), I32)
        term.values[0] = code.ir.add(term.values[0], code.ir.mul(step.values[0], offset))
        with code.loop(0, groups) as group:
            if dot.steps == 1:
                value = code.ir.sext(code.load(buffer, I16, code.times(group.index, 2)), I32)
            else:
                value = code.load(buffer, I32, code.times(group.index, 4))
            place = code.add(code.times(term.index, groups), group.index, 1)
            code.store(value, goal, code.times(code.times(place, rows), 4), align=4)
    code.store(term.values[0], goal, align=4)


def _transform(code: KernelCode, dot: Dot, facts: ir.Value, source: ir.Value, buffer: ir.Value) -> None:
    """The steps of a row as one term has them."""
    args, element, raw = code.arguments, _element(dot), ir.IntType(dot.container)
    table = code.address(facts, Term.S_TABLE)
    looked_up = code.is_set(code.number(facts, Term.S_TABLE))
    mask, flip = (code.ir.trunc(code.number(facts, place), element) for place in (Term.S_MASK, Term.S_FLIP))
    for by_table in (False, True):
        with (
            code.when(looked_up if by_table else code.ir.not_(looked_up)),
            code.loop(0, args["steps"]) as step,
        ):
            value = code.load(source, raw, code.times(step.index, dot.container // 8))
            if by_table:
                index = code.ir.zext(value, I64)
                value = code.load(table, element, code.times(index, dot.bits // 8))
            else:
                wide = code.ir.sext(value, element) if dot.bits > dot.container else value
                value = code.ir.xor(code.ir.and_(wide, mask), flip)
            code.store(value, buffer, code.times(step.index, dot.bits // 8))


def _element(dot: Dot) -> ir.IntType:
    return ir.IntType(dot.bits)
