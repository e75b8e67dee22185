"""Panels in which some steps have operands of one half only: these are taken by half rows, others by whole ones.

Activations of a channel seldom come near the greatest of all channels. The steps of a block are put into classes, by
all operands that some columns have in them; the lists (:mod:`.lists`) of some rows are split, into one for each class.
"""

from __future__ import annotations

from llvmlite import ir

from asnet.emulate.kernels import KernelCode, KernelText
from asnet.emulate.row_table.lists import PARTS, READ
from asnet.emulate.row_table.lookup import BYTES, LANES, look_up
from asnet.emulate.row_table.sums import BLOCK
from asnet.emulate.row_table.tops import emit_tops
from asnet.ir.emission import I1, I8, I16, I32, I64, POINTER, poison, vector

__all__ = ["CLASSES", "LISTS", "MIXED", "MIXED_ARGUMENTS", "emit_mixed", "list_of"]

MIXED = "mixed"
"""The function for such panels."""

CLASSES = 3
"""Steps with operands of both halves, of the lower half only, of the upper half only; the order of the data's parts."""

_COLUMNS = 256
_ROWS = 64
_LIST = 2 * (_ROWS * BLOCK + READ)
_BOUNDS = 4 * (PARTS * _ROWS + 16)
_ENOUGH = 4
"""All steps are taken by whole rows, if less than one step in so many is of one half: in their order, in which panels
are read the fastest, or where there are few columns by their lists, which load tables less often."""

MIXED_ARGUMENTS = (
    *((name, POINTER) for name in ("y", "v")),
    *((name, I64) for name in ("rows", "columns", "depth", "y_row", "v_step", "s_row", "group")),
    *((name, POINTER) for name in ("s", "data")),
)
_TABLES = ("table", "minima")
_SPLIT = "split"
_SPLIT_ARGUMENTS = (
    *((name, POINTER) for name in ("steps", "bounds", "classes", "lists", "ends")),
    ("rows", I64),
)
_ENTRIES = vector(READ, I16)

LISTS = 3
"""Addresses of a list among the data: steps, bounds, starts."""


def list_of(code: KernelCode, number: int, row: ir.Value) -> dict[str, ir.Value]:
    """The list whose addresses begin at ``number`` of the data, from row number ``row`` of all blocks and groups on."""
    sizes = {"steps": 0, "bounds": 4 * PARTS, "starts": 4}
    data = code.arguments["data"]
    return {
        name: code.behind(code.address(data, number + place), code.times(row, size) if size else 0)
        for place, (name, size) in enumerate(sizes.items())
    }


