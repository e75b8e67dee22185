"""A placed program as plain LLVM IR on vectors, for any processor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

from llvmlite import ir

from asnet.emulate.bitsliced.order import frugal_order
from asnet.emulate.bitsliced.placed import Bit, Place, Placed
from asnet.emulate.kernels import KernelCode
from asnet.ir.emission import I32, vector

__all__ = ["emit_portable"]

Formula: TypeAlias = "tuple[str, int, int] | int"
"""``(operation, table, table)`` of two simpler tables, or the number of an input; -1 and -2 are zero and one."""

_INPUTS = (0b10101010, 0b11001100, 0b11110000)


def emit_portable(code: KernelCode, placed: Placed, pointers: list[ir.Value]) -> None:
    """Compute ``placed`` behind ``pointers`` at the end of ``code``. LLVM cares for registers."""
    width = code.target.width
    kind, program = vector(width // 4, I32), placed.program
    values: dict[int, ir.Value] = {}

    def fetch(signal: int) -> ir.Value:
        if signal not in values:
            source = placed.inputs[signal]
            place = source.word if isinstance(source, Bit) else source
            value = code.load(pointers[place.base], kind, place.offset * width, align=width)
            if isinstance(source, Bit):
                up = code.ir.shl(value, code.constant(31 - source.bit, kind))
                value = code.ir.ashr(up, code.constant(31, kind))
            values[signal] = value
        return values[signal]

    homes: dict[int, list[Place]] = {}
    for signal, place in zip(program.outputs, placed.outputs, strict=True):
        homes.setdefault(signal, []).append(place)
    for number in frugal_order(placed):
        gate, signal = program.gates[number], program.inputs + number
        values[signal] = _gate(code, gate.table, [fetch(place) for place in gate.inputs], kind)
        for place in homes.get(signal, ()):
            code.store(values[signal], pointers[place.base], place.offset * width, align=width)
    for signal, places in homes.items():
        if signal < program.inputs:
            for place in places:
                code.store(fetch(signal), pointers[place.base], place.offset * width, align=width)


def _gate(code: KernelCode, table: int, inputs: Sequence[ir.Value], kind: ir.VectorType) -> ir.Value:
    full = sum((table >> (index & (1 << len(inputs)) - 1) & 1) << index for index in range(8))
    made: dict[int, ir.Value] = {}

    def value(wanted: int) -> ir.Value:
        if wanted not in made:
            formula = _formulas()[wanted]
            if isinstance(formula, int):
                made[wanted] = inputs[formula] if formula >= 0 else code.constant(formula + 1, kind)
            else:
                operation, left, right = formula
                made[wanted] = getattr(code.ir, operation)(value(left), value(right))
        return made[wanted]

    return value(full)


@cache
def _formulas() -> tuple[Formula, ...]:
    """The fewest operations for every table of three inputs; an inversion is an operation, with one."""
    cost: dict[int, int] = dict.fromkeys((0, 255, *_INPUTS), 0)
    found: dict[int, Formula] = {0: -1, 255: -2, **{table: number for number, table in enumerate(_INPUTS)}}
    total = 0
    while len(found) < 256:
        total += 1
        known = sorted(cost.items(), key=lambda item: (item[1], item[0]))
        for left, first in known:
            for right, second in known:
                if first + second + 1 != total or left > right:
                    continue
                for operation, table in (("and_", left & right), ("or_", left | right), ("xor", left ^ right)):
                    if table not in found:
                        found[table], cost[table] = (operation, left, right), total
    return tuple(found[table] for table in range(256))
