"""A placed program as AVX-512 code: one block of assembly, for the registers of which we care ourselves.

LLVM's scheduler and register allocator take seconds for thousands of gates and keep more values alive; the assembler
takes milliseconds.
"""

from __future__ import annotations

from typing import Final

from llvmlite import ir

from asnet.emulate.bitsliced.order import frugal_order
from asnet.emulate.bitsliced.placed import Place, Placed
from asnet.emulate.bitsliced.registers import Instruction, Operand, allocate
from asnet.emulate.kernels import KernelCode
from asnet.ir.emission import POINTER

__all__ = ["VECTOR", "emit_assembly"]

VECTOR: Final = 64
"""Bytes of a vector."""

_REGISTERS: Final = 32
_PLAIN: Final = {0b1000: "vpandq", 0b1110: "vporq", 0b0110: "vpxorq"}


def emit_assembly(code: KernelCode, placed: Placed, pointers: list[ir.Value]) -> None:
    """Compute ``placed`` behind ``pointers`` at the end of ``code``."""
    allocation = allocate(placed, frugal_order(placed), _REGISTERS)
    places = [*pointers, code.scratch(max(1, allocation.spilled) * VECTOR)]
    text = r"\0A".join(line for instruction in allocation.instructions for line in _lines(instruction))
    constraints = ["r"] * len(places) + [f"~{{zmm{number}}}" for number in range(_REGISTERS)] + ["~{memory}"]
    kind = ir.FunctionType(ir.VoidType(), [POINTER] * len(places))
    code.ir.asm(kind, text, ",".join(constraints), places, True)


def _lines(instruction: Instruction) -> list[str]:
    target = f"%zmm{instruction.target}"
    operands = [_operand(operand) for operand in instruction.operands]
    match instruction.kind:
        case "load" | "copy":
            return [f"vmovdqa64 {operands[0]}, {target}"]
        case "store":
            return [f"vmovdqa64 {target}, {operands[0]}"]
        case "mask":
            shift = 31 - instruction.table
            if not shift:
                return [f"vpsrad $$31, {operands[0]}, {target}"]
            return [f"vpslld $${shift}, {operands[0]}, {target}", f"vpsrad $$31, {target}, {target}"]
        case _:
            return [_gate(target, operands, instruction.table)]


def _gate(target: str, operands: list[str], table: int) -> str:
    if len(operands) == 2 and table in _PLAIN:
        return f"{_PLAIN[table]} {operands[1]}, {operands[0]}, {target}"
    count = len(operands)
    # index bits 2, 1, 0 of the control byte are the target, the first source, the second source
    control = 0
    for index in range(8):
        bits = (index >> 2 & 1, index >> 1 & 1, index & 1)[3 - count :]
        control |= (table >> sum(bit << i for i, bit in enumerate(bits)) & 1) << index
    sources = [target] * (3 - count) + operands
    return f"vpternlogq $${control}, {sources[2]}, {sources[1]}, {target}"


def _operand(operand: Operand) -> str:
    if isinstance(operand, Place):
        return f"{operand.offset * VECTOR}(${operand.base})"
    return f"%zmm{operand}"