def emit_mixed(
    text: KernelText,
    listed: tuple[tuple[str, ir.Type], ...],
    direct: tuple[tuple[str, ir.Type], ...],
    functions: tuple[str, str, tuple[str, ...]],
) -> None:
    """The function :data:`MIXED`, whose arguments are some of the kernel's.

    It calls ``functions``: for whole rows and scalars as they come, with arguments ``direct``; with arguments
    ``listed`` for whole rows, and for half rows of each kind.
    """
    in_order, whole, halves = functions
    kinds = len(halves)
    _emit_split(text)
    with text.function(MIXED, MIXED_ARGUMENTS) as code:
        at, data = code.arguments, code.arguments["data"]
        classes, lists = code.scratch(BLOCK), code.scratch(CLASSES * _LIST)
        ends, nothing = code.scratch(CLASSES * _BOUNDS), code.scratch(4 * _ROWS)
        with code.loop(0, _ROWS) as row:
            code.store(I32(0), nothing, code.times(row.index, 4), 4)

        def call(part: int, kind: int, own: dict[str, ir.Value]) -> None:
            tables = {name: code.address(data, 2 * (part * kinds + kind) + i) for i, name in enumerate(_TABLES)}
            name, arguments = (halves[kind] if part else whole, listed) if "steps" in own else (in_order, direct)
            function = code.declared(name, ir.VoidType(), [kind for _, kind in arguments])
            code.ir.call(function, [(at | tables | own)[argument] for argument, _ in arguments])

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
            pays = code.ir.icmp_signed(">", code.times(pure, _ENOUGH), panel["depth"])
            numbers = [2 * kinds * CLASSES + LISTS * kind for kind in range(kinds)]
            many = code.ir.icmp_signed(">", panel["columns"], I64(LANES))
            with code.when(code.ir.and_(many, code.ir.not_(pays))):
                call(0, 0, panel | {"s": code.behind(at["s"], first)})
            with code.when(code.ir.not_(code.ir.or_(many, pays))):
                for kind, number in enumerate(numbers):
                    call(0, kind, panel | list_of(code, number, place))
            with code.when(pays), code.loop(0, at["rows"], _ROWS) as chunk:
                rows = code.least(code.ir.sub(at["rows"], chunk.index), _ROWS)
                y = code.behind(panel["y"], code.times(code.times(chunk.index, at["y_row"]), 4))
                for kind, number in enumerate(numbers):
                    own = list_of(code, number, code.add(place, chunk.index))
                    split = code.declared(_SPLIT, ir.VoidType(), [kind for _, kind in _SPLIT_ARGUMENTS])
                    code.ir.call(split, [own["steps"], own["bounds"], classes, lists, ends, rows])
                    for part in range(CLASSES):
                        split_list = {
                            "steps": code.behind(lists, part * _LIST),
                            "bounds": code.behind(ends, part * _BOUNDS),
                            "starts": nothing if part else own["starts"],
                        }
                        call(part, kind, panel | {"y": y, "rows": rows} | split_list)


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
    """Split the lists of some rows, :data:`READ` entries at a time, into three lists with bounds."""
    with text.function(_SPLIT, _SPLIT_ARGUMENTS) as code:
        at = code.arguments
        table = [code.load(at["classes"], BYTES, place, LANES) for place in range(0, BLOCK, LANES)]
        lanes = ir.Constant(_ENTRIES, [I16(lane) for lane in range(READ)])
        masks = vector(READ, I1)
        compress = code.declared("llvm.experimental.vector.compress.v32i16", _ENTRIES, [_ENTRIES, masks, _ENTRIES])
        count_ones = code.declared("llvm.ctpop.i32", I32, [I32])
        with code.loop(0, at["rows"], 1, *[I64(0)] * CLASSES) as row:
            for part in range(PARTS):
                _store_ends(code, row.values, code.add(code.times(row.index, PARTS), part))
            place = code.times(row.index, 4 * PARTS)
            first, end = (
                code.ir.zext(code.load(at["bounds"], I32, code.add(place, 4 * part), 4), I64) for part in (0, PARTS)
            )
            with code.loop(first, end, READ, *row.values) as step:
                entries = code.load(at["steps"], _ENTRIES, code.times(step.index, 2), 2)
                left = code.ir.trunc(code.least(code.ir.sub(end, step.index), READ), I16)
                counts = code.ir.icmp_unsigned("<", lanes, code.splat(left, _ENTRIES))
                found = code.ir.bitcast(look_up(code, table, code.ir.bitcast(entries, BYTES)), _ENTRIES)
                found = code.ir.and_(found, code.constant(0xFF, _ENTRIES))
                for part, count in enumerate(step.values):
                    own = code.ir.and_(counts, code.ir.icmp_signed("==", found, code.constant(part, _ENTRIES)))
                    together = code.ir.call(compress, [entries, own, poison(_ENTRIES)])
                    code.store(together, at["lists"], code.add(code.times(count, 2), part * _LIST), 2)
                    more = code.ir.call(count_ones, [code.ir.bitcast(own, I32)])
                    step.values[part] = code.add(count, code.ir.zext(more, I64))
            row.values = step.values
        _store_ends(code, row.values, code.times(at["rows"], PARTS))


def _store_ends(code: KernelCode, counts: list[ir.Value], place: ir.Value) -> None:
    for part, count in enumerate(counts):
        code.store(code.ir.trunc(count, I32), code.arguments["ends"], code.add(code.times(place, 4), part * _BOUNDS), 4)
