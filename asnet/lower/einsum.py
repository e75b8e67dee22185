"""Einsum: a loop for each letter, those of the output outside; of two operands a contraction like a matrix product."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from llvmlite import ir

from asnet.ir.module import Memory
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import NUMBERS, LayerContext
from asnet.lower.contract import contract, panels_of
from asnet.lower.contraction import Axis, Contraction
from asnet.lower.index import Index, strides
from asnet.lower.registry import lowering
from asnet.network.einsum import Einsum, einsum

__all__: list[str] = []


@lowering("Einsum")
def _einsum(context: LayerContext) -> None:
    found = einsum(context.layer, context.network)
    operands = [context.input(position, NUMBERS) for position in range(len(context.layer.inputs))]
    y = context.output()
    if found.summed and len(operands) == 2 and y.dtype == "float32":
        c = _contraction(found, operands[0], operands[1], y)
        panels = panels_of(context, c)
        with context.function((*operands, *(panels.memories if panels else ())), (y,)) as b:
            contract(b, c, panels=panels)
        return
    with context.function(operands, (y,)) as b:
        _emit(b, found, operands, y)


def _contraction(found: Einsum, left: Memory, right: Memory, y: Memory) -> Contraction:
    """Each letter an axis; one that an operand has twice (a diagonal) moves along both at once."""

    def axis(letter: str) -> Axis:
        a, b = (
            sum(
                step
                for own, extent, step in zip(letters, operand.shape, strides(operand.shape), strict=True)
                if own == letter and extent > 1
            )
            for letters, operand in zip(found.operands, (left, right), strict=True)
        )
        step = strides(y.shape)[found.output.index(letter)] if letter in found.output else 0
        return Axis(found.extents[letter], a=a, b=b, y=step)

    space, reduction = (tuple(map(axis, letters)) for letters in (found.output, found.summed))
    return Contraction(left, right, y, None, space, reduction)


def _emit(b: LayerBuilder, found: Einsum, operands: Sequence[Memory], y: Memory) -> None:
    with b.each(y.shape) as outer:
        places = dict(zip(found.output, outer, strict=True))

        def term() -> ir.Value:
            values: list[ir.Value] = []
            for letters, operand in zip(found.operands, operands, strict=True):
                axes = zip(letters, operand.shape, strict=True)
                values.append(b.load(operand, [Index() if extent == 1 else places[letter] for letter, extent in axes]))
            return reduce(lambda product, value: b.multiply(product, value, y.dtype), values)

        if not found.summed:
            b.store(y, outer, term())
            return
        extents = [found.extents[letter] for letter in found.summed]
        with b.reduction(extents, b.constant(0, y.dtype)) as acc:
            places.update(zip(found.summed, acc.index, strict=True))
            acc.value = b.add(acc.value, term(), y.dtype)
        b.store(y, outer, acc.value)
