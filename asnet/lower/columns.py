"""Col2Im: sums in a padded image, which is then cut."""

from __future__ import annotations

from dataclasses import replace

from asnet.lower.context import NUMBERS, LayerContext
from asnet.lower.registry import lowering
from asnet.network.columns import columns

__all__: list[str] = []


@lowering("Col2Im")
def _col2im(context: LayerContext) -> None:
    found = columns(context.layer, context.network)
    x, y = context.input(0, NUMBERS), context.output()
    x = replace(x, shape=(found.batch, found.channels, *found.block, *found.counts))
    padded = context.scratch("padded", (found.batch, found.channels, *found.padded), x.dtype)
    rank = len(found.image)
    with context.function((x,), (padded, y)) as b:
        whole = replace(padded, shape=(padded.size,))
        with b.nest(whole.shape) as index:
            b.store(whole, index, b.constant(0, x.dtype))
        with b.nest(x.shape) as index:
            taps, blocks = index[2 : 2 + rank], index[2 + rank :]
            place = [
                i * stride + t * dilation
                for i, stride, t, dilation in zip(blocks, found.strides, taps, found.dilations, strict=True)
            ]
            target = (*index[:2], *place)
            b.store(padded, target, b.add(b.load(padded, target), b.load(x, index), x.dtype))
        with b.nest(y.shape) as index:
            inside = [i + begin for i, begin in zip(index[2:], found.begins, strict=True)]
            b.store(y, index, b.load(padded, (*index[:2], *inside)))
