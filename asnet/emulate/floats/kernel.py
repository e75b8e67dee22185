"""The kernel for masked float32 operands: sums in the order of the steps, panels of columns, tiles of rows.

A block of steps is copied before it is used, masked: 64 columns of the vector operand, strip by strip of a tile's
columns, and the scalar one, tile by tile of rows; both step by step. Constant operands are copied ahead, in the order
in which they are read: scalars for each block and tile, vectors for each block, panel and strip.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from llvmlite import ir

from asnet.emulate.kernels import KernelCode, KernelText, Target, written
from asnet.ir.emission import F32, I32, I64, POINTER, vector
from asnet.ir.products import COLUMNS

__all__ = ["BLOCK", "Field", "Tile", "kernel_text", "tile_for"]

BLOCK: Final = 192
"""Steps that are copied at a time: a strip of them stays in the nearest cache."""

_ROWS: Final = 192
"""Rows whose scalars are copied at a time; a multiple of the rows of every tile."""

_ROW_BYTES: Final = 4 * COLUMNS


class Field(IntEnum):
    """The numbers of the data: masks, and addresses of operands that were copied ahead, or 0.

    ``GROUP`` bytes of scalars belong to each product of a grouped convolution.
    """

    V_MASK = 0
    S_MASK = 1
    SCALARS = 2
    GROUP = 3
    VECTORS = 4


@dataclass(frozen=True)
class Tile:
    """``vectors`` vectors of ``lanes`` sums in each of some rows: the first of ``rows`` that are left."""

    lanes: int
    vectors: int
    rows: tuple[int, ...]

    @property
    def columns(self) -> int:
        """Columns of a tile."""
        return self.lanes * self.vectors


def tile_for(target: Target) -> Tile:
    """The tile that fits the registers of ``target``."""
    return Tile(target.float_lanes, 4 if target.registers == 32 else 2, (6, 4, 2, 1))


@written
def kernel_text(target: Target) -> str:
    """LLVM IR of the kernel."""
    tile = tile_for(target)
    text = KernelText(target)
    copy, scalars = _emit_copy(text, tile), _emit_scalars(text, tile)
    tiles = _emit_tiles(text, tile)
    with text.kernel() as code:
        _emit(code, tile, copy, scalars, tiles)
    return str(text)


def _emit(code: KernelCode, tile: Tile, copy: ir.Function, scalars: ir.Function, tiles: ir.Function) -> None:
    """Blocks of steps, and in them of rows: every block adds to what y holds."""
    args = code.arguments
    data = args["data"]
    panel, rows = code.scratch(BLOCK * _ROW_BYTES), code.scratch(_ROWS * BLOCK * 4)
    v_mask, s_mask = (code.load(data, I32, 8 * field, align=8) for field in (Field.V_MASK, Field.S_MASK))
    ready, known = (code.is_set(code.number(data, field)) for field in (Field.SCALARS, Field.VECTORS))
    own = code.behind(code.address(data, Field.SCALARS), code.times(args["group"], code.number(data, Field.GROUP)))
    most = code.ir.select(ready, args["rows"], I64(_ROWS))
    panels = code.up(args["columns"], COLUMNS)
    with code.loop(0, args["depth"], BLOCK) as block:
        steps = code.least(code.ir.sub(args["depth"], block.index), BLOCK)
        ahead = code.behind(own, code.times(code.times(block.index, args["rows"]), 4))
        with code.loop(0, args["rows"], most) as row:
            count = code.least(code.ir.sub(args["rows"], row.index), most)
            with code.when(code.ir.not_(ready)):
                source = code.add(code.times(row.index, args["s_row"]), block.index)
                code.ir.call(scalars, [rows, code.place(args["s"], source, F32), s_mask, args["s_row"], count, steps])
            s = code.ir.select(ready, ahead, rows)
            with code.loop(0, args["columns"], COLUMNS) as column:
                with code.when(code.ir.not_(known)):
                    source = code.add(code.times(block.index, args["v_step"]), column.index)
                    code.ir.call(copy, [panel, code.place(args["v"], source, F32), v_mask, args["v_step"], steps])
                place = code.add(code.times(block.index, code.times(panels, COLUMNS)), code.times(column.index, steps))
                v = code.ir.select(known, code.place(code.address(data, Field.VECTORS), place, F32), panel)
                y = code.add(code.times(row.index, args["y_row"]), column.index)
                code.ir.call(tiles, [code.place(args["y"], y, F32), v, s, count, steps, args["y_row"]])


def _emit_copy(text: KernelText, tile: Tile) -> ir.Function:
    """``copy(goal, v, mask, v_step, steps)``: 64 columns, masked."""
    arguments = [("goal", POINTER), ("v", POINTER), ("mask", I32), ("v_step", I64), ("steps", I64)]
    with text.function("copy", arguments) as code:
        args, kind = code.arguments, vector(tile.lanes, I32)
        mask = code.splat(args["mask"], kind)
        strip = code.times(args["steps"], 4 * tile.columns)
        with code.loop(0, args["steps"]) as step:
            source = code.place(args["v"], code.times(step.index, args["v_step"]), F32)
            goal = code.behind(args["goal"], code.times(step.index, 4 * tile.columns))
            for place in range(0, COLUMNS, tile.columns):
                own = code.behind(goal, code.times(strip, place // tile.columns))
                for offset in range(0, 4 * tile.columns, 4 * tile.lanes):
                    value = code.load(source, kind, 4 * place + offset, align=4 * tile.lanes)
                    code.store(code.ir.and_(value, mask), own, offset, align=4 * tile.lanes)
        return code.function


def _emit_scalars(text: KernelText, tile: Tile) -> ir.Function:
    """``scalars(goal, s, mask, s_row, rows, steps)``: tiles of rows, masked."""
    numbers = [(name, I64) for name in ("s_row", "rows", "steps")]
    with text.function("scalars", [("goal", POINTER), ("s", POINTER), ("mask", I32), *numbers]) as code:
        args = code.arguments
        first: ir.Value = I64(0)
        for rows in tile.rows:
            with code.loop(first, code.add(args["rows"], 1 - rows), rows) as row:
                goal = code.place(args["goal"], code.times(row.index, args["steps"]), I32)
                sources = [
                    code.place(args["s"], code.times(code.add(row.index, number), args["s_row"]), I32)
                    for number in range(rows)
                ]
                with code.loop(0, args["steps"]) as step:
                    to = code.place(goal, code.times(step.index, rows), I32)
                    for number, source in enumerate(sources):
                        value = code.load(code.place(source, step.index, I32), I32, align=4)
                        code.store(code.ir.and_(value, args["mask"]), to, 4 * number, align=4)
            first = row.index
        return code.function


def _emit_tiles(text: KernelText, tile: Tile) -> ir.Function:
    """``tiles(y, v, s, rows, steps, y_row)``: all rows over the 64 columns of a copied panel."""
    pointers = [(name, POINTER) for name in ("y", "v", "s")]
    sizes = [(rows, _emit_tile(text, tile, rows)) for rows in tile.rows]
    with text.function("tiles", [*pointers, *((name, I64) for name in ("rows", "steps", "y_row"))]) as code:
        args = code.arguments
        with code.loop(0, COLUMNS, tile.columns) as strip:
            v = code.place(args["v"], code.times(strip.index, args["steps"]), F32)
            first: ir.Value = I64(0)
            for rows, function in sizes:
                with code.loop(first, code.add(args["rows"], 1 - rows), rows) as row:
                    y = code.place(args["y"], code.add(code.times(row.index, args["y_row"]), strip.index), F32)
                    s = code.place(args["s"], code.times(row.index, args["steps"]), F32)
                    code.ir.call(function, [y, v, s, args["steps"], args["y_row"]])
                first = row.index
        return code.function


def _emit_tile(text: KernelText, tile: Tile, rows: int) -> ir.Function:
    """``tile(y, v, s, steps, y_row)``: ``rows`` rows of sums in registers."""
    pointers = [(name, POINTER) for name in ("y", "v", "s")]
    with text.function(f"tile.{rows}", [*pointers, ("steps", I64), ("y_row", I64)]) as code:
        args, kind, size = code.arguments, vector(tile.lanes, F32), 4 * tile.lanes
        goals = [code.place(args["y"], code.times(args["y_row"], row), F32) for row in range(rows)]
        places = [(goal, size * number) for goal in goals for number in range(tile.vectors)]
        starts = [code.load(goal, kind, offset, align=size) for goal, offset in places]
        with code.loop(0, args["steps"], 1, *starts) as state:
            v = code.behind(args["v"], code.times(state.index, size * tile.vectors))
            s = code.place(args["s"], code.times(state.index, rows), F32)
            vectors = [code.load(v, kind, size * number, align=size) for number in range(tile.vectors)]
            totals: list[ir.Value] = []
            for row in range(rows):
                scalar = code.splat(code.load(s, F32, 4 * row, align=4), kind)
                before = state.values[row * tile.vectors : (row + 1) * tile.vectors]
                totals += [
                    code.ir.fadd(total, code.ir.fmul(x, scalar)) for total, x in zip(before, vectors, strict=True)
                ]
            state.values = code.kept(totals, code.target.last_registers)
        for (goal, offset), total in zip(places, state.values, strict=True):
            code.store(total, goal, offset, align=size)
        return code.function
