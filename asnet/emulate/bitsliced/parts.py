"""The functions that a bit-sliced kernel calls: gates, transpositions, sums."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from asnet.emulate.bitsliced.assembly import VECTOR, emit_assembly
from asnet.emulate.bitsliced.placed import Place, Placed
from asnet.emulate.bitsliced.portable import emit_portable
from asnet.emulate.bitsliced.program import Program
from asnet.emulate.bitsliced.shape import WORD, Shape
from asnet.emulate.bitsliced.transposing import transposed
from asnet.emulate.kernels import KernelCode, KernelText
from asnet.ir.emission import F32, I32, POINTER, vector

__all__ = ["emit_parts"]


def emit_parts(text: KernelText, shape: Shape) -> None:
    """``step(planes, words, sums)``, the gates of a product; ``vector(bits, planes)`` and ``scalar(bits, planes)``, if
    they have gates; ``transpose<width>(numbers, planes)``; ``add(planes, sums)`` of floats or ``numbers(planes, sums)``
    of integers."""
    _Parts(text, shape)


def _emit(code: KernelCode, placed: Placed, pointers: Sequence[str]) -> None:
    """The gates of ``placed``, in the form that suits the target."""
    places = [code.arguments[name] for name in pointers]
    assembled = code.target.x86 and code.target.width == VECTOR
    (emit_assembly if assembled else emit_portable)(code, placed, places)


class _Parts:
    """The functions that the kernel calls."""

    def __init__(self, text: KernelText, shape: Shape) -> None:
        self._shape, self._text = shape, text
        self._vector = vector(shape.target.width // 4, I32)
        with text.function("step", [(name, POINTER) for name in ("planes", "words", "sums")]) as code:
            _emit(code, shape.step, ("planes", "words", "sums"))
        for name, program in (("vector", shape.vector), ("scalar", shape.scalar)):
            if program.gates:
                with text.function(name, [("bits", POINTER), ("planes", POINTER)]) as code:
                    _emit(code, _side(program), ("bits", "planes"))
        for width in sorted({shape.element, WORD}):
            with text.function(f"transpose{width}", [("numbers", POINTER), ("planes", POINTER)]) as code:
                rows = transposed(code, self._rows(code, "numbers", width), width)
                self._write(code, "planes", rows)
        if shape.is_float:
            with text.function("add", [("planes", POINTER), ("sums", POINTER)]) as code:
                self._add(code)
        else:
            with text.function("numbers", [("planes", POINTER), ("sums", POINTER)]) as code:
                self._numbers(code)

    def _rows(self, code: KernelCode, name: str, count: int, first: int = 0) -> list[ir.Value]:
        width = self._shape.target.width
        places = range(first, first + count)
        return [code.load(code.arguments[name], self._vector, width * row, align=width) for row in places]

    def _write(self, code: KernelCode, name: str, rows: Sequence[ir.Value]) -> None:
        width = self._shape.target.width
        for number, row in enumerate(rows):
            code.store(row, code.arguments[name], width * number, align=width)

    def _add(self, code: KernelCode) -> None:
        """The floats of product planes, added to sums."""
        width, kind = self._shape.target.width, vector(self._shape.row, F32)
        planes = self._rows(code, "planes", WORD)
        for number, bit in self._shape.fixed.items():
            planes[number] = code.constant(-bit, self._vector)
        for number, row in enumerate(transposed(code, planes, WORD)):
            total = code.load(code.arguments["sums"], kind, width * number, align=width)
            total = code.ir.fadd(total, code.ir.bitcast(row, kind))
            code.store(total, code.arguments["sums"], width * number, align=width)

    def _numbers(self, code: KernelCode) -> None:
        """The numbers of the planes of a sum, in the order of v's numbers."""
        shape = self._shape
        zero = code.constant(0, self._vector)
        planes = self._rows(code, "planes", shape.sums)
        planes += [planes[-1] if shape.signed else zero] * (shape.accumulator - shape.sums)
        halves = [transposed(code, planes[first : first + WORD], WORD) for first in range(0, shape.accumulator, WORD)]
        parts = WORD // shape.element
        for row in range(shape.element):
            words = [_alternating(code, [half[row + shape.element * part] for part in range(parts)]) for half in halves]
            value = words[0] if len(words) == 1 else _alternating(code, words)
            code.store(value, code.arguments["sums"], row * parts * len(words) * shape.target.width, align=4)


def _side(program: Program) -> Placed:
    inputs = tuple(Place(0, bit) for bit in range(program.inputs))
    return Placed(program, inputs, tuple(Place(1, number) for number in range(len(program.outputs))))


def _alternating(code: KernelCode, rows: Sequence[ir.Value]) -> ir.Value:
    """The lanes of 1, 2 or 4 vectors by turns, in one vector."""
    if len(rows) == 1:
        return rows[0]
    if len(rows) == 4:
        rows = [_alternating(code, rows[0::2]), _alternating(code, rows[1::2])]
    kind = rows[0].type
    assert isinstance(kind, ir.VectorType)
    return code.shuffle(rows[0], rows[1], [lane + side for lane in range(kind.count) for side in (0, kind.count)])
