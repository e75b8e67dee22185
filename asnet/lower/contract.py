"""Emitting contractions of floats: scalar loops in the order of the axes; tiles, or calls of kernels, for the host.

All compute the same bits: every output's products are added in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llvmlite import ir

from asnet.ir.module import Memory
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import LayerContext
from asnet.lower.contraction import Contraction
from asnet.lower.index import Index, place
from asnet.lower.products import Operand, PanelProducts
from asnet.lower.tiled import emit_tiled

__all__ = ["Epilogue", "contract", "panels_of"]

Epilogue = Callable[[ir.Value, tuple[Index, ...]], ir.Value]
"""What becomes of the sum at an output, given the indices of the space axes."""


def panels_of(context: LayerContext, c: Contraction, *, varies: bool = False) -> PanelProducts | None:
    """``c`` as calls of a kernel, if the layer is to have that form; the layer's function reads its memories, too.

    ``varies``: there is an epilogue that is not the same for all columns.
    """
    chosen = context.tiling.products if context.tiling is not None and context.tiling.sites else None
    if chosen is None or context.layer.name not in chosen:
        return None
    a, b = (Operand(memory, values=context.network.constants.get(memory.name)) for memory in (c.a, c.b))
    varies = varies or any(axis.start for axis in c.space if axis.y == 1)
    return PanelProducts.of(context, c, a, b, "float32", varies=varies)


@dataclass(frozen=True)
class _Sums:
    """How a contraction of floats starts and finishes the sums that a kernel computes."""

    c: Contraction
    epilogue: Epilogue | None
    sums: tuple[bool, bool] = (False, False)

    def start(self, b: LayerBuilder, index: Sequence[Index]) -> ir.Value:
        return _start(b, self.c, index)

    def result(
        self, b: LayerBuilder, total: ir.Value, sums: tuple[ir.Value | None, ir.Value | None], index: Sequence[Index]
    ) -> ir.Value:
        return total if self.epilogue is None else self.epilogue(total, tuple(index))


def contract(
    b: LayerBuilder, c: Contraction, epilogue: Epilogue | None = None, panels: PanelProducts | None = None
) -> None:
    """Emit ``c``; ``epilogue`` turns the sums into what is stored. ``panels``: what :func:`panels_of` says."""
    if panels is not None:
        panels.emit(b, _Sums(c, epilogue))
    elif b.tiling is None or not emit_tiled(b, b.tiling, c):
        _contract_canonically(b, c, epilogue)
    elif epilogue is not None:
        with b.nest([axis.extent for axis in c.space]) as index:
            where = (place(index, [axis.y for axis in c.space]),)
            b.store(c.y.flat, where, epilogue(b.load(c.y.flat, where), index))


def _contract_canonically(b: LayerBuilder, c: Contraction, epilogue: Epilogue | None) -> None:
    with b.each([axis.extent for axis in c.space], [axis.name for axis in c.space]) as index:
        names = [axis.name for axis in c.reduction]
        with b.reduction([axis.extent for axis in c.reduction], _start(b, c, index), names=names) as acc:
            everything = (*index, *acc.index)
            axes = (*c.space, *c.reduction)
            left = _load(b, c.a, everything, [axis.a for axis in axes])
            right = _load(b, c.b, everything, [axis.b for axis in axes])
            acc.value = b.site("fadd", acc.value, b.site("fmul", left, right))
        value = acc.value if epilogue is None else epilogue(acc.value, index)
        b.store(c.y.flat, (place(index, [axis.y for axis in c.space]),), value)


def _start(b: LayerBuilder, c: Contraction, index: Sequence[Index]) -> ir.Value:
    if c.start is None:
        return b.number(0.0)
    return _load(b, c.start, index, [axis.start for axis in c.space])


def _load(b: LayerBuilder, memory: Memory, index: Sequence[Index], strides: Sequence[int]) -> ir.Value:
    return b.load(memory.flat, (place(index, strides),))
