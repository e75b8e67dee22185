"""TfIdfVectorizer: each n-gram is looked for at each place."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from llvmlite import ir

from asnet.ir.module import Memory
from asnet.lower.arithmetic import F32, I32
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import LayerContext
from asnet.lower.index import Index
from asnet.lower.registry import lowering
from asnet.network.vectorizing import Grams, vectorizer

__all__: list[str] = []


@lowering("TfIdfVectorizer")
def _tf_idf(context: LayerContext) -> None:
    found = vectorizer(context.layer, context.network)
    x = replace(context.input(0, ("int32", "int64")), shape=(found.rows, found.items))
    y = replace(context.output(), shape=(found.rows, found.columns))
    tables = [
        (
            context.constant(f"grams{grams.length}", grams.items),
            context.constant(f"columns{grams.length}", grams.columns),
        )
        for grams in found.grams
    ]
    weights = context.constant("weights", found.weights) if found.mode != "TF" else None
    counts = context.scratch("counts", (found.columns,), "int32")
    constants = [memory for table in tables for memory in table]
    with context.function((x, *constants, weights), (counts, y)) as b, b.nest((found.rows,)) as (row,):
        with b.nest(counts.shape) as index:
            b.store(counts, index, I32(0))
        for grams, (items, columns) in zip(found.grams, tables, strict=True):
            with b.nest(columns.shape) as (gram,):
                column = b.index(b.load(columns, (gram,)))
                count = b.load(counts, (column,))
                for distance in grams.distances:
                    count = _occurrences(b, grams, items, distance, x, (row, gram), count)
                b.store(counts, (column,), count)
        with b.nest(counts.shape) as (column,):
            count = b.load(counts, (column,))
            value = b.ir.sitofp(count, F32)
            if weights is not None:
                weight = b.load(weights, (column,))
                there = b.ir.icmp_signed(">", count, I32(0))
                idf = found.mode == "IDF"
                value = b.choose(there, weight, b.number(0.0)) if idf else b.site("fmul", value, weight)
            b.store(y, (row, column), value)


def _occurrences(
    b: LayerBuilder, grams: Grams, items: Memory, distance: int, x: Memory, place: tuple[Index, Index], count: ir.Value
) -> ir.Value:
    """``count`` and how often the n-gram is in the row, both at ``place``."""
    row, gram = place
    with b.reduction((max(x.shape[1] - distance * (grams.length - 1), 0),), count) as acc:
        equal = [
            b.ir.icmp_signed(
                "==",
                b.cast(b.load(x, (row, acc.index[0] + number * distance)), x.dtype, "int64"),
                b.load(items, (gram, Index(number))),
            )
            for number in range(grams.length)
        ]
        acc.value = b.ir.add(acc.value, b.ir.zext(reduce(b.ir.and_, equal), I32))
    return acc.value
