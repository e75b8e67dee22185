"""GridSample: the weights of a point once, then all channels."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from asnet.lower.context import ANY, FLOATS, LayerContext
from asnet.lower.index import Index
from asnet.lower.registry import lowering
from asnet.lower.steps import LayerSteps
from asnet.network.sampling import grid_sample, interpolate

__all__: list[str] = []


@lowering("GridSample")
def _grid_sample(context: LayerContext) -> None:
    found = grid_sample(context.layer, context.network)
    x, grid, y = context.input(0, ANY if found.nearest else FLOATS), context.input(1), context.output()
    with context.function((x, grid), (y,)) as b, b.nest((x.shape[0], *found.points)) as (image, *point):
        steps = LayerSteps(b)
        rank = len(found.axes)
        taps = found.taps(steps, [b.load(grid, (image, *point, Index(k))) for k in range(rank)])
        with b.nest((x.shape[1],)) as (channel,):

            def load(places: Sequence[ir.Value]) -> ir.Value:
                return b.load(x, (image, channel, *(b.index(place) for place in places)))

            value = interpolate(steps, taps, load, b.constant(0, x.dtype))
            b.store(y, (image, channel, *point), value)
