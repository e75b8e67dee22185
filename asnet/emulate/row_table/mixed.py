"""Panels in which some steps have operands of one half only: these are taken by half rows, others by whole ones.

Activations of a channel seldom come near the greatest of all channels. The steps of a block are put into classes, by
all operands that some columns have in them; the lists (:mod:`.lists`) of some rows are split, into one for each class.
"""

from __future__ import annotations

from llvmlite import ir

from asnet.emulate.kernels import KernelCode, KernelText
from asnet.emulate.row_table.lists import PARTS
from asnet.emulate.row_table.sums import BLOCK
from asnet.emulate.row_table.tops import emit_tops
from asnet.ir.emission import I8, I16, I32, I64, POINTER

__all__ = ["CLASSES", "MIXED", "MIXED_ARGUMENTS", "emit_mixed"]

MIXED = "mixed"
"""The function for such panels."""

CLASSES = 3
"""Steps with operands of both halves, of the lower half only, of the upper half only; the order of the data's parts."""

_COLUMNS = 512
_ROWS = 64
_LIST = 2 * (_ROWS * BLOCK + 32)
_BOUNDS = 4 * (PARTS * _ROWS + 16)
_ENOUGH = 4
"""All steps are taken by whole rows, if less than one step in so many is of one half, or if columns are few."""

_FEW_COLUMNS = 128

MIXED_ARGUMENTS = (
    *((name, POINTER) for name in ("y", "v")),
    *((name, I64) for name in ("rows", "columns", "depth", "y_row", "v_step", "group")),
    ("data", POINTER),
)
_SPLIT = "split"
_SPLIT_ARGUMENTS = (
    *((name, POINTER) for name in ("steps", "bounds", "base", "classes", "minima", "lists", "ends", "starts")),
    ("rows", I64),
)


def emit_mixed(text: KernelText, listed: tuple[tuple[str, ir.Type], ...], names: tuple[str, str], kinds: int) -> None:
    """The function :data:`MIXED`, which calls ``names`` for whole and for half rows, of each of ``kinds``, with
    arguments ``listed``; its arguments are some of the kernel's."""
    _emit_split(text)
    with text.function(MIXED, MIXED_ARGUMENTS) as code:
        at, data = code.arguments, code.arguments["data"]
        classes, lists = code.scratch(BLOCK), code.scratch(CLASSES * _LIST)
        ends, starts, nothing = code.scratch(CLASSES * _BOUNDS), code.scratch(4 * _ROWS), code.scratch(4 * _ROWS)
        with code.loop(0, _ROWS) as row:
            code.store(I32(0), nothing, code.times(row.index, 4), 4)
        minima, skipped = (code.address(data, 2 * kinds * (CLASSES + 1) + place) for place in range(2))

        def call(part: int, kind: int, own: dict[str, ir.Value]) -> None:
            known = at | own | {"table": code.address(data, 2 * (part * kinds + kind))}
            function = code.declared(f"{names[min(part, 1)]}.{kind}", ir.VoidType(), [kind for _, kind in listed])
            code.ir.call(function, [known[argument] for argument, _ in listed])

        with code.loop(0, at["columns"], _COLUMNS) as column, code.loop(0, code.up(at["depth"], BLOCK)) as block:
            first = code.times(block.index, BLOCK)
            panel = {
                "y": code.behind(at["y"], code.times(column.index, 4)),
                "v": code.behind(at["v"], code.add(code.times(first, at["v_step"]), column.index)),
                "columns": code.least(code.ir.sub(at["columns"], column.index), _COLUMNS),
                "depth": code.least(code.ir.sub(at["depth"], first), BLOCK),
            }
            blocks = code.add(code.times(at["group"], code.up(at["depth"], BLOCK)), block.index)
            place = code.times(blocks, at["rows"])
            pure = _emit_classes(code, panel, classes)
            many = code.ir.icmp_signed(">", panel["columns"], I64(_FEW_COLUMNS))
            pays = code.ir.and_(many, code.ir.icmp_signed(">", code.times(pure, _ENOUGH), panel["depth"]))
            with code.when(code.ir.not_(pays)):
                for kind in range(kinds):
                    steps, bounds = _list(code, kinds, kind, place)
                    own_starts = code.behind(code.address(data, 2 * kind + 1), code.times(place, 4))
                    call(0, kind, panel | {"starts": own_starts, "steps": steps, "bounds": bounds})
            with code.when(pays), code.loop(0, at["rows"], _ROWS) as chunk:
                rows = code.least(code.ir.sub(at["rows"], chunk.index), _ROWS)
                y = code.behind(panel["y"], code.times(code.times(chunk.index, at["y_row"]), 4))
                for kind in range(kinds):
                    own = code.add(place, chunk.index)
                    base = nothing if kind else code.behind(skipped, code.times(own, 4))
                    split = code.declared(_SPLIT, ir.VoidType(), [kind for _, kind in _SPLIT_ARGUMENTS])
                    here = _list(code, kinds, kind, own)
                    code.ir.call(split, [*here, base, classes, minima, lists, ends, starts, rows])
                    for part in range(CLASSES):
                        call(
                            *(part, kind),
                            panel
                            | {"y": y, "rows": rows, "starts": nothing if part else starts}
                            | {"steps": code.behind(lists, part * _LIST), "bounds": code.behind(ends, part * _BOUNDS)},
                        )


