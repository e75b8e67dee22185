"""The kernels that multiply: tiles on panels or on memory, and products with the transpose of rows."""

from __future__ import annotations

from llvmlite import ir

from asnet.lower.arithmetic import F32, I32, I64
from asnet.lower.tiled.code import KernelCode, Kernels, nest, poison, vector
from asnet.lower.tiled.lanes import every, transpose

__all__ = ["BLOCK", "lines", "rows", "tile"]

BLOCK = 8
"""Columns that :func:`rows` computes at a time, and steps that it transposes at a time."""


_LINE = 16
"""Floats of a cache line."""


def tile(kernels: Kernels, rows: int, vectors: int, *, vector_is_a: bool, ready: bool) -> ir.Function:
    """``rows`` outputs times ``vectors`` vectors of columns, the last one cut to ``last`` lanes.

    Arguments: ``v``, the vector operand, ``pitch`` floats from step to step of the reduction; ``s``, the scalar one,
    ``s_step`` floats from step to step and ``s_row`` from row to row; ``start``, from which a row's sums start,
    ``start_row`` floats from row to row, unless ``resume``: then they start with what is in y; ``y``, ``y_row`` floats
    from row to row; ``depth`` steps. Lanes of ``v`` that are cut off are read. ``ready``: both
    operands were packed as such (:meth:`~asnet.lower.tiled.code.KernelCode.ready`).
    """
    key = f"tile{rows}x{vectors}.{_side(vector_is_a)}{'.ready' if ready else ''}"
    found = kernels.known(key)
    if found is not None:
        return found
    pointers = ("v", "s", "start", "y")
    numbers = ("depth", "pitch", "s_step", "s_row", "start_row", "y_row", "last", "resume")
    with kernels.define(key, pointers, numbers) as code:
        args, lanes = code.arguments, code.tiling.lanes
        mask = code.mask(args["last"], lanes)
        masks: list[ir.Value | None] = [*[None] * (vectors - 1), mask]
        y_rows = [code.at(args["y"], code.times(I64(row), args["y_row"])) for row in range(rows)]
        places = [[code.at(y_row, number * lanes) for number in range(vectors)] for y_row in y_rows]
        sums = _starts(code, places, masks, rows)
        for y_row in y_rows:
            for place in range(0, vectors * lanes, _LINE):
                code.prefetch(code.at(y_row, place), write=True)
        s_rows = [code.at(args["s"], code.times(I64(row), args["s_row"])) for row in range(rows)]
        with code.loop(0, args["depth"], 1, *sums) as state:
            v = code.at(args["v"], code.times(state.index, args["pitch"]))
            offset = code.times(state.index, args["s_step"])
            xs = [code.load(code.at(v, number * lanes)) for number in range(vectors)]
            totals: list[ir.Value] = []
            for row in range(rows):
                s = code.broadcast(code.at(s_rows[row], offset))
                products = [code.multiply(*((x, s) if vector_is_a else (s, x)), ready=ready) for x in xs]
                before = state.values[row * vectors : (row + 1) * vectors]
                totals += [code.accumulate(total, product) for total, product in zip(before, products, strict=True)]
            state.values = code.kept(totals, code.tiling.registers)
        targets = [(place, cut) for row in places for place, cut in zip(row, masks, strict=True)]
        for total, (place, cut) in zip(state.values, targets, strict=True):
            code.store(total, place, cut)
        return code.function


def _starts(code: KernelCode, places: list[list[ir.Value]], masks: list[ir.Value | None], rows: int) -> list[ir.Value]:
    """What the sums start with, row by row."""
    args = code.arguments
    resuming, starting, after = (code.ir.append_basic_block(name) for name in ("resume", "start", "sum"))
    code.ir.cbranch(code.ir.icmp_signed("!=", args["resume"], I64(0)), resuming, starting)
    code.ir.position_at_end(resuming)
    kept = [code.load(place, mask) for row in places for place, mask in zip(row, masks, strict=True)]
    code.ir.branch(after)
    code.ir.position_at_end(starting)
    fresh: list[ir.Value] = []
    for row in range(rows):
        start = code.broadcast(code.at(args["start"], code.times(I64(row), args["start_row"])))
        fresh += [start] * len(masks)
    code.ir.branch(after)
    code.ir.position_at_end(after)
    sums: list[ir.Value] = []
    for old, new in zip(kept, fresh, strict=True):
        phi = code.ir.phi(code.vector)
        phi.add_incoming(old, resuming)
        phi.add_incoming(new, starting)
        sums.append(phi)
    return sums


