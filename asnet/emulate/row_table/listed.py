"""The kernel of row tables in registers for constant scalar operands, whose steps are in lists (:mod:`.lists`)."""

from __future__ import annotations

from llvmlite import ir

from asnet.emulate.kernels import KernelCode, KernelText, Target, written
from asnet.emulate.row_table.digits import Cut
from asnet.emulate.row_table.direct import InOrder
from asnet.emulate.row_table.halves import HALF, IN_ORDER, LISTED, WHOLE, emit_kernel
from asnet.emulate.row_table.lists import PARTS
from asnet.emulate.row_table.registers import emit_sweep
from asnet.emulate.row_table.sums import BLOCK
from asnet.ir.emission import I16, I32, I64

__all__ = ["listed_kernel"]


class _Lists:
    """The steps of a row in a block, from a list."""

    arguments = LISTED

    def block(self, code: KernelCode, number: ir.Value) -> dict[str, ir.Value]:
        """The block's part of the list."""
        at = code.arguments
        rows = code.times(number, at["rows"])
        sizes = {"starts": 4, "bounds": 4 * PARTS}
        return {name: code.behind(at[name], code.times(rows, size)) for name, size in sizes.items()}

    def row(self, code: KernelCode, row: ir.Value) -> tuple[ir.Value, tuple[ir.Value, ...]]:
        """Its start, its bounds."""
        at, place = code.arguments, code.times(row, 4 * PARTS)
        bounds = tuple(
            code.ir.zext(code.load(at["bounds"], I32, code.add(place, 4 * part), 4), I64) for part in range(PARTS + 1)
        )
        return code.load(at["starts"], I32, code.times(row, 4), 4), bounds

    def step(self, code: KernelCode, row: ir.Value, step: ir.Value) -> tuple[ir.Value, ir.Value, ir.Value | None]:
        """The two parts of an entry, and the minimum of the table's row."""
        entry = code.ir.zext(code.load(code.arguments["steps"], I16, code.times(step, 2), 2), I64)
        line = code.ir.lshr(entry, I64(8))
        minimum = code.load(code.arguments["minima"], I32, code.times(line, 4), 4)
        return line, code.ir.and_(entry, I64(BLOCK - 1)), minimum


@written
def listed_kernel(target: Target, whole: tuple[Cut, ...], half: tuple[Cut, ...]) -> str:
    """The kernel for operands of 8 bits: ``half`` has a cut for each kind of row, ``whole`` one for all rows; or for
    operands of fewer bits: ``whole`` has one for each kind, there is no ``half``."""
    text = KernelText(target)
    for name, cuts in ((WHOLE, whole), (HALF, half)):
        for number, cut in enumerate(cuts):
            emit_sweep(text, f"{name}.{number}", cut, _Lists())
    if half:
        emit_sweep(text, IN_ORDER, whole[0], InOrder())
    emit_kernel(text, LISTED, halves=bool(half), kinds=len(half or whole))
    return str(text)