def _list(code: KernelCode, kinds: int, kind: int, place: ir.Value) -> list[ir.Value]:
    """Steps and bounds of a kind, from row number ``place`` of all on."""
    steps, bounds = (code.address(code.arguments["data"], 2 * (CLASSES * kinds + kind) + each) for each in range(2))
    return [steps, code.behind(bounds, code.times(place, 4 * PARTS))]


def _emit_classes(code: KernelCode, panel: dict[str, ir.Value], classes: ir.Value) -> ir.Value:
    """Write the class of every step; how many have operands of one half."""
    v_step = code.arguments["v_step"]
    with code.loop(0, panel["depth"], 1, I64(0)) as step:
        v = code.behind(panel["v"], code.times(step.index, v_step))
        lower, upper = emit_tops(code, v, v_step, panel["columns"], 1)
        found = code.ir.select(lower, I8(1), code.ir.select(upper, I8(2), I8(0)))
        code.store(found, classes, step.index)
        step.values = [code.add(step.values[0], code.ir.zext(code.ir.or_(lower, upper), I64))]
    return step.values[0]


def _emit_split(text: KernelText) -> None:
    """Split the lists of some rows: three lists, three bounds, and what the sums of all three start with."""
    with text.function(_SPLIT, _SPLIT_ARGUMENTS) as code:
        at = code.arguments
        with code.loop(0, at["rows"], 1, *[I64(0)] * CLASSES) as row:
            for part in range(PARTS):
                _store_ends(code, row.values, code.add(code.times(row.index, PARTS), part))
            place = code.times(row.index, 4 * PARTS)
            first, end = (
                code.ir.zext(code.load(at["bounds"], I32, code.add(place, 4 * part), 4), I64) for part in (0, PARTS)
            )
            start = code.load(at["base"], I32, code.times(row.index, 4), 4)
            with code.loop(first, end, 1, start, *row.values) as step:
                start, *counts = step.values
                entry = code.load(at["steps"], I16, code.times(step.index, 2), 2)
                number = code.ir.zext(entry, I64)
                found = code.ir.zext(code.load(at["classes"], I8, code.ir.and_(number, I64(BLOCK - 1))), I64)
                line = code.add(code.times(found, BLOCK), code.ir.lshr(number, I64(8)))
                start = code.ir.add(start, code.load(at["minima"], I32, code.times(line, 4), 4))
                for part, count in enumerate(counts):
                    code.store(entry, at["lists"], code.add(code.times(count, 2), part * _LIST), 2)
                    own = code.ir.icmp_signed("==", found, I64(part))
                    counts[part] = code.add(count, code.ir.zext(own, I64))
                step.values = [start, *counts]
            code.store(step.values[0], at["starts"], code.times(row.index, 4), 4)
            row.values = step.values[1:]
        _store_ends(code, row.values, code.times(at["rows"], PARTS))


def _store_ends(code: KernelCode, counts: list[ir.Value], place: ir.Value) -> None:
    for part, count in enumerate(counts):
        code.store(code.ir.trunc(count, I32), code.arguments["ends"], code.add(code.times(place, 4), part * _BOUNDS), 4)
