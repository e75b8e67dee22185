"""The loops of a bit-sliced kernel around the gates.

A block is as many products as a vector has bits (lanes): neighbouring columns of one row, or, where there are fewer
columns, of 2, 4 or 8 rows; then v's numbers are repeated for every row. Of a block of the reduction, v's numbers
become bit planes once for all rows. Lanes keep the order that a transposition gives them: bit i of the 8-, 16- or
32-bit lane k of a plane belongs to number k of vector i, where vector i is the i-th part of the columns, repeated.
"""

from __future__ import annotations

from typing import Final

from llvmlite import ir

from asnet.emulate.bitsliced.parts import emit_parts
from asnet.emulate.bitsliced.shape import WORD, Shape
from asnet.emulate.kernels import KernelCode, KernelText
from asnet.ir.emission import I8, I16, I32, I64, POINTER, vector
from asnet.ir.products import COLUMNS

__all__ = ["kernel_text"]

_INTEGERS = {8: I8, 16: I16, 32: I32, 64: I64}
_BLOCK: Final = (
    *(((name, POINTER)) for name in "yvs"),
    *((name, I64) for name in ("rows", "depth", "y_row", "v_step", "s_row")),
)
"""Arguments of the functions that compute a block of columns, its first column left out."""


def kernel_text(shape: Shape) -> str:
    """LLVM IR of the kernel (:mod:`asnet.ir.products`)."""
    text = KernelText(shape.target)
    emit_parts(text, shape)
    for repeat in shape.repeats:
        with text.function(f"block{repeat}", [*_BLOCK, ("column", I64)]) as code:
            _Block(code, shape, repeat).emit()
    with text.kernel() as code:
        columns = code.arguments["columns"]
        with code.until(0, columns) as across:
            left = code.ir.sub(columns, across.index)
            across.step = I64(COLUMNS)
            for repeat in reversed(shape.repeats[:-1]):
                size = shape.lanes // repeat
                fits = code.ir.icmp_signed(">", left, I64(size - COLUMNS))
                across.step = code.ir.select(fits, I64(size), across.step)
            for repeat in shape.repeats:
                with code.when(code.ir.icmp_signed("==", across.step, I64(shape.lanes // repeat))):
                    code.ir.call(
                        _function(code, f"block{repeat}"), [*(code.arguments[n] for n, _ in _BLOCK), across.index]
                    )
    return str(text)


def _function(code: KernelCode, name: str) -> ir.Function:
    found = code.ir.module.globals[name]
    assert isinstance(found, ir.Function)
    return found


class _Block:
    """The sums of all rows in a block of columns, with ``repeat`` rows at a time."""

    def __init__(self, code: KernelCode, shape: Shape, repeat: int) -> None:
        self._code, self._shape, self._repeat, self._arguments = code, shape, repeat, code.arguments
        width, lanes = shape.target.width, shape.lanes
        self._width = width
        self._element = shape.element // 8
        self._total = shape.accumulator // 8
        self._planes = code.scratch(shape.steps * shape.planes * width)
        self._words = code.scratch(shape.steps * shape.words * width)
        self._bits = code.scratch(WORD * width)
        self._cut = code.scratch(shape.words * WORD * width)
        self._list = code.scratch(shape.words * lanes * 4)
        self._product = code.scratch(max(shape.sums, WORD) * width)
        self._sums = code.scratch(lanes * self._total)

    def emit(self) -> None:
        """All steps, a part of the depth after the other."""
        code, arguments = self._code, self._arguments
        with code.loop(0, arguments["depth"], self._shape.steps) as down:
            steps = code.least(code.ir.sub(arguments["depth"], down.index), self._shape.steps)
            with code.loop(0, steps) as step:
                self._slice(code.add(down.index, step.index), step.index)
            with code.loop(0, arguments["rows"], self._repeat) as rows:
                left = code.least(code.ir.sub(arguments["rows"], rows.index), self._repeat)
                for number in range(self._repeat):
                    self._scalars(rows.index, left, number, down.index, steps)
                self._products(rows.index, left, steps)

    def _call(self, name: str, *arguments: ir.Value) -> None:
        self._code.ir.call(_function(self._code, name), arguments)

    def _slice(self, row: ir.Value, step: ir.Value) -> None:
        """Bit planes of row ``row`` of v, for step ``step``; parts of the columns, each as often as there are rows."""
        code, shape, width = self._code, self._shape, self._width
        place = code.add(code.ir.mul(row, self._arguments["v_step"]), self._arguments["column"])
        source = code.behind(self._arguments["v"], code.times(place, self._element))
        target = code.behind(self._planes, code.times(step, shape.planes * width))
        part = width // self._repeat
        for number in range(shape.element):
            value = code.load(source, vector(part // 8, I64), part * number, align=8)
            spread = code.shuffle(value, value, list(range(part // 8)) * self._repeat)
            code.store(spread, self._bits, width * number, align=width)
        if shape.vector.gates:
            self._call(f"transpose{shape.element}", self._bits, self._bits)
            self._call("vector", self._bits, target)
            return
        whole = shape.planes == shape.element
        self._call(f"transpose{shape.element}", self._bits, target if whole else self._bits)
        for number in range(0 if whole else shape.planes):
            plane = code.load(self._bits, vector(width // 8, I64), width * number, align=width)
            code.store(plane, target, width * number, align=width)

    def _scalars(self, row: ir.Value, left: ir.Value, number: int, first: ir.Value, steps: ir.Value) -> None:
        """Words of s for ``steps`` steps, in the lanes of row ``number`` of those from ``row`` (or of the last)."""
        code, shape, element = self._code, self._shape, self._element
        part = self._width // self._repeat  # bytes of the lanes of a row
        real = code.least(code.add(left, -1), number)
        place = code.add(code.ir.mul(code.add(row, real), self._arguments["s_row"]), first)
        source = code.behind(self._arguments["s"], code.times(place, element))
        if shape.scalar.gates:
            with code.loop(0, steps) as step:
                offset = code.times(step.index, element)
                value = code.load(source, _INTEGERS[shape.element], offset)
                code.store(value, self._bits, offset)
            self._call(f"transpose{shape.element}", self._bits, self._bits)
            self._call("scalar", self._bits, self._cut)
            for group in range(shape.words):
                size = WORD * self._width
                ends = [code.behind(place, group * size) for place in (self._cut, self._list)]
                self._call(f"transpose{WORD}", *ends)
        with code.loop(0, steps) as step:
            for group in range(shape.words):
                value = code.splat(self._word(source, step.index, group), vector(part // 4, I32))
                offset = code.add(
                    code.times(step.index, shape.words * self._width), group * self._width + number * part
                )
                code.store(value, self._words, offset, align=8)

    def _word(self, source: ir.Value, step: ir.Value, group: int) -> ir.Value:
        """Word ``group`` of the scalar of ``step``."""
        code, shape = self._code, self._shape
        if not shape.scalar.gates:
            value = code.load(source, _INTEGERS[shape.element], code.times(step, self._element))
            return value if shape.element == WORD else code.ir.zext(value, I32)
        # number step = (vector, lane) is bit lane * element + vector of a plane: (word, bit) of 32-bit lanes
        lane = code.ir.and_(step, I64(shape.row - 1))
        number = code.ir.lshr(step, I64(shape.row.bit_length() - 1))
        bit = code.add(code.times(lane, shape.element), number)
        word, row = code.ir.lshr(bit, I64(5)), code.ir.and_(bit, I64(WORD - 1))
        index = code.add(code.times(row, shape.lanes // WORD), word, group * shape.lanes)
        return code.load(self._list, I32, code.times(index, 4))

    def _products(self, row: ir.Value, left: ir.Value, steps: ir.Value) -> None:
        code, shape, width = self._code, self._shape, self._width
        if shape.is_float:
            self._exchange("load", row, left)
        else:
            for plane in range(shape.sums):
                code.store(code.constant(0, vector(width // 8, I64)), self._product, plane * width, align=width)
        with code.loop(0, steps) as step:
            planes = code.behind(self._planes, code.times(step.index, shape.planes * width))
            words = code.behind(self._words, code.times(step.index, shape.words * width))
            self._call("step", planes, words, self._product)
            if shape.is_float:
                self._call("add", self._product, self._sums)
        if shape.is_float:
            self._exchange("store", row, left)
        else:
            self._call("numbers", self._product, self._sums)
            self._exchange("add", row, left)

    def _exchange(self, what: str, row: ir.Value, left: ir.Value) -> None:
        """Sums of the block from y, to y, or added to y."""
        code, shape = self._code, self._shape
        part = shape.row // self._repeat  # columns of a row that follow each other in a vector
        kind = vector(part, _INTEGERS[shape.accumulator])
        with code.loop(0, left) as number:
            line = code.ir.mul(code.add(row, number.index), self._arguments["y_row"])
            begin = code.add(line, self._arguments["column"])
            with code.loop(0, shape.element) as vectors:
                lane = code.add(code.times(vectors.index, shape.row), code.times(number.index, part))
                own = code.behind(self._sums, code.times(lane, self._total))
                place = code.add(begin, code.times(vectors.index, part))
                far = code.behind(self._arguments["y"], code.times(place, self._total))
                source, target = (far, own) if what == "load" else (own, far)
                value = code.load(source, kind, align=4)
                if what == "add":
                    value = code.ir.add(value, code.load(target, kind, align=4))
                code.store(value, target, align=4)
