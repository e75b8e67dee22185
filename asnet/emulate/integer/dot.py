"""How a processor sums products of small integers: the shape of a panel and of the tiles that go over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from asnet.emulate.kernels import KernelCode, Target
from asnet.ir.emission import I8, I16, I32, vector
from asnet.ir.products import COLUMNS

__all__ = ["WORDS", "Dot", "Ranges", "dot_for"]

Ranges = tuple[tuple[int, int], tuple[int, int]]
"""Least and greatest number of the vector operand, and of the scalar one."""

WORDS = 2
"""The order of panels of bytes in which two neighbours are the two bytes of an operand: half as many steps."""

_WORDS = "llvm.x86.avx512.vpdpwssd.512"
_BYTE, _UNSIGNED_BYTE, _SHORT = (-128, 127), (0, 255), (-32768, 32767)


@dataclass(frozen=True)
class Dot:
    """Sums of ``steps`` products in each of ``lanes`` lanes of 32 bits, of operands in ``container`` bits each.

    In a panel, an operand has ``bits`` bits, and the ``steps`` steps of a column are neighbours. A tile is ``vectors``
    vectors of sums wide and has one of ``rows`` rows, the most that are left. ``orders``: the ranges of the operands
    that an instruction takes, for each way round; the second way is the scalar operand as the first of ``vpdpbusd``,
    the third one is :data:`WORDS`.
    """

    container: int
    bits: int
    steps: int
    lanes: int
    vectors: int
    rows: tuple[int, ...]
    orders: tuple[Ranges, ...]
    instruction: str = ""

    @property
    def columns(self) -> int:
        """Columns of a tile."""
        return self.lanes * self.vectors

    @property
    def strips(self) -> int:
        """How many tiles lie side by side in a panel of :data:`asnet.ir.products.COLUMNS` columns."""
        return COLUMNS // self.columns

    @property
    def step_bytes(self) -> int:
        """Bytes of a step of a panel."""
        return COLUMNS * self.bits // 8

    @property
    def sums(self) -> ir.VectorType:
        """A vector of sums."""
        return vector(self.lanes, I32)

    @property
    def operand(self) -> ir.VectorType:
        """A vector of a panel: its columns in natural order before, interleaved after :meth:`KernelCode.interleave`."""
        return vector(self.lanes * self.steps, I8 if self.bits == 8 else I16)

    def add(self, code: KernelCode, total: ir.Value, v: ir.Value, s: ir.Value, order: int) -> ir.Value:
        """``total`` plus the products of ``v`` with the 32 bits (i32) ``s`` of a row."""
        if not self.instruction:
            scalar = code.splat(code.ir.trunc(s, I16), vector(self.lanes, I16))
            product = code.ir.mul(code.ir.sext(v, self.sums), code.ir.sext(scalar, self.sums))
            return code.ir.add(total, product)
        if order == WORDS:
            kind = vector(self.operand.count // 2, I16)
            words = [code.ir.bitcast(each, kind) for each in (v, code.splat(s, self.sums))]
            function = code.declared(_WORDS, self.sums, (self.sums, kind, kind))
            return code.ir.call(function, [total, *words])
        wide = code.ir.bitcast(code.splat(s, self.sums), self.operand)
        both = [v, wide] if order == 0 else [wide, v]
        if "vpdp" in self.instruction:
            kinds = (self.sums, self.operand, self.operand)
            return code.ir.call(code.declared(self.instruction, self.sums, kinds), [total, *both])
        function = code.declared(self.instruction, self.sums, (self.operand, self.operand))
        return code.ir.add(total, code.ir.call(function, both))

    def natural(self, code: KernelCode, vectors: Sequence[ir.Value]) -> list[ir.Value]:
        """Vectors of sums of a tile in the order of the columns."""
        result: list[ir.Value] = []
        for first in range(0, len(vectors), self.steps):
            result += _natural(code, vectors[first : first + self.steps], self.lanes)
        return result


def _natural(code: KernelCode, vectors: Sequence[ir.Value], lanes: int) -> list[ir.Value]:
    """The inverse of :meth:`~asnet.emulate.kernels.KernelCode.interleave` on sums: blocks of four lanes, transposed."""
    if len(vectors) == 1:
        return list(vectors)
    blocks = lanes // 4

    def pick(a: ir.Value, b: ir.Value, places: Sequence[int]) -> ir.Value:
        return code.shuffle(a, b, [4 * place + lane for place in places for lane in range(4)])

    def turned(a: ir.Value, b: ir.Value, half: int) -> ir.Value:
        order = [side * blocks + block for block in range(blocks) for side in range(2)]
        return pick(a, b, order[half * blocks : (half + 1) * blocks])

    if len(vectors) == 2:
        return [turned(vectors[0], vectors[1], half) for half in range(2)]
    assert len(vectors) == blocks == 4
    result: list[ir.Value] = []
    for half in range(2):
        left, right = (
            pick(a, b, [2 * half, 2 * half + 1, 4 + 2 * half, 5 + 2 * half]) for a, b in (vectors[:2], vectors[2:])
        )
        result += [pick(left, right, [k, 2 + k, 4 + k, 6 + k]) for k in range(2)]
    return result


def dot_for(container: int, target: Target) -> Dot:
    """The fastest way to sum products of operands in containers of ``container`` (8 or 16) bits."""
    lanes = target.width // 4
    if container == 8 and target.vnni:
        orders = (_UNSIGNED_BYTE, _BYTE), (_BYTE, _UNSIGNED_BYTE), (_SHORT, _SHORT)
        return Dot(8, 8, 4, lanes, 4, (6, 4, 2, 1), orders, "llvm.x86.avx512.vpdpbusd.512")
    orders = ((_SHORT, _SHORT),)
    if target.vnni:
        return Dot(container, 16, 2, lanes, 4, (6, 4, 2, 1), orders, _WORDS)
    if target.width == 64:
        return Dot(container, 16, 2, lanes, 4, (6, 4, 2, 1), orders, "llvm.x86.avx512.pmaddw.d.512")
    if target.x86:
        return Dot(container, 16, 2, lanes, 2, (6, 4, 2, 1), orders, "llvm.x86.avx2.pmadd.wd")
    return Dot(container, 16, 1, 8, 1, (4, 2, 1), orders)
