"""Row tables by AVX2: the row of a scalar operand in pieces of 16 entries, which ``vpshufb`` looks 32 columns up in.

A column is looked up in all pieces at x, x - 16, x - 32 …: an index below 0 gives 0, of others the lowest four bits
count. Pieces hold what differs (xor) from the piece before, so that all that is found together is the entry.
Of 256 entries the upper half is looked up likewise, at x + 128.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from asnet.emulate.kernels import KernelCode, KernelText, Target, written
from asnet.emulate.row_table.digits import Cut
from asnet.emulate.row_table.halves import DIRECT, HALF, WHOLE, emit_kernel
from asnet.emulate.row_table.sums import BLOCK, ByteSums, in_order
from asnet.ir.emission import I8, I32, I64, Steps, vector
from asnet.types import AnyArray

__all__ = ["PIECE", "differences", "shuffles_kernel"]

PIECE = 16
"""Entries of a piece."""

_HALF = 128
"""Entries that are looked up in one go."""

LANES = 32
_VECTORS = 2
_BYTES, _PIECE = vector(LANES, I8), vector(PIECE, I8)
_WORDS = vector(LANES, I32)


def differences(digits: AnyArray) -> AnyArray:
    """Packed digits (row, digit, entry) in place as such pieces."""
    pieces = digits.reshape(*digits.shape[:2], -1, min(_HALF, digits.shape[2]) // PIECE, PIECE)
    pieces[..., 1:, :] ^= pieces[..., :-1, :].copy()
    return digits


@written
def shuffles_kernel(target: Target, bits: int, whole: Cut, half: Cut | None) -> str:
    """The kernel for operands of ``bits`` bits; ``half`` if they are 8; its data: :func:`.halves.emit_kernel`."""
    text = KernelText(target)
    _emit_sweep(text, f"{WHOLE}.0", whole, bits)
    if half is not None:
        _emit_sweep(text, f"{HALF}.0", half, bits - 1)
    emit_kernel(text, DIRECT, halves=half is not None)
    return str(text)


def _emit_sweep(text: KernelText, name: str, cut: Cut, bits: int) -> None:
    with text.function(name, DIRECT) as code:
        at = code.arguments
        panel_width = LANES * _VECTORS
        with (
            code.loop(0, at["columns"], panel_width) as panel,
            code.loop(0, at["depth"], BLOCK) as block,
            code.loop(0, at["rows"]) as row,
        ):
            depth = code.least(code.ir.sub(at["depth"], block.index), BLOCK)
            v = code.behind(at["v"], code.add(code.times(block.index, at["v_step"]), panel.index))
            s = code.behind(at["s"], code.add(code.times(row.index, at["s_row"]), block.index))
            y = code.behind(at["y"], code.times(code.add(code.times(row.index, at["y_row"]), panel.index), 4))
            whole = code.ir.and_(depth, I64(-cut.group))
            with code.loop(0, whole, cut.group, *ByteSums(code, cut.digits, _VECTORS, LANES).values) as steps:
                steps.values = _steps(code, cut, bits, (v, s), steps, cut.group)
            with code.loop(whole, depth, 1, *steps.values) as last:
                last.values = _steps(code, cut, bits, (v, s), last, 1)
            _flush(code, cut, ByteSums(code, cut.digits, _VECTORS, LANES, last.values), y)


def _steps(
    code: KernelCode, cut: Cut, bits: int, places: tuple[ir.Value, ir.Value], state: Steps, group: int
) -> list[ir.Value]:
    """The sums after ``group`` more steps of the row of scalars."""
    at, sums = code.arguments, ByteSums(code, cut.digits, _VECTORS, LANES, state.values)
    v, s = code.behind(places[0], code.times(state.index, at["v_step"])), code.behind(places[1], state.index)
    for step in range(group):
        scalar = code.ir.zext(code.load(s, I8, step), I64)
        sums.add_to_start(code.load(at["minima"], I32, code.times(scalar, 4), 4))
        row = code.behind(at["table"], code.times(scalar, cut.pitch))
        operands = [code.load(v, _BYTES, LANES * number, LANES) for number in range(_VECTORS)]
        if bits < 8:
            operands = [code.ir.and_(x, code.constant((1 << bits) - 1, _BYTES)) for x in operands]
        found = _look_up(code, cut, row, operands)
        for digit, columns in enumerate(found):
            for number, byte in enumerate(columns):
                sums.digit(digit, number, byte, step, group)
        v = code.behind(v, at["v_step"])
    return sums.values


def _look_up(code: KernelCode, cut: Cut, row: ir.Value, operands: Sequence[ir.Value]) -> list[list[ir.Value]]:
    """For each digit, the entries of ``row`` at ``operands``."""
    shuffle = code.declared("llvm.x86.avx2.pshuf.b", _BYTES, [_BYTES, _BYTES])
    less = code.declared("llvm.ssub.sat.v32i8", _BYTES, [_BYTES, _BYTES])
    twice = [lane % PIECE for lane in range(LANES)]
    found: list[list[ir.Value]] = [[] for _ in cut.digits]
    for first in range(0, cut.entries, _HALF):
        indices = [code.ir.xor(x, code.constant(first, _BYTES)) if first else x for x in operands]
        for piece in range(first, min(first + _HALF, cut.entries), PIECE):
            if piece > first:
                indices = [code.ir.call(less, [index, code.constant(PIECE, _BYTES)]) for index in indices]
            for digit, before in enumerate(found):
                entries = code.load(row, _PIECE, cut.entries * digit + piece, PIECE)
                both = code.shuffle(entries, entries, twice)
                now: list[ir.Value] = [code.ir.call(shuffle, [both, index]) for index in indices]
                found[digit] = [code.ir.xor(*pair) for pair in zip(before, now, strict=True)] if before else now
            in_order(code, *(byte for columns in found for byte in columns))
    return found


def _flush(code: KernelCode, cut: Cut, sums: ByteSums, y: ir.Value) -> None:
    """Add the sums to y."""
    order = [place + side * LANES // 2 for place in range(LANES // 2) for side in range(2)]
    for number in range(_VECTORS):
        total = code.splat(sums.values[0], _WORDS)
        for index, digit in enumerate(cut.digits):
            columns = code.ir.zext(code.shuffle(*sums.apart(index, number), order), _WORDS)
            total = code.ir.add(total, code.ir.shl(columns, code.constant(digit.shift, _WORDS)))
        offset = 4 * LANES * number
        code.store(code.ir.add(code.load(y, _WORDS, offset, LANES), total), y, offset, LANES)
