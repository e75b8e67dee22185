"""Row tables in the registers of AVX-512 VBMI: the row of a scalar operand, indexed by 64 columns of the other one.

A row's digits (:mod:`.digits`) are tables of bytes in one, two or four registers; ``vpermi2b`` looks 64 columns up in
two of them. After a block of steps the sums of the digits (:mod:`.sums`) are put together by ``vpmaddwd`` and added to
y. A tile has as many vectors of columns as there are registers for sums.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from asnet.emulate.kernels import KernelCode, KernelText, Target
from asnet.emulate.row_table.digits import Cut, Digits
from asnet.emulate.row_table.halves import ARGUMENTS, HALF, WHOLE, emit_kernel
from asnet.emulate.row_table.sums import BLOCK, ByteSums, in_order
from asnet.ir.emission import I8, I16, I32, I64, Steps, vector

__all__ = ["LANES", "registers_kernel"]

LANES = 64
_BYTES, _HALVES, _WORDS = vector(64, I8), vector(32, I16), vector(16, I32)
_REGISTERS = 32
_SPARE = 4  # the operand, a look-up, what puts digits together
_WIDEST = 6


def registers_kernel(target: Target, whole: Cut, half: Cut | None) -> str:
    """The kernel for operands of 8 bits, or of fewer without ``half``; its data: :func:`.halves.emit_kernel`."""
    text = KernelText(target)
    _emit_sweep(text, WHOLE, whole)
    if half is not None:
        _emit_sweep(text, HALF, half)
    emit_kernel(text, halves=half is not None)
    return str(text)


def _emit_sweep(text: KernelText, name: str, cut: Cut) -> None:
    """The function ``name`` of :data:`ARGUMENTS`: all sums of a panel, by tiles as even as possible."""
    most = _most_vectors(cut)
    for vectors in range(1, most + 1):
        _emit_tile(text, f"{name}.{vectors}", cut, vectors)
    with text.function(name, ARGUMENTS) as code:
        at = code.arguments
        vectors = code.up(at["columns"], LANES)
        panels = code.ir.udiv(code.add(vectors, most - 1), I64(most))
        even, wider = code.ir.udiv(vectors, panels), code.ir.urem(vectors, panels)
        with code.loop(0, panels, 1, I64(0)) as panel:
            begin = panel.values[0]
            more = code.ir.icmp_signed("<", panel.index, wider)
            width = code.add(even, code.ir.zext(more, I64))
            with code.loop(0, at["depth"], BLOCK) as block:
                depth = code.least(code.ir.sub(at["depth"], block.index), BLOCK)
                v = code.behind(at["v"], code.add(code.times(block.index, at["v_step"]), begin))
                places = [code.behind(at["y"], code.times(begin, 4)), v, code.behind(at["s"], block.index)]
                for size in range(1, most + 1):
                    with code.when(code.ir.icmp_signed("==", width, I64(size))):
                        rest = [at[key] for key in ("y_row", "v_step", "s_row", "table", "minima")]
                        kinds = [kind for _, kind in ARGUMENTS]
                        tiles = code.declared(f"{name}.{size}", ir.VoidType(), kinds)
                        code.ir.call(tiles, [*places, at["rows"], I64(0), depth, *rest])
            panel.values = [code.add(begin, code.times(width, LANES))]


def _most_vectors(cut: Cut) -> int:
    """Vectors of columns that the widest tile has sums for."""
    waiting = sum(digit.steps > 1 for digit in cut.digits)
    free = _REGISTERS - _SPARE - cut.pitch // LANES
    return max(1, min(_WIDEST, free // (2 * len(cut.digits) + waiting)))


def _emit_tile(text: KernelText, name: str, cut: Cut, vectors: int) -> None:
    """All rows of ``vectors`` vectors of columns, for at most :data:`BLOCK` steps."""
    with text.function(name, ARGUMENTS) as code:
        at = code.arguments
        whole = code.ir.and_(at["depth"], I64(-cut.group))
        empty = ByteSums(code, cut.digits, vectors, LANES).values
        with code.loop(0, at["rows"]) as row:
            s = code.behind(at["s"], code.times(row.index, at["s_row"]))
            with code.loop(0, whole, cut.group, *empty) as steps:
                steps.values = _steps(code, cut, vectors, s, steps, cut.group)
            with code.loop(whole, at["depth"], 1, *steps.values) as last:
                last.values = _steps(code, cut, vectors, s, last, 1)
            sums = ByteSums(code, cut.digits, vectors, LANES, last.values)
            y = code.behind(at["y"], code.times(code.times(row.index, at["y_row"]), 4))
            start = code.splat(sums.values[0], _WORDS)
            for number in range(vectors):
                _flush(code, cut.digits, sums, number, start, code.behind(y, 4 * LANES * number))


def _steps(code: KernelCode, cut: Cut, vectors: int, s: ir.Value, state: Steps, group: int) -> list[ir.Value]:
    """The sums after ``group`` more steps of the row of scalars ``s``."""
    at, sums, each = code.arguments, ByteSums(code, cut.digits, vectors, LANES, state.values), cut.entries // LANES
    s = code.behind(s, state.index)
    v = code.behind(at["v"], code.times(state.index, at["v_step"]))
    for step in range(group):
        scalar = code.ir.zext(code.load(s, I8, step), I64)
        sums.minimum(code.load(at["minima"], I32, code.times(scalar, 4), 4))
        row = code.behind(at["table"], code.times(scalar, cut.pitch))
        table = [code.load(row, _BYTES, place, LANES) for place in range(0, cut.pitch, LANES)]
        for number in range(vectors):
            x = code.load(v, _BYTES, LANES * number, LANES)
            found = [_look_up(code, table[index * each : (index + 1) * each], x) for index in range(len(cut.digits))]
            in_order(code, *(sums.digit(index, number, byte, step, group) for index, byte in enumerate(found)))
        v = code.behind(v, at["v_step"])
    return sums.values


def _look_up(code: KernelCode, table: Sequence[ir.Value], x: ir.Value) -> ir.Value:
    """``table`` (1, 2 or 4 registers) at the 6, 7 or 8 lowest bits of every byte of ``x``."""
    if len(table) == 1:
        permute = code.declared("llvm.x86.avx512.permvar.qi.512", _BYTES, [_BYTES, _BYTES])
        return code.ir.call(permute, [table[0], x])
    permute = code.declared("llvm.x86.avx512.vpermi2var.qi.512", _BYTES, [_BYTES] * 3)
    halves = [code.ir.call(permute, [low, x, high]) for low, high in zip(table[::2], table[1::2], strict=True)]
    if len(halves) == 1:
        return halves[0]
    return code.ir.select(code.ir.icmp_signed("<", x, ir.Constant(_BYTES, None)), halves[1], halves[0])


def _flush(code: KernelCode, digits: Digits, sums: ByteSums, number: int, start: ir.Value, y: ir.Value) -> None:
    """Add the 64 columns of vector ``number`` to y: Σ digit · 2^shift and ``start``."""
    apart = [sums.apart(index, number) for index in range(len(digits))]
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
