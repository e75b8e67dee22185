"""Row tables in the registers of AVX-512 VBMI: the row of a scalar operand, indexed by 64 columns of the other one.

A row's digits (:mod:`.digits`) are tables of bytes in one, two or four registers; ``vpermi2b`` looks 64 columns up in
two of them. After a block of steps the sums of the digits (:mod:`.sums`) are put together by ``vpmaddwd`` and added to
y. A tile has as many vectors of columns as there are registers for sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from llvmlite import ir

from asnet.emulate.kernels import KernelCode, KernelText
from asnet.emulate.row_table.digits import Cut, Digits
from asnet.emulate.row_table.halves import Arguments
from asnet.emulate.row_table.lookup import BYTES, LANES, look_up
from asnet.emulate.row_table.sums import BLOCK, ByteSums, in_order
from asnet.ir.emission import I16, I32, I64, Steps, vector

__all__ = ["StepSource", "emit_sweep"]

_HALVES, _WORDS = vector(32, I16), vector(16, I32)
_REGISTERS = 32
_SPARE = 4  # the operand, a look-up, what puts digits together
_WIDEST = 4
_BIAS = 1 << 15


class StepSource(Protocol):
    """Where the steps of a row are from. The functions' arguments begin with y, v, rows, columns, depth, y_row, v_step;
    those of tiles are the same, for one block of steps."""

    @property
    def arguments(self) -> Arguments:
        """All arguments."""
        ...

    def block(self, code: KernelCode, number: ir.Value) -> dict[str, ir.Value]:
        """The arguments of a tile that differ from those of the sweep, in block ``number`` of the depth."""
        ...

    def row(self, code: KernelCode, row: ir.Value) -> tuple[ir.Value, tuple[ir.Value, ...]]:
        """What the sums of a row start with (i32); its first step, where there are pairs the one behind them (both of
        a pair have one row of the table), and the one behind its last."""
        ...

    def step(self, code: KernelCode, row: ir.Value, step: ir.Value) -> tuple[ir.Value, ir.Value, ir.Value | None]:
        """Number of the table's row (i64), number of the panel's row (i64), what to add to the start of all."""
        ...


def emit_sweep(text: KernelText, name: str, cut: Cut, source: StepSource) -> None:
    """The function ``name``: all sums of a panel, by the widest tiles that there are columns for."""
    widths = _widths(cut)
    for vectors in widths:
        _emit_tile(text, f"{name}.{vectors}", cut, vectors, source)
    with text.function(name, source.arguments) as code:
        at = code.arguments
        vectors = code.up(at["columns"], LANES)
        with code.until(0, vectors) as panel:
            left, first = code.ir.sub(vectors, panel.index), code.times(panel.index, LANES)
            width: ir.Value = I64(1)
            for size in widths[1:]:
                width = code.ir.select(code.ir.icmp_signed("<", left, I64(size)), width, I64(size))
            panel.step = width
            y = code.behind(at["y"], code.times(first, 4))
            with code.loop(0, code.up(at["depth"], BLOCK)) as block:
                step = code.times(block.index, BLOCK)
                v = code.behind(at["v"], code.add(code.times(step, at["v_step"]), first))
                depth = code.least(code.ir.sub(at["depth"], step), BLOCK)
                own = at | {"y": y, "v": v, "depth": depth} | source.block(code, block.index)
                for size in widths:
                    with code.when(code.ir.icmp_signed("==", width, I64(size))):
                        tiles = code.declared(f"{name}.{size}", ir.VoidType(), [kind for _, kind in source.arguments])
                        code.ir.call(tiles, [own[argument] for argument, _ in source.arguments])


def _widths(cut: Cut) -> list[int]:
    """Vectors of columns of the tiles, up to what there are registers for."""
    waiting = sum(digit.steps > 1 for digit in cut.digits)
    free = _REGISTERS - _SPARE - cut.pitch // LANES
    most = max(1, min(_WIDEST, free // (2 * len(cut.digits) + waiting)))
    return sorted({1, min(most, 2), most})


def _emit_tile(text: KernelText, name: str, cut: Cut, vectors: int, source: StepSource) -> None:
    """All rows of ``vectors`` vectors of columns, for at most :data:`BLOCK` steps."""
    with text.function(name, source.arguments) as code:
        at = code.arguments
        with code.loop(0, at["rows"]) as row:
            start, (first, *middle, end) = source.row(code, row.index)
            some = code.ir.or_(code.ir.icmp_signed("<", first, end), code.ir.icmp_signed("!=", start, I32(0)))
            values = ByteSums(code, cut.digits, vectors, LANES, start=start).values
            pairs = [(stop, max(2, cut.group), 2) for stop in middle]
            runs = [*pairs, (end, cut.group, 1), (end, 1, 1)]
            for stop, group, alike in runs:
                whole = code.add(first, code.ir.and_(code.ir.sub(stop, first), I64(-group)))
                with code.loop(first, whole, group, *values) as steps:
                    steps.values = _steps(code, cut, vectors, source, row.index, steps, group, alike)
                first, values = whole, steps.values
            with code.when(some):
                sums = ByteSums(code, cut.digits, vectors, LANES, values)
                y = code.behind(at["y"], code.times(code.times(row.index, at["y_row"]), 4))
                bias = sum(_BIAS << digit.shift for digit in cut.digits) & (1 << 32) - 1
                total = code.splat(code.ir.add(sums.values[0], I32(bias)), _WORDS)
                for number in range(vectors):
                    _flush(code, cut.digits, sums, number, total, code.behind(y, 4 * LANES * number))


def _steps(
    code: KernelCode,
    cut: Cut,
    vectors: int,
    source: StepSource,
    row: ir.Value,
    state: Steps,
    group: int,
    alike: int,
) -> list[ir.Value]:
    """The sums after ``group`` more steps of a row, of which always ``alike`` take one row of the table."""
    at, sums, each = code.arguments, ByteSums(code, cut.digits, vectors, LANES, state.values), cut.entries // LANES
    table: list[ir.Value] = []
    for step in range(group):
        scalar, place, start = source.step(code, row, code.add(state.index, step))
        if start is not None:
            sums.add_to_start(start)
        if step % alike == 0:
            entries = code.behind(at["table"], code.times(scalar, cut.pitch))
            table = [code.load(entries, BYTES, offset, LANES) for offset in range(0, cut.pitch, LANES)]
        v = code.behind(at["v"], code.times(place, at["v_step"]))
        for number in range(vectors):
            x = code.load(v, BYTES, LANES * number, LANES)
            found = [look_up(code, table[index * each : (index + 1) * each], x) for index in range(len(cut.digits))]
            in_order(code, *(sums.digit(index, number, byte, step, group) for index, byte in enumerate(found)))
    return sums.values


def _flush(code: KernelCode, digits: Digits, sums: ByteSums, number: int, start: ir.Value, y: ir.Value) -> None:
    """Add the 64 columns of vector ``number`` to y: Σ (digit - :data:`_BIAS`) · 2^shift and ``start``."""
    bias = code.constant(-_BIAS, _HALVES)
    apart = [[code.ir.xor(side, bias) for side in sums.apart(index, number)] for index in range(len(digits))]
    for half in range(2):
        even, odd = (_total(code, digits, [sides[side] for sides in apart], half) for side in range(2))
        for quarter in range(2):
            offset = 4 * (32 * half + 16 * quarter)
            columns = code.ir.add(code.unpack(even, odd, quarter), start)
            code.store(code.ir.add(code.load(y, _WORDS, offset, LANES), columns), y, offset, LANES)


def _total(code: KernelCode, digits: Digits, sums: Sequence[ir.Value], half: int) -> ir.Value:
    """Σ sum · 2^shift as i32, of half of the columns; ``sums`` of the even or of the odd columns, for each digit.

    In the order of which ``unpack`` of even and odd columns makes neighbours: of the four columns that a 128-bit lane
    has of either, two belong to the first 16 columns of the half and two to the last.
    """
    multiply_add = code.declared("llvm.x86.avx512.pmaddw.d.512", _WORDS, [_HALVES, _HALVES])
    wanted = [
        16 * half + 2 * lane + 8 * quarter + column for lane in range(4) for quarter in range(2) for column in range(2)
    ]
    total: ir.Value | None = None
    for index in range(0, len(digits), 2):
        shift = digits[index].shift
        pair = [*sums[index : index + 2], ir.Constant(_HALVES, None)][:2]
        higher = digits[index + 1].shift - shift if index + 1 < len(digits) else 0
        both = code.shuffle(pair[0], pair[1], [32 * side + place for place in wanted for side in range(2)])
        term: ir.Value = code.ir.call(multiply_add, [both, ir.Constant(_HALVES, [I16(1), I16(1 << higher)] * 16)])
        term = code.ir.shl(term, code.constant(shift, _WORDS)) if shift else term
        total = term if total is None else code.ir.add(total, term)
    assert total is not None
    return total
