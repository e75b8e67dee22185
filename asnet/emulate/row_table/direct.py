"""The kernel of row tables in registers for scalar operands as they come."""

from __future__ import annotations

from llvmlite import ir

from asnet.emulate.kernels import KernelCode, KernelText, Target, written
from asnet.emulate.row_table.digits import Cut
from asnet.emulate.row_table.halves import DIRECT, HALF, WHOLE, emit_kernel
from asnet.emulate.row_table.registers import emit_sweep
from asnet.emulate.row_table.sums import BLOCK
from asnet.ir.emission import I8, I32, I64

__all__ = ["InOrder", "direct_kernel"]


class InOrder:
    """Every step of the depth, in its order."""

    arguments = DIRECT

    def block(self, code: KernelCode, number: ir.Value) -> dict[str, ir.Value]:
        """The block's scalars."""
        return {"s": code.behind(code.arguments["s"], code.times(number, BLOCK))}

    def row(self, code: KernelCode, row: ir.Value) -> tuple[ir.Value, tuple[ir.Value, ...]]:
        """All of them."""
        return I32(0), (I64(0), code.arguments["depth"])

    def step(self, code: KernelCode, row: ir.Value, step: ir.Value) -> tuple[ir.Value, ir.Value, ir.Value | None]:
        """The row of the scalar, and its minimum."""
        at = code.arguments
        scalar = code.load(at["s"], I8, code.add(code.times(row, at["s_row"]), step))
        number = code.ir.zext(scalar, I64)
        return number, step, code.load(at["minima"], I32, code.times(number, 4), 4)


@written
def direct_kernel(target: Target, whole: Cut, half: Cut | None) -> str:
    """The kernel for operands of 8 bits, or of fewer without ``half``; its data: :func:`.halves.emit_kernel`."""
    text = KernelText(target)
    emit_sweep(text, f"{WHOLE}.0", whole, InOrder())
    if half is not None:
        emit_sweep(text, f"{HALF}.0", half, InOrder())
    emit_kernel(text, DIRECT, halves=half is not None)
    return str(text)
