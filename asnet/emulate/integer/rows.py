"""Preparing the raw scalar operand at run time: transformed, in the order in which tiles read it."""

from __future__ import annotations

from llvmlite import ir

from asnet.emulate.integer.dot import Dot
from asnet.emulate.integer.layout import STEPS, Pass, Term
from asnet.emulate.kernels import KernelCode, KernelText
from asnet.ir.emission import I16, I32, I64, POINTER, vector

__all__ = ["emit_rows"]


def emit_rows(text: KernelText, dot: Dot) -> ir.Function:
    """``rows(goal, s, pass, term, s_row, rows, steps)``: the scalars of one pass and block, not of words."""
    arguments = [(name, POINTER) for name in ("goal", "s", "pass", "term")]
    with text.function("rows", [*arguments, *((name, I64) for name in ("s_row", "rows", "steps"))]) as code:
        args = code.arguments
        buffer = code.scratch(STEPS * dot.bits // 8 + code.target.width)
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
        total = _sum(code, dot, buffer, order)
        offset = code.ir.trunc(code.number(facts, Term.OFFSET), I32)
        term.values[0] = code.ir.add(term.values[0], code.ir.mul(total, offset))
        with code.loop(0, groups) as group:
            if dot.steps == 1:
                value = code.ir.sext(code.load(buffer, I16, code.times(group.index, 2)), I32)
            else:
                value = code.load(buffer, I32, code.times(group.index, 4))
            place = code.add(code.times(term.index, groups), group.index, 1)
            code.store(value, goal, code.times(code.times(place, rows), 4), align=4)
    code.store(term.values[0], goal, align=4)


def _transform(code: KernelCode, dot: Dot, facts: ir.Value, source: ir.Value, buffer: ir.Value) -> None:
    """The steps of a row as one term has them, and zeros up to a whole vector."""
    args, element, raw = code.arguments, ir.IntType(dot.bits), ir.IntType(dot.container)
    wide = _vector(code, dot)
    table = code.address(facts, Term.S_TABLE)
    looked_up = code.is_set(code.number(facts, Term.S_TABLE))
    mask, flip = (code.ir.trunc(code.number(facts, place), element) for place in (Term.S_MASK, Term.S_FLIP))
    whole = code.ir.and_(args["steps"], I64(-wide.count))
    code.store(code.constant(0, wide), buffer, code.times(whole, dot.bits // 8))
    with code.when(looked_up), code.loop(0, args["steps"]) as step:
        index = code.ir.zext(code.load(source, raw, code.times(step.index, dot.container // 8)), I64)
        value = code.load(table, element, code.times(index, dot.bits // 8))
        code.store(value, buffer, code.times(step.index, dot.bits // 8))
    with code.when(code.ir.not_(looked_up)):
        masks, flips = code.splat(mask, wide), code.splat(flip, wide)
        with code.loop(0, whole, wide.count) as step:
            values = code.load(source, vector(wide.count, raw), code.times(step.index, dot.container // 8))
            values = code.ir.xor(code.ir.and_(code.ir.sext(values, wide), masks), flips)
            code.store(values, buffer, code.times(step.index, dot.bits // 8))
        with code.loop(whole, args["steps"]) as step:
            value = code.load(source, raw, code.times(step.index, dot.container // 8))
            value = code.ir.xor(code.ir.and_(code.ir.sext(value, element), mask), flip)
            code.store(value, buffer, code.times(step.index, dot.bits // 8))


def _sum(code: KernelCode, dot: Dot, buffer: ir.Value, order: ir.Value) -> ir.Value:
    """The sum (i32) of the steps in ``buffer``."""
    wide = _vector(code, dot)
    kind = vector(wide.count, I32)
    with code.loop(0, code.arguments["steps"], wide.count, code.constant(0, kind)) as step:
        values = code.load(buffer, wide, code.times(step.index, dot.bits // 8))
        numbers = code.ir.sext(values, kind)
        if len(dot.orders) > 1:
            numbers = code.ir.select(order, code.ir.zext(values, kind), numbers)
        step.values[0] = code.ir.add(step.values[0], numbers)
    return code.ir.call(code.declared(f"llvm.vector.reduce.add.v{kind.count}i32", I32, (kind,)), step.values)


def _vector(code: KernelCode, dot: Dot) -> ir.VectorType:
    return vector(code.target.width * 8 // dot.bits, ir.IntType(dot.bits))
