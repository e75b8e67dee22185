"""Looking bytes up in registers: ``vpermb`` and ``vpermi2b``."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from asnet.emulate.kernels import KernelCode
from asnet.ir.emission import I8, vector

__all__ = ["BYTES", "LANES", "look_up"]

LANES = 64
BYTES = vector(LANES, I8)


def look_up(code: KernelCode, table: Sequence[ir.Value], x: ir.Value) -> ir.Value:
    """``table`` (1, 2 or 4 registers) at the 6, 7 or 8 lowest bits of every byte of ``x``."""
    if len(table) == 1:
        permute = code.declared("llvm.x86.avx512.permvar.qi.512", BYTES, [BYTES, BYTES])
        return code.ir.call(permute, [table[0], x])
    permute = code.declared("llvm.x86.avx512.vpermi2var.qi.512", BYTES, [BYTES] * 3)
    halves = [code.ir.call(permute, [low, x, high]) for low, high in zip(table[::2], table[1::2], strict=True)]
    if len(halves) == 1:
        return halves[0]
    return code.ir.select(code.ir.icmp_signed("<", x, ir.Constant(BYTES, None)), halves[1], halves[0])
