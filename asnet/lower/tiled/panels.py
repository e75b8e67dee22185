"""Products in panels: for each block of steps and panel of columns, pack, then tiles of rows over the panel."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator
from dataclasses import dataclass

from llvmlite import ir

from asnet.ir.tiling import Tiling
from asnet.lower.arithmetic import I64
from asnet.lower.tiled.code import Code, Kernels
from asnet.lower.tiled.kernels import tile
from asnet.lower.tiled.lanes import DENSE
from asnet.lower.tiled.operands import Operands, locate
from asnet.lower.tiled.packing import WIDTH, pack, pack_rows, pack_scalars
from asnet.lower.tiled.plan import Plan

__all__ = ["emit_panels", "panel_floats"]


_GROUP = 1 << 17
"""Floats of packed scalars, about: they stay in the second cache while panel after panel is multiplied by them."""
_ROWS = 240
"""Rows that are packed together where all of them are too many; tiles of 4, 5 or 6 leave none of them."""
_READY_DEPTH = 512
"""Steps of a block where scalars are packed."""


def panel_floats(plan: Plan, kernels: Kernels) -> int:
    """Size of the memory that :func:`emit_panels` packs into."""
    return _panel_floats(plan, kernels) + _scalar_floats(plan, kernels)


def _panel_floats(plan: Plan, kernels: Kernels) -> int:
    t = kernels.tiling
    vectors, _ = t.panels(-(-plan.width // t.lanes))[0]
    return _pitch(vectors, t) * _block(plan, kernels) * _inner(plan)


def _ready(plan: Plan, kernels: Kernels) -> bool:
    """Whether the scalar operand is packed too, so that products find both operands ready."""
    return kernels.tiling.sites and plan.s_step == 1


def _scalar_floats(plan: Plan, kernels: Kernels) -> int:
    """What rows of the scalar operand take of the panel's memory, at its end."""
    return _group(plan, kernels) * _block(plan, kernels) * _inner(plan) if _ready(plan, kernels) else 0


def _group(plan: Plan, kernels: Kernels) -> int:
    """Rows whose scalars are packed together."""
    rows = plan.row.extent
    return rows if rows * _block(plan, kernels) * _inner(plan) <= _GROUP else min(rows, _ROWS)


def _pitch(vectors: int, tiling: Tiling) -> int:
    """Floats from step to step of a panel."""
    return vectors * tiling.lanes


def _inner(plan: Plan) -> int:
    return math.prod(step.extent for step in plan.steps[1:])


