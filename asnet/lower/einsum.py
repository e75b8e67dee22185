"""Einsum: a loop for each letter, those of the output outside."""

from __future__ import annotations

from functools import reduce

from llvmlite import ir

from asnet.lower.context import NUMBERS, LayerContext
from asnet.lower.index import Index
from asnet.lower.registry import lowering
from asnet.network.einsum import einsum

__all__: list[str] = []


@lowering("Einsum")
def _einsum(context: LayerContext) -> None:
    found = einsum(context.layer, context.network)
    operands = [context.input(position, NUMBERS) for position in range(len(context.layer.inputs))]
    y = context.output()
    with context.function(operands, (y,)) as b, b.nest(y.shape) as outer:
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
