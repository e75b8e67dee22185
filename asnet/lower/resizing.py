"""Resize and Upsample: one loop nest per axis that changes, through a scratch memory between two of them."""

from __future__ import annotations

from dataclasses import replace

from llvmlite import ir

from asnet.ir.module import Memory
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import ANY, LayerContext
from asnet.lower.index import Index
from asnet.lower.registry import lowering
from asnet.network.resizing import Taps, resize

__all__: list[str] = []


@lowering("Resize", "Upsample")
def _resize(context: LayerContext) -> None:
    found = resize(context.layer, context.network)
    x, y = context.input(0, ANY), context.output()
    memories = [x]
    tables: list[tuple[Memory, Memory | None, Memory | None]] = []
    for taps in found.axes:
        shape = [*memories[-1].shape]
        shape[taps.axis] = len(taps.positions)
        memories.append(y if taps is found.axes[-1] else context.scratch(f"axis{taps.axis}", shape, x.dtype))
        weights = None if taps.weights is None else context.constant(f"weights{taps.axis}", taps.weights)
        outside = None if taps.outside is None else context.constant(f"outside{taps.axis}", taps.outside)
        tables.append((context.constant(f"positions{taps.axis}", taps.positions), weights, outside))
    flat = [memory for table in tables for memory in table]
    with context.function((x, *flat), (*memories[1:-1], y)) as b:
        if not found.axes:
            source, target = (replace(memory, shape=(memory.size,)) for memory in (x, y))
            with b.nest(target.shape) as index:
                b.store(target, index, b.load(source, index))
        value = b.constant(found.value.astype(y.dtype), y.dtype)
        for taps, table, source, target in zip(found.axes, tables, memories, memories[1:], strict=False):
            with b.nest(target.shape) as index:
                result = _element(b, taps, table, source, index)
                if table[2]:
                    result = b.choose(b.load(table[2], (index[taps.axis],)), value, result)
                b.store(target, index, result)


def _element(
    b: LayerBuilder,
    taps: Taps,
    table: tuple[Memory, Memory | None, Memory | None],
    source: Memory,
    index: tuple[Index, ...],
) -> ir.Value:
    positions, weights, _ = table
    o = index[taps.axis]

    def product(t: int) -> ir.Value:
        place = b.index(b.load(positions, (o, Index(t))))
        part = b.load(source, (*index[: taps.axis], place, *index[taps.axis + 1 :]))
        return part if weights is None else b.site("fmul", part, b.load(weights, (o, Index(t))))

    result = product(0)
    for t in range(1, positions.shape[1]):
        result = b.site("fadd", result, product(t))
    return result