def lines(kernels: Kernels, count: int, distance: int, axes: int, *, vector_is_a: bool) -> ir.Function:
    """``count`` lines of up to :attr:`~asnet.ir.tiling.Tiling.line` outputs of one row, read where they are.

    Arguments: ``v``, the vector operand at the first line, ``line_v`` floats from line to line, its columns
    ``distance`` floats from each other, one of :data:`~asnet.lower.tiled.lanes.DENSE`; ``s``, the scalar operand;
    ``start``, from which all sums start unless ``resume``; ``y``, ``line_y`` floats from line to line; ``width``
    outputs of a line; and for each of ``axes`` axes of the reduction, outermost first, ``extent0`` … and the floats
    from step to step ``v0`` … in v and ``s0`` … in s.
    """
    key = f"lines{count}.{distance}.{axes}.{_side(vector_is_a)}"
    found = kernels.known(key)
    if found is not None:
        return found
    numbers = ["line_v", "line_y", "width", "resume"]
    numbers += [f"{name}{axis}" for axis in range(axes) for name in ("extent", "v", "s")]
    with kernels.define(key, ("v", "s", "start", "y"), numbers) as code:
        args, lanes = code.arguments, code.tiling.line
        kind = vector(lanes)
        reach = code.add(code.times(code.add(args["width"], -1), distance), 1)
        read, written = code.mask(reach, lanes * distance), code.mask(args["width"], lanes)
        sources = [code.at(args["v"], code.times(I64(line), args["line_v"])) for line in range(count)]
        goals = [code.at(args["y"], code.times(I64(line), args["line_y"])) for line in range(count)]
        start = code.splat(code.ir.load(args["start"], typ=F32), kind)
        resume = code.mask(
            code.ir.select(code.ir.icmp_signed("!=", args["resume"], I64(0)), args["width"], I64(0)), lanes
        )
        starts = [code.load(goal, resume, lanes, start) for goal in goals]
        with nest(code, axes, {"v": "v", "s": "s"}, *starts) as state:
            s = code.splat(code.ir.load(code.at(args["s"], state.offsets["s"]), typ=F32), kind)
            totals: list[ir.Value] = []
            for source, total in zip(sources, state.values, strict=True):
                wide = code.load(code.at(source, state.offsets["v"]), read, lanes * distance)
                x = every(code, wide, distance)
                totals.append(code.accumulate(total, code.multiply(*((x, s) if vector_is_a else (s, x)))))
            state.values = totals
        for total, goal in zip(state.values, goals, strict=True):
            code.store(total, goal, written)
        return code.function


def rows(kernels: Kernels, groups: int, far: int, columns: int, *, vector_is_a: bool) -> ir.Function:
    """``columns`` outputs (at most ``groups`` times :data:`BLOCK`) of one row; the steps of a column are neighbours.

    Arguments: ``v``, the vector operand, its columns ``far`` floats from each other; ``s``, the scalar operand,
    ``s_step`` floats from step to step; ``y``, where the sums start and end; ``depth`` steps.
    """
    key = f"rows{groups}.{far}.{columns}.{_side(vector_is_a)}"
    found = kernels.known(key)
    if found is not None:
        return found
    with kernels.define(key, ("v", "s", "y"), ("depth", "s_step")) as code:
        args = code.arguments
        starts = [(group * BLOCK, min(BLOCK, columns - group * BLOCK)) for group in range(groups)]
        masks = [code.mask(I64(count), BLOCK) for _, count in starts]
        goals = [code.at(args["y"], first) for first, _ in starts]
        sources = [
            [code.at(args["v"], (first + min(n, count - 1)) * far) for n in range(BLOCK)] for first, count in starts
        ]
        sums = [code.load(goal, mask, BLOCK) for goal, mask in zip(goals, masks, strict=True)]
        blocks = code.ir.and_(args["depth"], I64(-2 * BLOCK))

        def add(totals: list[ir.Value], step: ir.Value, vectors: list[ir.Value]) -> list[ir.Value]:
            s = code.splat(code.ir.load(code.at(args["s"], code.times(step, args["s_step"])), typ=F32), vector(BLOCK))
            products = [code.multiply(*((x, s) if vector_is_a else (s, x))) for x in vectors]
            return [code.accumulate(total, product) for total, product in zip(totals, products, strict=True)]

        with code.loop(0, blocks, 2 * BLOCK, *sums) as state:
            turned: list[list[list[ir.Value]]] = []
            for group in sources:
                halves = [code.add(state.index, half * BLOCK) for half in range(2)]
                loaded = [[code.load(code.at(row, half), None, BLOCK) for half in halves] for row in group]
                turned.append([transpose(code, [row[half] for row in loaded]) for half in range(2)])
                for row in group:
                    code.prefetch(code.at(row, code.add(state.index, _AHEAD)))
            totals = state.values
            for number in range(2 * BLOCK):
                vectors = [group[number // BLOCK][number % BLOCK] for group in turned]
                totals = add(totals, code.add(state.index, number), vectors)
            state.values = totals
        with code.loop(blocks, args["depth"], 1, *state.values) as rest:
            vectors: list[ir.Value] = []
            for group in sources:
                x: ir.Value = poison(vector(BLOCK))
                for lane, row in enumerate(group):
                    x = code.ir.insert_element(x, code.ir.load(code.at(row, rest.index), typ=F32), I32(lane))
                vectors.append(x)
            rest.values = add(rest.values, rest.index, vectors)
        for total, goal, mask in zip(rest.values, goals, masks, strict=True):
            code.store(total, goal, mask)
        return code.function


_AHEAD = 256
"""Floats that :func:`rows` prefetches ahead."""


def _side(vector_is_a: bool) -> str:
    return "a" if vector_is_a else "b"
