"""The kernel around a lifted design: sums of products, with lanes over columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from asnet.emulate.kernels import KernelCode, KernelText, Target
from asnet.emulate.lift.lifting import Lifting, sides
from asnet.emulate.lift.words import WordDesign
from asnet.ir import Products
from asnet.ir.emission import F32, I8, I16, I32, I64, vector
from asnet.ir.products import container
from asnet.types import ELEMENT_TYPES, OperandType

__all__ = ["LiftedUnit", "number_of", "products_text", "word_of"]

_TYPES = {"float": F32, "i8": I8, "i16": I16, "i32": I32, "i64": I64}
_ROWS = ((50, 8), (300, 4))
"""Cells of a design, at most, and of how many rows sums are computed together; of larger ones one."""


@dataclass(frozen=True)
class LiftedUnit:
    """A design and the types of its operands and result."""

    design: WordDesign
    operand: OperandType
    result: OperandType


def word_of(code: KernelCode, value: ir.Value, operand: OperandType) -> ir.Value:
    """An operand (float, or an integer in a container) as a word."""
    kind = value.type
    target = vector(kind.count, I32) if isinstance(kind, ir.VectorType) else I32
    if operand.is_float:
        return code.ir.bitcast(value, target)
    value = code.ir.zext(value, target) if kind not in (target,) else value
    mask = (1 << operand.width) - 1
    constant = code.constant(mask, target) if isinstance(target, ir.VectorType) else I32(mask)
    return code.ir.and_(value, constant)


def number_of(code: KernelCode, word: ir.Value, result: OperandType, kind: ir.Type) -> ir.Value:
    """A result (a word) as a float, or extended to an integer type."""
    if result.is_float:
        return code.ir.bitcast(word, kind)
    single = word.type.element if isinstance(word.type, ir.VectorType) else word.type
    wanted = kind.element if isinstance(kind, ir.VectorType) else kind
    assert isinstance(single, ir.IntType)
    assert isinstance(wanted, ir.IntType)
    spare = single.width - result.width
    if result.signed and spare:
        by = code.constant(spare, word.type) if isinstance(word.type, ir.VectorType) else single(spare)
        word = code.ir.ashr(code.ir.shl(word, by), by)
    if single.width == wanted.width:
        return word
    if single.width > wanted.width:
        return code.ir.trunc(word, kind)
    return (code.ir.sext if result.signed else code.ir.zext)(word, kind)


def products_text(unit: LiftedUnit, what: Products, target: Target) -> str:
    """LLVM IR of a kernel for sums of products (:mod:`asnet.ir.products`)."""
    text = KernelText(target)
    with text.kernel() as code:
        _Sums(code, unit, what).emit()
    return str(text)


class _Sums:
    def __init__(self, code: KernelCode, unit: LiftedUnit, what: Products) -> None:
        self._code, self._unit, self._what = code, unit, what
        self._lanes = code.target.width // 4
        self._element = _TYPES[ELEMENT_TYPES[container(what.type)].llvm]
        self._total = _TYPES[ELEMENT_TYPES[what.accumulator].llvm]
        of_v = frozenset("a" if what.vector_is_a else "b")
        self._shared = [number for number, side in enumerate(sides(unit.design)) if side == of_v]

    def emit(self) -> None:
        code, rows = self._code, self._code.arguments["rows"]
        tile = next((count for cells, count in _ROWS if len(self._unit.design.cells) <= cells), 1)
        with code.loop(0, code.arguments["columns"], self._lanes) as across:
            whole = code.ir.and_(rows, I64(-tile))
            with code.loop(0, whole, tile) as row:
                self._tile([code.add(row.index, number) for number in range(tile)], across.index)
            with code.loop(whole, rows) as row:
                self._tile([row.index], across.index)

    def _tile(self, rows: Sequence[ir.Value], column: ir.Value) -> None:
        """The sums of some rows and neighbouring columns."""
        code, lanes = self._code, self._lanes
        arguments, kind = code.arguments, vector(lanes, self._total)
        ends = [
            code.place(arguments["y"], code.add(code.ir.mul(row, arguments["y_row"]), column), self._total)
            for row in rows
        ]
        scalars = [code.place(arguments["s"], code.ir.mul(row, arguments["s_row"]), self._element) for row in rows]
        sums = [code.load(end, kind, align=4) for end in ends]
        with code.loop(0, arguments["depth"], 1, *sums) as step:
            place = code.add(code.ir.mul(step.index, arguments["v_step"]), column)
            v = code.load(code.place(arguments["v"], place, self._element), vector(lanes, self._element))
            word = word_of(code, v, self._unit.operand)
            known: dict[int, ir.Value] = {}
            for number, scalar in enumerate(scalars):
                s = code.load(code.place(scalar, step.index, self._element), self._element)
                other = word_of(code, s, self._unit.operand)
                a, b = (word, other) if self._what.vector_is_a else (other, word)
                lifting = Lifting(code, self._unit.design, a, b, lanes, known)
                product = number_of(code, self._in_lanes(lifting), self._unit.result, kind)
                known = {shared: lifting.source(shared) for shared in self._shared}
                add = code.ir.fadd if self._unit.result.is_float else code.ir.add
                step.values[number] = add(step.values[number], product)
        for end, total in zip(ends, step.values, strict=True):
            code.store(total, end, align=4)

    def _in_lanes(self, lifting: Lifting) -> ir.Value:
        value = lifting.result()
        return (
            value if isinstance(value.type, ir.VectorType) else self._code.splat(value, vector(self._lanes, value.type))
        )
