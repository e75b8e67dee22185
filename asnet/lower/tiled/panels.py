"""Products in panels: for each panel of columns and block of steps, pack, then tiles of rows over the panel."""

from __future__ import annotations

import math

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


def panel_floats(plan: Plan, kernels: Kernels) -> int:
    """Size of the memory that :func:`emit_panels` packs into."""
    t = kernels.tiling
    vectors, _ = t.panels(-(-plan.width // t.lanes))[0]
    return _pitch(vectors, t) * _block(plan, t.depth) * _inner(plan) + _scalar_floats(plan, kernels)


def _ready(plan: Plan, kernels: Kernels) -> bool:
    """Whether the scalar operand is packed too, so that products find both operands ready."""
    return kernels.tiling.sites and plan.s_step == 1


def _scalar_floats(plan: Plan, kernels: Kernels) -> int:
    """What rows of the scalar operand take of the panel's memory, at its end."""
    t = kernels.tiling
    return max(rows for rows, _ in t.tiles) * _block(plan, t.depth) * _inner(plan) if _ready(plan, kernels) else 0


def _pitch(vectors: int, tiling: Tiling) -> int:
    """Floats from step to step of a panel."""
    return vectors * tiling.lanes


def _inner(plan: Plan) -> int:
    return math.prod(step.extent for step in plan.steps[1:])


def _block(plan: Plan, depth: int) -> int:
    """Iterations of the outermost step axis in a block."""
    blocks = -(-plan.depth // depth)
    return max(1, -(-plan.steps[0].extent // blocks))


def emit_panels(code: Code, kernels: Kernels, plan: Plan, operands: Operands, panel: ir.Value) -> None:
    """Emit ``plan`` for one index of its outer axes."""
    t = kernels.tiling
    first = 0
    for vectors, count in t.panels(-(-plan.width // t.lanes)):
        columns = vectors * t.lanes
        with code.loop(first, first + count * columns, columns) as state:
            _panel(code, kernels, plan, operands, panel, state.index, vectors)
        first += count * columns


def _panel(
    code: Code, kernels: Kernels, plan: Plan, operands: Operands, panel: ir.Value, first: ir.Value, vectors: int
) -> None:
    t = kernels.tiling
    outermost = plan.steps[0]
    block, inner = _block(plan, t.depth), _inner(plan)
    pitch = I64(_pitch(vectors, t))
    end = code.least(code.add(first, vectors * t.lanes), plan.width)
    last = code.add(code.ir.sub(end, first), -(vectors - 1) * t.lanes)
    with code.loop(0, outermost.extent, block) as at:
        count = code.least(code.ir.sub(I64(outermost.extent), at.index), block)
        source = code.at(operands.v, code.times(at.index, outermost.v))
        _pack(code, kernels, plan, source, panel, pitch, (first, end), count)
        depth = code.times(count, inner)
        s = code.at(operands.s, code.times(at.index, inner * plan.s_step))
        resume = I64(1) if operands.resume else code.ir.zext(code.ir.icmp_signed("!=", at.index, I64(0)), I64)
        y = code.at(operands.y, first)
        height = t.rows(vectors)
        whole = plan.row.extent // height * height
        ready = _ready(plan, kernels)
        for low, high, rows in ((0, whole, height), (whole, plan.row.extent, plan.row.extent - whole)):
            if low < high:
                kernel = tile(kernels, rows, vectors, vector_is_a=plan.vector_is_a, ready=ready)
                with code.loop(low, high, rows) as row:
                    scalars, s_row = code.at(s, code.times(row.index, plan.row.s)), I64(plan.row.s)
                    if ready:
                        packed = code.at(panel, panel_floats(plan, kernels) - _scalar_floats(plan, kernels))
                        code.ir.call(pack_scalars(kernels, rows, plan.scalar_side), [scalars, packed, s_row, depth])
                        scalars, s_row = packed, depth
                    arguments = [
                        panel,
                        scalars,
                        code.at(operands.start, code.times(row.index, plan.row.start)),
                        code.at(y, code.times(row.index, plan.row.y)),
                    ]
                    strides = (I64(plan.s_step), s_row, I64(plan.row.start), I64(plan.row.y))
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
