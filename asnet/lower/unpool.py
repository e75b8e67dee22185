"""MaxUnpool: zeros, and the elements where their indices say."""

from __future__ import annotations

from dataclasses import replace

from asnet.lower.context import NUMBERS, LayerContext
from asnet.lower.indexing import subscript
from asnet.lower.registry import lowering
from asnet.network.pooling import unpooling

__all__: list[str] = []


@lowering("MaxUnpool")
def _max_unpool(context: LayerContext) -> None:
    found = unpooling(context.layer, context.network)
    x, indices, y = context.input(0, NUMBERS), context.input(1, ("int64",)), context.output()
    inner = y if found.inner == found.shape else context.scratch("inner", found.inner, x.dtype)
    flat = replace(inner, shape=(inner.size,))
    with context.function((x, indices), (inner, y)) as b:
        for memory in dict.fromkeys((inner, y)):
            whole = replace(memory, shape=(memory.size,))
            with b.nest(whole.shape) as index:
                b.store(whole, index, b.constant(0, x.dtype))
        with b.nest(x.shape) as index:
            b.store(flat, (subscript(b, indices, index, flat.size),), b.load(x, index))
        if inner is not y:
            common = [min(a, b) for a, b in zip(found.inner, found.shape, strict=True)]
            with b.nest(common) as index:
                b.store(y, index, b.load(inner, index))
