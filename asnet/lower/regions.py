"""RoiAlign: for each cell of each region a loop over its samples."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from asnet.lower.arithmetic import I32
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import LayerContext
from asnet.lower.index import Index
from asnet.lower.indexing import subscript
from asnet.lower.registry import lowering
from asnet.lower.steps import LayerSteps
from asnet.network.regions import roi_align

__all__: list[str] = []


def _number(b: LayerBuilder, index: Index) -> ir.Value:
    """``index`` as a 32-bit integer."""
    return b.ir.trunc(b.position(index), I32)


@lowering("RoiAlign")
def _roi_align(context: LayerContext) -> None:
    found = roi_align(context.layer, context.network)
    x, regions, images, y = context.input(0), context.input(1), context.input(2, ("int64",)), context.output()
    with context.function((x, regions, images), (y,)) as b, b.each((y.shape[0],)) as (region,):
        steps = LayerSteps(b)
        image = subscript(b, images, (region,), x.shape[0])
        left, top, right, bottom = (b.load(regions, (region, Index(k))) for k in range(4))
        bins = found.bins(steps, (left, top, right, bottom))
        with b.nest(y.shape[1:]) as (channel, *cells):

            def load(places: Sequence[ir.Value]) -> ir.Value:
                return b.load(x, (image, channel, *(b.index(place) for place in places)))

            with b.reduction((found.samples, found.samples), b.number(found.start)) as acc:
                axes = [
                    found.around(steps, found.position(steps, *axis, _number(b, cell), _number(b, sample)), extent)
                    for axis, cell, sample, extent in zip(bins, cells, acc.index, found.extents, strict=True)
                ]
                acc.value = found.step(steps, acc.value, axes, load)
            value = acc.value
            if not found.maximum:
                value = b.site("fdiv", value, b.number(found.samples**2))
            b.store(y, (region, channel, *cells), value)
