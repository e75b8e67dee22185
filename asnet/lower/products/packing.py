"""Packing: runs of neighbours of an operand, wherever they are in memory, into rows of a panel."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from asnet.ir.module import Memory
from asnet.lower.arithmetic import I32, register_type
from asnet.lower.builder import LayerBuilder
from asnet.lower.index import Index
from asnet.lower.products.operands import Operand
from asnet.types import ELEMENT_TYPES

__all__ = ["copy_run", "load_vector"]

_VECTOR_BITS = 512
_MOST_UNROLLED = 8


def copy_run(
    b: LayerBuilder, operand: Operand, source: Index, stride: int, goal: Memory, place: Index, count: int
) -> None:
    """Elements ``source``, ``source + stride`` … of the operand's memory, ``count`` of them, to ``place`` … of
    ``goal``; nothing else is touched.
    """
    bits = max(ELEMENT_TYPES[dtype].bits for dtype in (operand.memory.dtype, operand.container))
    lanes = min(_VECTOR_BITS // bits, 1 << (count.bit_length() - 1))
    if stride not in (1, 2) or lanes < 4:
        with b.nest((count,)) as (step,):
            value = operand.emit(b, b.load(operand.memory.flat, (source + step * stride,)))
            b.store(goal, (place + step,), value)
        return

    def move(at: Index) -> None:
        first = source + at * stride
        if stride == 1:
            values = load_vector(b, operand.memory.flat, first, lanes)
        else:
            values = _every_other(b, operand.memory.flat, first, lanes)
        address = b.address(goal, (place + at,))
        b.ir.store(operand.emit(b, values), address, align=goal.element_bytes)

    whole = count // lanes
    if whole > _MOST_UNROLLED:
        with b.nest((whole,)) as (number,):
            move(number * lanes)
    else:
        for number in range(whole):
            move(Index(number * lanes))
    if count % lanes:
        move(Index(count - lanes))


def load_vector(b: LayerBuilder, memory: Memory, place: Index, lanes: int) -> ir.Value:
    """``lanes`` neighbours from ``place`` on."""
    kind = ir.VectorType(register_type(memory.dtype), lanes)
    return b.ir.load(b.address(memory, (place,)), typ=kind, align=memory.element_bytes)


def _every_other(b: LayerBuilder, memory: Memory, place: Index, lanes: int) -> ir.Value:
    """Elements ``place``, ``place + 2`` …; none behind the last of them is read."""
    low = load_vector(b, memory, place, lanes)
    high = load_vector(b, memory, place + (lanes - 1), lanes)
    return b.ir.shuffle_vector(low, high, _lanes([*range(0, lanes, 2), *range(lanes + 1, 2 * lanes, 2)]))


def _lanes(numbers: Sequence[int]) -> ir.Constant:
    return ir.Constant(ir.VectorType(I32, len(numbers)), [I32(number) for number in numbers])
