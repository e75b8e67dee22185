"""The loops of a bit-sliced kernel around the gates.

A block is as many products as a vector has bits (lanes): neighbouring columns of one row, or, where there are fewer
columns, of 2, 4 or 8 rows; then v's numbers are repeated for every row. Of a block of the reduction, v's numbers
become bit planes once for all rows. Lanes keep the order that a transposition gives them: bit i of the 8-, 16- or
32-bit lane k of a plane belongs to number k of vector i, where vector i is the i-th part of the columns, repeated.
"""

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
from asnet.ir.emission import F32, I8, I16, I32, I64, POINTER, vector
from asnet.ir.products import COLUMNS

__all__ = ["kernel_text"]

_INTEGERS = {8: I8, 16: I16, 32: I32, 64: I64}


def kernel_text(shape: Shape) -> str:
    """LLVM IR of the kernel (:mod:`asnet.ir.products`)."""
    text = KernelText(shape.target)
    _Parts(text, shape)
    with text.kernel() as code:
        _Kernel(code, shape).emit()
    return str(text)


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
        with text.function("spread", [("from", POINTER), ("to", POINTER), ("repeat", I64)]) as code:
            self._spread(code)
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

    def _spread(self, code: KernelCode) -> None:
        """The parts of the columns, each as often as there are rows in a block."""
        width = self._shape.target.width
        for repeat in self._shape.repeats:
            part = width // repeat
            with code.when(code.ir.icmp_signed("==", code.arguments["repeat"], I64(repeat))):
                kind = vector(part // 8, I64)
                for row in range(self._shape.element):
                    value = code.load(code.arguments["from"], kind, part * row, align=8)
                    lanes = list(range(part // 8)) * repeat
                    code.store(code.shuffle(value, value, lanes), code.arguments["to"], width * row, align=width)

    def _add(self, code: KernelCode) -> None:
        """The floats of product planes, added to sums."""
        width, kind = self._shape.target.width, vector(self._shape.row, F32)
        for number, row in enumerate(transposed(code, self._rows(code, "planes", WORD), WORD)):
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


class _Kernel:
    def __init__(self, code: KernelCode, shape: Shape) -> None:
        self._code, self._shape, self._arguments = code, shape, code.arguments
        width, lanes = shape.target.width, shape.lanes
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
        code, shape = self._code, self._shape
        columns = self._arguments["columns"]
        with code.until(0, columns) as across:
            left = code.ir.sub(columns, across.index)
            block: ir.Value = I64(COLUMNS)
            for repeat in reversed(shape.repeats[:-1]):
                size = shape.lanes // repeat
                block = code.ir.select(code.ir.icmp_signed(">", left, I64(size - COLUMNS)), I64(size), block)
            across.step = block
            repeat = code.ir.sdiv(I64(shape.lanes), block)
            with code.loop(0, self._arguments["depth"], shape.steps) as down:
                steps = code.least(code.ir.sub(self._arguments["depth"], down.index), shape.steps)
                self._slice(across.index, down.index, steps, repeat)
                with code.until(0, self._arguments["rows"]) as rows:
                    rows.step = repeat
                    left = code.least(code.ir.sub(self._arguments["rows"], rows.index), repeat)
                    self._scalars(rows.index, left, down.index, steps, repeat)
                    self._products(rows.index, left, across.index, steps, repeat)

    def _call(self, name: str, *arguments: ir.Value) -> None:
        function = self._code.ir.module.globals[name]
        assert isinstance(function, ir.Function)
        self._code.ir.call(function, arguments)

    def _slice(self, column: ir.Value, first: ir.Value, steps: ir.Value, repeat: ir.Value) -> None:
        """Bit planes of v for ``steps`` steps."""
        code, shape = self._code, self._shape
        with code.loop(0, steps) as step:
            row = code.ir.mul(code.add(first, step.index), self._arguments["v_step"])
            source = code.behind(self._arguments["v"], code.times(code.add(row, column), self._element))
            target = code.behind(self._planes, code.times(step.index, shape.planes * shape.target.width))
            self._call("spread", source, self._bits, repeat)
            if shape.vector.gates:
                self._call(f"transpose{shape.element}", self._bits, self._bits)
                self._call("vector", self._bits, target)
            elif shape.planes == shape.element:
                self._call(f"transpose{shape.element}", self._bits, target)
            else:
                self._call(f"transpose{shape.element}", self._bits, self._bits)
                self._copy(self._bits, target, I64(shape.planes * shape.target.width), 8)

    def _copy(self, source: ir.Value, target: ir.Value, size: ir.Value, unit: int) -> None:
        """``size`` bytes, a multiple of ``unit``."""
        code = self._code
        with code.loop(0, size, unit) as place:
            value = code.load(code.behind(source, place.index), _INTEGERS[8 * unit])
            code.store(value, code.behind(target, place.index))

    def _scalars(self, row: ir.Value, left: ir.Value, first: ir.Value, steps: ir.Value, repeat: ir.Value) -> None:
        """Words of s for ``steps`` steps, in the lanes of their rows."""
        code, shape = self._code, self._shape
        part = code.ir.sdiv(I64(shape.target.width), repeat)  # bytes of the lanes of a row
        with code.loop(0, repeat) as number:
            real = code.least(number.index, code.add(left, -1))
            place = code.add(code.ir.mul(code.add(row, real), self._arguments["s_row"]), first)
            source = code.behind(self._arguments["s"], code.times(place, self._element))
            if shape.scalar.gates:
                self._copy(source, self._bits, code.times(steps, self._element), self._element)
                self._call(f"transpose{shape.element}", self._bits, self._bits)
                self._call("scalar", self._bits, self._cut)
                for group in range(shape.words):
                    size = WORD * shape.target.width
                    ends = [code.behind(place, group * size) for place in (self._cut, self._list)]
                    self._call(f"transpose{WORD}", *ends)
            begin = code.ir.mul(number.index, part)
            with code.loop(0, steps) as step:
                for group in range(shape.words):
                    value = self._word(source, step.index, group)
                    offset = code.add(code.times(step.index, shape.words), group)
                    target = code.behind(self._words, code.add(code.times(offset, shape.target.width), begin))
                    with code.loop(0, part, 8) as lane:
                        code.store(value, code.behind(target, lane.index))

    def _word(self, source: ir.Value, step: ir.Value, group: int) -> ir.Value:
        """Word ``group`` of the scalar of ``step``, twice in an i64."""
        code, shape = self._code, self._shape
        if not shape.scalar.gates:
            place = code.behind(source, code.times(step, self._element))
            value = code.load(place, _INTEGERS[shape.element])
        else:
            # number step = (vector, lane) is bit lane * element + vector of a plane: (word, bit) of 32-bit lanes
            lane = code.ir.and_(step, I64(shape.row - 1))
            number = code.ir.lshr(step, I64(shape.row.bit_length() - 1))
            bit = code.add(code.times(lane, shape.element), number)
            word, row = code.ir.lshr(bit, I64(5)), code.ir.and_(bit, I64(WORD - 1))
            index = code.add(code.times(row, shape.lanes // WORD), word, group * shape.lanes)
            value = code.load(code.behind(self._list, code.times(index, 4)), I32)
        wide = code.ir.zext(value, I64)
        return code.ir.or_(wide, code.ir.shl(wide, I64(WORD)))

    def _products(self, row: ir.Value, left: ir.Value, column: ir.Value, steps: ir.Value, repeat: ir.Value) -> None:
        code, shape = self._code, self._shape
        width = shape.target.width
        if shape.is_float:
            self._exchange("load", row, left, column, repeat)
        else:
            with code.loop(0, shape.sums * width, 8) as place:
                code.store(I64(0), code.behind(self._product, place.index))
        with code.loop(0, steps) as step:
            planes = code.behind(self._planes, code.times(step.index, shape.planes * width))
            words = code.behind(self._words, code.times(step.index, shape.words * width))
            self._call("step", planes, words, self._product)
            if shape.is_float:
                self._call("add", self._product, self._sums)
        if shape.is_float:
            self._exchange("store", row, left, column, repeat)
        else:
            self._call("numbers", self._product, self._sums)
            self._exchange("add", row, left, column, repeat)

    def _exchange(self, what: str, row: ir.Value, left: ir.Value, column: ir.Value, repeat: ir.Value) -> None:
        """Sums of the block from y, to y, or added to y."""
        code, shape = self._code, self._shape
        part = code.ir.sdiv(I64(shape.row), repeat)  # columns of a row in a vector
        run = COLUMNS // shape.element  # columns that are always together
        kind = vector(run, _INTEGERS[shape.accumulator])
        with code.loop(0, left) as number:
            line = code.ir.mul(code.add(row, number.index), self._arguments["y_row"])
            with code.loop(0, shape.element) as vectors:
                begin = code.add(code.times(vectors.index, shape.row), code.ir.mul(number.index, part))
                first = code.add(line, column, code.ir.mul(vectors.index, part))
                with code.loop(0, part, run) as place:
                    own = code.behind(self._sums, code.times(code.add(begin, place.index), self._total))
                    far = code.behind(self._arguments["y"], code.times(code.add(first, place.index), self._total))
                    source, target = (far, own) if what == "load" else (own, far)
                    value = code.load(source, kind, align=4)
                    if what == "add":
                        value = code.ir.add(value, code.load(target, kind, align=4))
                    code.store(value, target, align=4)
