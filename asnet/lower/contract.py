"""Emitting contractions: scalar loops in the order of the axes, or tiles for the host.

Both compute the same bits: every output's products are added in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from llvmlite import ir

from asnet.ir.module import Memory
from asnet.lower.builder import LayerBuilder
from asnet.lower.contraction import Contraction
from asnet.lower.index import Index, place
from asnet.lower.tiled import emit_tiled

__all__ = ["Epilogue", "contract"]

Epilogue = Callable[[ir.Value, tuple[Index, ...]], ir.Value]
"""What becomes of the sum at an output, given the indices of the space axes."""


def contract(b: LayerBuilder, c: Contraction, epilogue: Epilogue | None = None) -> None:
    """Emit ``c``; ``epilogue`` turns the sums into what is stored."""
    if b.tiling is None or not emit_tiled(b, b.tiling, c):
        _contract_canonically(b, c, epilogue)
    elif epilogue is not None:
        with b.nest([axis.extent for axis in c.space]) as index:
            where = (place(index, [axis.y for axis in c.space]),)
            b.store(_flat(c.y), where, epilogue(b.load(_flat(c.y), where), index))


def _contract_canonically(b: LayerBuilder, c: Contraction, epilogue: Epilogue | None) -> None:
    with b.each([axis.extent for axis in c.space]) as index:
        initial = b.number(0.0)
        if c.start is not None:
            initial = _load(b, c.start, index, [axis.start for axis in c.space])
        with b.reduction([axis.extent for axis in c.reduction], initial) as acc:
            everything = (*index, *acc.index)
            axes = (*c.space, *c.reduction)
            left = _load(b, c.a, everything, [axis.a for axis in axes])
            right = _load(b, c.b, everything, [axis.b for axis in axes])
            acc.value = b.site("fadd", acc.value, b.site("fmul", left, right))
        value = acc.value if epilogue is None else epilogue(acc.value, index)
        b.store(_flat(c.y), (place(index, [axis.y for axis in c.space]),), value)


def _flat(memory: Memory) -> Memory:
    return replace(memory, shape=(memory.size,))


def _load(b: LayerBuilder, memory: Memory, index: Sequence[Index], strides: Sequence[int]) -> ir.Value:
    return b.load(_flat(memory), (place(index, strides),))
