"""The tiles that go over a panel: a few rows of sums in registers, added to y at the end."""

from __future__ import annotations

from llvmlite import ir

from asnet.emulate.integer.dot import Dot
from asnet.emulate.kernels import KernelCode, KernelText
from asnet.ir.emission import I32, I64, POINTER, vector

__all__ = ["add_sums", "emit_tiles"]

_POINTERS = (("y", POINTER), ("v", POINTER), ("s", POINTER))


def emit_tiles(text: KernelText, dot: Dot, order: int, accumulator: int) -> ir.Function:
    """``tiles(y, v, s, rows, groups, y_row, shift)``: all rows of a pass, over one strip of a panel.

    ``s``: the prepared rows, whose ``groups`` are those of all terms of the pass; ``y`` has ``accumulator`` bits.
    """
    tiles = [(rows, _emit_tile(text, dot, order, rows, accumulator)) for rows in dot.rows]
    numbers = [(name, I64) for name in ("rows", "groups", "y_row", "shift")]
    with text.function(f"tiles.{order}", [*_POINTERS, *numbers]) as code:
        args = code.arguments
        row_bytes = code.times(code.add(args["groups"], 1), 4)
        y_bytes = code.times(args["y_row"], accumulator // 8)
        first: ir.Value = I64(0)
        for rows, tile in tiles:
            with code.loop(first, code.add(args["rows"], 1 - rows), rows) as row:
                y = code.behind(args["y"], code.times(row.index, y_bytes))
                s = code.behind(args["s"], code.times(row.index, row_bytes))
                code.ir.call(tile, [y, args["v"], s, args["groups"], y_bytes, args["shift"]])
            first = row.index
        return code.function


def _emit_tile(text: KernelText, dot: Dot, order: int, rows: int, accumulator: int) -> ir.Function:
    """``tile(y, v, s, groups, y_bytes, shift)``: ``rows`` rows of sums."""
    numbers = [(name, I64) for name in ("groups", "y_bytes", "shift")]
    with text.function(f"tile.{order}.{rows}", [*_POINTERS, *numbers]) as code:
        args = code.arguments
        size = dot.operand.count * dot.bits // 8
        starts: list[ir.Value] = []
        for row in range(rows):
            starts += [code.splat(code.load(args["s"], I32, 4 * row, align=4), dot.sums)] * dot.vectors
        with code.loop(0, args["groups"], 1, *starts) as state:
            v = code.behind(args["v"], code.times(state.index, size * dot.vectors))
            s = code.behind(args["s"], code.times(code.add(state.index, 1), 4 * rows))
            vectors = [code.load(v, dot.operand, size * number, align=size) for number in range(dot.vectors)]
            totals: list[ir.Value] = []
            for row in range(rows):
                scalar = code.load(s, I32, 4 * row, align=4)
                before = state.values[row * dot.vectors : (row + 1) * dot.vectors]
                totals += [dot.add(code, total, x, scalar, order) for total, x in zip(before, vectors, strict=True)]
            state.values = totals
        for row in range(rows):
            y = code.behind(args["y"], code.times(args["y_bytes"], row))
            sums = dot.natural(code, state.values[row * dot.vectors : (row + 1) * dot.vectors])
            add_sums(code, dot, y, sums, accumulator)
        return code.function


def add_sums(code: KernelCode, dot: Dot, y: ir.Value, sums: list[ir.Value], accumulator: int) -> None:
    """Add the ``sums`` of a tile's row to y, shifted; argument ``shift``."""
    number = ir.IntType(accumulator)
    parts = accumulator // 32
    kind = vector(dot.lanes // parts, number)
    shift = code.splat(code.ir.trunc(code.arguments["shift"], number) if parts == 1 else code.arguments["shift"], kind)
    for place, total in enumerate(sums):
        for part in range(parts):
            own = range(part * kind.count, (part + 1) * kind.count)
            value = total if parts == 1 else code.ir.sext(code.shuffle(total, total, own), kind)
            offset = 4 * dot.lanes * parts * place + part * kind.count * accumulator // 8
            before = code.load(y, kind, offset, align=min(64, 4 * dot.lanes))
            code.store(code.ir.add(before, code.ir.shl(value, shift)), y, offset, align=min(64, 4 * dot.lanes))
