"""The kernel for integers: blocks of steps, panels of columns, passes, tiles; everything else is data."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass

from llvmlite import ir

from asnet.emulate.integer.dot import WORDS, Dot, dot_for
from asnet.emulate.integer.layout import PANEL_BYTES, ROWS_BYTES, Field, Pass, Term
from asnet.emulate.integer.panels import emit_panel, emit_search, emit_words
from asnet.emulate.integer.rows import emit_rows
from asnet.emulate.integer.single import emit_single
from asnet.emulate.integer.tiles import emit_tiles
from asnet.emulate.kernels import KernelCode, KernelText, Target, written
from asnet.ir.emission import I64, Steps
from asnet.ir.products import COLUMNS

__all__ = ["kernel_text"]


@written
def kernel_text(container: int, accumulator: int, target: Target) -> str:
    """LLVM IR of the kernel for operands in containers of ``container`` bits and y of ``accumulator`` bits."""
    dot = dot_for(container, target)
    text = KernelText(target)
    tiles = tuple(emit_tiles(text, dot, order, accumulator) for order in range(len(dot.orders)))
    words = emit_words(text, dot) if len(dot.orders) > WORDS else None
    singles = tuple(emit_single(text, dot, order, accumulator) for order in range(len(dot.orders[:WORDS])))
    parts = _Parts(
        dot, accumulator, tiles, singles, emit_panel(text, dot), words, emit_search(text, dot), emit_rows(text, dot)
    )
    with text.kernel() as code:
        _emit(code, parts)
    return str(text)


@dataclass(frozen=True)
class _Parts:
    """The functions that the kernel calls."""

    dot: Dot
    accumulator: int
    tiles: tuple[ir.Function, ...]
    singles: tuple[ir.Function, ...]
    panel: ir.Function
    words: ir.Function | None
    search: ir.Function
    rows: ir.Function


@dataclass(frozen=True)
class _Block:
    """Steps from ``first`` on, and how many groups they are; rows from ``row`` on."""

    first: ir.Value
    steps: ir.Value
    groups: ir.Value
    row: ir.Value
    rows: ir.Value


def _emit(code: KernelCode, parts: _Parts) -> None:
    """Blocks of steps, and within them of rows, whose scalars are prepared, by the data or here."""
    args, dot = code.arguments, parts.dot
    data = args["data"]
    panel, rows = code.scratch(PANEL_BYTES), code.scratch(ROWS_BYTES)
    prepared = code.is_set(code.number(data, Field.SCALARS))
    own = code.times(args["group"], code.number(data, Field.GROUP))
    begins = [code.behind(code.address(data, Field.SCALARS), own), code.address(data, Field.VECTORS)]
    most = code.ir.select(prepared, args["rows"], code.number(data, Field.ROWS))
    alone = code.ir.and_(code.ir.icmp_signed("==", args["rows"], I64(1)), code.is_set(code.number(data, Field.SINGLE)))
    size = code.number(data, Field.BLOCK)
    with code.loop(0, args["depth"], size, *begins) as block:
        scalars, vectors = block.values
        steps = code.least(code.ir.sub(args["depth"], block.index), size)
        groups = code.up(steps, dot.steps)
        with code.loop(0, args["rows"], most) as row:
            here = _Block(block.index, steps, groups, row.index, code.least(code.ir.sub(args["rows"], row.index), most))
            with code.when(code.ir.not_(prepared)):
                _prepare(code, parts, here, rows)
            s = code.ir.select(prepared, scalars, rows)
            with code.when(alone):
                _single(code, parts, here, s)
            with code.loop(0, code.ir.select(alone, I64(0), args["columns"]), COLUMNS, vectors) as column:
                _column(code, parts, here, column, panel, s)
        terms, passes = (code.number(data, field) for field in (Field.TERMS, Field.PASSES))
        in_all = code.times(groups, terms)
        panels = code.times(in_all, code.up(args["columns"], COLUMNS))
        block.values = [
            code.behind(scalars, code.times(code.times(code.add(in_all, passes), args["rows"]), 4)),
            code.behind(vectors, code.times(panels, dot.steps * dot.step_bytes)),
        ]


@contextlib.contextmanager
def _passes(code: KernelCode, *carried: ir.Value) -> Generator[tuple[Steps, ir.Value, ir.Value, ir.Value]]:
    """All passes: the loop, the facts of the pass, those of its first term, and how many terms it has."""
    data = code.arguments["data"]
    begin = code.address(data, Field.TERM)
    with code.loop(0, code.number(data, Field.PASSES), 1, *carried, begin) as loop:
        facts = code.behind(code.address(data, Field.PASS), code.times(loop.index, 8 * Pass.SIZE))
        terms, term = code.number(facts, Pass.TERMS), loop.values[-1]
        yield loop, facts, term, terms
        loop.values[-1] = code.behind(term, code.times(terms, 8 * Term.SIZE))


def _prepare(code: KernelCode, parts: _Parts, here: _Block, goal: ir.Value) -> None:
    """The scalar operand of some rows."""
    args = code.arguments
    place = code.add(code.times(here.row, args["s_row"]), here.first)
    source = code.behind(args["s"], code.times(place, parts.dot.container // 8))
    with _passes(code, goal) as (loop, facts, term, terms):
        to = loop.values[0]
        code.ir.call(parts.rows, [to, source, facts, term, args["s_row"], here.rows, here.steps])
        row_bytes = code.times(code.add(code.times(here.groups, terms), 1), 4)
        loop.values[0] = code.behind(to, code.times(row_bytes, here.rows))


def _single(code: KernelCode, parts: _Parts, here: _Block, scalars: ir.Value) -> None:
    """All columns of the only row."""
    args, dot = code.arguments, parts.dot
    source = code.behind(args["v"], code.times(code.times(here.first, args["v_step"]), dot.container // 8))
    with _passes(code, scalars) as (loop, facts, term, terms):
        s = loop.values[0]
        order, shift = code.number(facts, Pass.ORDER), code.number(facts, Pass.SHIFT)
        for number, single in enumerate(parts.singles):
            with code.when(code.ir.icmp_signed("==", order, I64(number))):
                numbers = (args["columns"], args["v_step"], here.steps, terms, shift)
                code.ir.call(single, [args["y"], source, s, term, *numbers])
        loop.values[0] = code.behind(s, code.times(code.add(code.times(here.groups, terms), 1), 4))


def _column(code: KernelCode, parts: _Parts, here: _Block, column: Steps, panel: ir.Value, scalars: ir.Value) -> None:
    """64 columns of some rows; the loop over columns carries the vectors, where they are prepared.

    A pass whose products are all 0 because no operand is a rare one is left out.
    """
    args, dot = code.arguments, parts.dot
    raw = code.ir.not_(code.is_set(code.number(args["data"], Field.VECTORS)))
    y = code.behind(
        args["y"], code.times(code.add(code.times(here.row, args["y_row"]), column.index), parts.accumulator // 8)
    )
    place = code.add(code.times(here.first, args["v_step"]), column.index)
    source = code.behind(args["v"], code.times(place, dot.container // 8))
    tile = dot.operand.count * dot.bits // 8 * dot.vectors
    found = code.scratch(8)
    with _passes(code, scalars, column.values[0]) as (loop, facts, term, terms):
        s, ready = loop.values[:2]
        groups = code.times(here.groups, terms)
        strip = code.times(groups, tile)
        code.store(I64(1), found, align=8)
        with code.when(code.ir.and_(raw, code.is_set(code.number(facts, Pass.SEARCH)))):
            code.ir.call(parts.search, [found, source, facts, args["v_step"], here.steps])
        some = code.is_set(code.load(found, I64, align=8))
        order, shift = code.number(facts, Pass.ORDER), code.number(facts, Pass.SHIFT)
        missing = code.ir.and_(some, code.ir.not_(code.is_set(code.number(facts, Pass.AGAIN))))
        for function, slots in ((parts.panel, 1), (parts.words, 2)):
            if function is None:
                continue
            words = code.ir.icmp_signed("==", order, I64(WORDS))
            mine = words if slots == 2 else code.ir.not_(words)
            here_too = code.ir.and_(code.ir.and_(raw, missing), mine)
            with code.when(here_too), code.loop(0, terms, slots) as each:
                goal = code.behind(panel, code.times(code.times(each.index, here.groups), tile))
                own = code.behind(term, code.times(each.index, 8 * Term.SIZE))
                code.ir.call(function, [goal, source, own, args["v_step"], here.steps, strip])
        v = code.ir.select(raw, panel, ready)
        for number, tiles in enumerate(parts.tiles):
            with (
                code.when(code.ir.and_(some, code.ir.icmp_signed("==", order, I64(number)))),
                code.loop(0, dot.strips) as each,
            ):
                code.ir.call(
                    tiles,
                    [
                        code.behind(y, code.times(each.index, dot.columns * parts.accumulator // 8)),
                        code.behind(v, code.times(each.index, strip)),
                        *(s, here.rows, groups, args["y_row"], shift),
                    ],
                )
        rows_bytes = code.times(code.times(code.add(groups, 1), here.rows), 4)
        loop.values[:2] = [code.behind(s, rows_bytes), code.behind(ready, code.times(strip, dot.strips))]
    column.values = [loop.values[1]]
