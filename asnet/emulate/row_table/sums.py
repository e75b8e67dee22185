"""Sums of digits: bytes of some steps are added as bytes, then to 16-bit sums, from which a block's sums come.

A 16-bit lane holds the bytes of two columns. One vector sums whole lanes (modulo 2^16), another the upper byte of each;
what is left of the first without the second is the lower byte's sum. Sums of a block stay below 2^16.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from asnet.emulate.kernels import KernelCode
from asnet.emulate.row_table.digits import Digits
from asnet.ir.emission import I8, I16, I32, vector

__all__ = ["BLOCK", "ByteSums", "in_order"]

BLOCK = 256
"""Steps of a block: 256 · 255 is below 2^16."""


class ByteSums:
    """The sums of ``digits`` for ``vectors`` vectors of ``lanes`` columns, as values that a loop carries.

    ``values``: what all sums start with, then for every digit whole lanes and upper bytes, of each vector.
    """

    def __init__(
        self,
        code: KernelCode,
        digits: Digits,
        vectors: int,
        lanes: int,
        values: Sequence[ir.Value] = (),
        start: ir.Value | None = None,
    ) -> None:
        """With ``values``, or of nothing yet but ``start`` (i32)."""
        self._code, self._digits, self._vectors, self._lanes = code, digits, vectors, lanes
        self._waiting: dict[tuple[int, int], ir.Value] = {}
        nothing = ir.Constant(vector(lanes // 2, I16), None)
        self.values = list(values) or [start or I32(0), *[nothing] * (2 * vectors * len(digits))]

    def add_to_start(self, value: ir.Value) -> None:
        """Add to what all sums start with."""
        self.values[0] = self._code.ir.add(self.values[0], value)

    def digit(self, index: int, number: int, found: ir.Value, step: int, group: int) -> ir.Value:
        """Add what was found for digit ``index`` and vector ``number``, ``step`` of ``group`` unrolled ones.

        The result depends on all bytes so far.
        """
        before = self._waiting.pop((index, number), None)
        byte = found if before is None else self._code.ir.add(before, found)
        if (step + 1) % min(self._digits[index].steps, group):
            self._waiting[index, number] = byte
        else:
            self._widen(index, number, byte)
        return byte

    def _widen(self, index: int, number: int, byte: ir.Value) -> None:
        code, kind = self._code, vector(self._lanes // 2, I16)
        lanes = code.ir.bitcast(byte, kind)
        upper = code.ir.lshr(lanes, code.constant(8, kind))
        for place, term in enumerate((lanes, upper)):
            position = 1 + (2 * index + place) * self._vectors + number
            self.values[position] = code.ir.add(self.values[position], term)

    def apart(self, index: int, number: int) -> tuple[ir.Value, ir.Value]:
        """The sums of digit ``index`` for columns 0, 2, … and for columns 1, 3, … of vector ``number``, as i16."""
        code, kind = self._code, vector(self._lanes // 2, I16)
        lanes, upper = (self.values[1 + (2 * index + place) * self._vectors + number] for place in range(2))
        return code.ir.sub(lanes, code.ir.shl(upper, code.constant(8, kind))), upper

    @property
    def bytes(self) -> ir.VectorType:
        """The type of a vector of digits."""
        return vector(self._lanes, I8)


def in_order(code: KernelCode, *values: ir.Value) -> None:
    """Keep what comes later behind ``values``: LLVM's scheduler would otherwise load more than there are registers."""
    kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
    code.ir.asm(kind, "", ",".join(["v"] * len(values) + ["~{memory}"]), values, side_effect=True)
