"""The kernels that pack: columns of an operand, wherever they are in memory, into the lanes of a panel."""

from __future__ import annotations

from llvmlite import ir

from asnet.lower.arithmetic import F32, I32, I64
from asnet.lower.tiled.code import Kernels, nest, poison, vector
from asnet.lower.tiled.lanes import DENSE, every, transpose

__all__ = ["WIDTH", "pack", "pack_rows", "pack_scalars"]

WIDTH = 16
"""Columns that are packed at a time, at most."""

_BLOCK = 8
"""Columns and steps that are transposed at a time."""


def pack(kernels: Kernels, distance: int, axes: int, side: str) -> ir.Function:
    """One vector of columns, ``distance`` floats from each other, for all steps.

    Arguments: ``v``, where the first column is at the first step; ``panel``, its place there; ``pitch``, floats from
    step to step of the panel; ``count`` columns, the lanes behind them are not defined; ``far``, the distance again;
    and for each of ``axes`` axes of the reduction, outermost first, ``extent0`` … and ``step0`` …, its floats from
    neighbour to neighbour in v. ``side``: what the columns get ready for, operand ``a`` or ``b`` of products, "" if for
    nothing. One kernel serves all distances that are not in :data:`~asnet.lower.tiled.lanes.DENSE`.
    """
    dense = distance in DENSE
    key = f"pack{distance if dense else ''}.{axes}.{side}"
    found = kernels.known(key)
    if found is not None:
        return found
    numbers = ["pitch", "count", "far", *(f"{name}{axis}" for axis in range(axes) for name in ("extent", "step"))]
    with kernels.define(key, ("v", "panel"), numbers) as code:
        args = code.arguments
        reach = code.add(code.times(code.add(args["count"], -1), distance), 1)
        mask = code.mask(reach, WIDTH * distance) if dense else None
        written = code.mask(args["count"], WIDTH)
        with nest(code, axes, {"v": "step"}, I64(0)) as state:
            source, goal = code.at(args["v"], state.offsets["v"]), code.at(args["panel"], state.values[0])
            if mask is not None:
                columns = every(code, code.load(source, mask, WIDTH * distance), distance)
                code.store(code.ready(columns, side), goal, written)
            else:
                with code.loop(0, args["count"]) as column:
                    value = code.ir.load(code.at(source, code.times(column.index, args["far"])), typ=F32)
                    code.ir.store(code.ready(value, side), code.at(goal, column.index))
            state.values = [code.add(state.values[0], args["pitch"])]
        return code.function


def pack_rows(kernels: Kernels, side: str) -> ir.Function:
    """Like :func:`pack` with one axis of ``extent0`` steps that are neighbours in v: transposed in registers."""
    key = f"pack.rows.{side}"
    found = kernels.known(key)
    if found is not None:
        return found
    with kernels.define(key, ("v", "panel"), ("pitch", "count", "far", "extent0", "step0")) as code:
        args = code.arguments
        last = code.add(args["count"], -1)
        blocks = code.ir.and_(args["extent0"], I64(-_BLOCK))
        with code.loop(0, args["count"], _BLOCK) as group:
            columns = [code.least(code.add(group.index, column), last) for column in range(_BLOCK)]
            rows = [code.at(args["v"], code.times(column, args["far"])) for column in columns]
            panel = code.at(args["panel"], group.index)
            written = code.mask(code.add(args["count"], code.times(group.index, -1)), _BLOCK)
            with code.loop(0, blocks, _BLOCK) as step:
                block = [code.load(code.at(row, step.index), None, _BLOCK) for row in rows]
                for number, value in enumerate(transpose(code, block)):
                    goal = code.at(panel, code.times(code.add(step.index, number), args["pitch"]))
                    code.store(code.ready(value, side), goal, written)
            with code.loop(blocks, args["extent0"]) as step:
                value: ir.Value = poison(vector(_BLOCK))
                for lane, row in enumerate(rows):
                    value = code.ir.insert_element(value, code.ir.load(code.at(row, step.index), typ=F32), I32(lane))
                goal = code.at(panel, code.times(step.index, args["pitch"]))
                code.store(code.ready(value, side), goal, written)
        return code.function


def pack_scalars(kernels: Kernels, side: str) -> ir.Function:
    """Rows of the scalar operand, ready for products.

    Arguments: ``s``, the operand, its steps neighbours, ``s_row`` floats from row to row; ``panel``, which gets the
    rows one behind the other; ``rows`` rows, ``depth`` steps.
    """
    key = f"pack.scalars.{side}"
    found = kernels.known(key)
    if found is not None:
        return found
    with kernels.define(key, ("s", "panel"), ("s_row", "rows", "depth")) as code:
        args = code.arguments
        with code.loop(0, args["rows"]) as row:
            source = code.at(args["s"], code.times(row.index, args["s_row"]))
            goal = code.at(args["panel"], code.times(row.index, args["depth"]))
            following = code.at(source, code.times(I64(_AHEAD), args["s_row"]))
            with code.loop(0, args["depth"], WIDTH) as step:
                code.prefetch(code.at(following, step.index))
                mask = code.mask(code.add(args["depth"], code.times(step.index, -1)), WIDTH)
                values = code.ready(code.load(code.at(source, step.index), mask, WIDTH), side)
                code.store(values, code.at(goal, step.index), mask)
        return code.function


_AHEAD = 2
"""Rows that :func:`pack_scalars` prefetches ahead."""