def _block(plan: Plan, kernels: Kernels) -> int:
    """Iterations of the outermost step axis in a block."""
    depth = min(kernels.tiling.depth, _READY_DEPTH) if _ready(plan, kernels) else kernels.tiling.depth
    blocks = -(-plan.depth // depth)
    return max(1, -(-plan.steps[0].extent // blocks))


@dataclass(frozen=True)
class _Steps:
    """A block of the reduction: where it begins on the outermost step axis, and how much of that it is."""

    first: ir.Value
    count: ir.Value


@dataclass(frozen=True)
class _Rows:
    """``count`` rows from ``first`` on; their scalars in the block at hand, ``s_row`` floats from row to row."""

    first: ir.Value
    count: int
    scalars: ir.Value
    s_row: ir.Value


def emit_panels(code: Code, kernels: Kernels, plan: Plan, operands: Operands, panel: ir.Value) -> None:
    """Emit ``plan`` for one index of its outer axes."""
    with _blocks(code, kernels, plan) as steps:
        if _ready(plan, kernels):
            _groups(code, kernels, plan, operands, panel, steps)
        else:
            scalars = code.at(operands.s, code.times(steps.first, _inner(plan) * plan.s_step))
            rows = _Rows(I64(0), plan.row.extent, scalars, I64(plan.row.s))
            _all_panels(code, kernels, plan, operands, panel, steps, rows)


def _groups(code: Code, kernels: Kernels, plan: Plan, operands: Operands, panel: ir.Value, steps: _Steps) -> None:
    """Groups of rows: pack their scalars, then all panels."""
    size = _group(plan, kernels)
    whole = plan.row.extent // size * size
    packed = code.at(panel, _panel_floats(plan, kernels))
    depth = code.times(steps.count, _inner(plan))
    for low, high, count in ((0, whole, size), (whole, plan.row.extent, plan.row.extent - whole)):
        if low < high:
            with code.loop(low, high, count) as group:
                offset = code.add(code.times(group.index, plan.row.s), code.times(steps.first, _inner(plan)))
                pack = pack_scalars(kernels, plan.scalar_side)
                code.ir.call(pack, [code.at(operands.s, offset), packed, I64(plan.row.s), I64(count), depth])
                rows = _Rows(group.index, count, packed, depth)
                _all_panels(code, kernels, plan, operands, panel, steps, rows)


def _all_panels(
    code: Code, kernels: Kernels, plan: Plan, operands: Operands, panel: ir.Value, steps: _Steps, rows: _Rows
) -> None:
    """Panel after panel for ``rows`` in ``steps``."""
    t = kernels.tiling
    first = 0
    for vectors, count in t.panels(-(-plan.width // t.lanes)):
        columns = vectors * t.lanes
        with code.loop(first, first + count * columns, columns) as state:
            _panel(code, kernels, plan, operands, panel, (state.index, vectors), steps, rows)
        first += count * columns


@contextlib.contextmanager
def _blocks(code: Code, kernels: Kernels, plan: Plan) -> Generator[_Steps]:
    """A loop over the blocks of the reduction."""
    outermost, block = plan.steps[0], _block(plan, kernels)
    with code.loop(0, outermost.extent, block) as at:
        yield _Steps(at.index, code.least(code.ir.sub(I64(outermost.extent), at.index), block))


def _panel(
    code: Code,
    kernels: Kernels,
    plan: Plan,
    operands: Operands,
    panel: ir.Value,
    columns: tuple[ir.Value, int],
    steps: _Steps,
    rows: _Rows,
) -> None:
    """Pack the panel of so many vectors of columns in ``steps``, then tiles of ``rows``."""
    t = kernels.tiling
    first, vectors = columns
    pitch = I64(_pitch(vectors, t))
    end = code.least(code.add(first, vectors * t.lanes), plan.width)
    last = code.add(code.ir.sub(end, first), -(vectors - 1) * t.lanes)
    source = code.at(operands.v, code.times(steps.first, plan.steps[0].v))
    _pack(code, kernels, plan, source, panel, pitch, (first, end), steps.count)
    depth = code.times(steps.count, _inner(plan))
    resume = I64(1) if operands.resume else code.ir.zext(code.ir.icmp_signed("!=", steps.first, I64(0)), I64)
    y = code.at(operands.y, first)
    height = t.rows(vectors)
    whole = rows.count // height * height
    for low, high, count in ((0, whole, height), (whole, rows.count, rows.count - whole)):
        if low < high:
            kernel = tile(kernels, count, vectors, vector_is_a=plan.vector_is_a, ready=_ready(plan, kernels))
            with code.loop(low, high, count) as row:
                number = code.add(rows.first, row.index)
                arguments = [
                    panel,
                    code.at(rows.scalars, code.times(row.index, rows.s_row)),
                    code.at(operands.start, code.times(number, plan.row.start)),
                    code.at(y, code.times(number, plan.row.y)),
                ]
                strides = (I64(plan.s_step), rows.s_row, I64(plan.row.start), I64(plan.row.y))
                code.ir.call(kernel, [*arguments, depth, pitch, *strides, last, resume])


def _pack(
    code: Code,
    kernels: Kernels,
    plan: Plan,
    source: ir.Value,
    panel: ir.Value,
    pitch: ir.Value,
    columns: tuple[ir.Value, ir.Value],
    count: ir.Value,
) -> None:
    """Pack columns first … end - 1 of ``count`` iterations of the outermost step axis, a vector or less at a time."""
    first, end = columns
    innermost = plan.columns[-1]
    rows = len(plan.steps) == 1 and plan.steps[0].v == 1 and innermost.v not in DENSE
    side = plan.side if _ready(plan, kernels) else ""
    kernel = pack_rows(kernels, side) if rows else pack(kernels, innermost.v, len(plan.steps), side)
    with code.until(first, end) as at:
        offset, room = locate(code, plan.columns, at.index)
        width = code.least(code.least(code.ir.sub(end, at.index), WIDTH), room)
        steps: list[ir.Value] = [count, I64(plan.steps[0].v)]
        for step in plan.steps[1:]:
            steps += [I64(step.extent), I64(step.v)]
        goal = code.at(panel, code.ir.sub(at.index, first))
        code.ir.call(kernel, [code.at(source, offset), goal, pitch, width, I64(innermost.v), *steps])
        at.step = width
