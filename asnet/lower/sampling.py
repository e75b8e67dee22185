"""GridSample: the weights of a point once, then all channels. AffineGrid: a product with constant coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from llvmlite import ir

from asnet.lower.context import ANY, FLOATS, LayerContext
from asnet.lower.index import Index
from asnet.lower.registry import lowering
from asnet.lower.steps import LayerSteps
from asnet.network.grids import affine_grid
from asnet.network.sampling import grid_sample, interpolate

__all__: list[str] = []


@lowering("GridSample")
def _grid_sample(context: LayerContext) -> None:
    found = grid_sample(context.layer, context.network)
    x, grid, y = context.input(0, ANY if found.nearest else FLOATS), context.input(1), context.output()
    with context.function((x, grid), (y,)) as b, b.each((x.shape[0], *found.points)) as (image, *point):
        steps = LayerSteps(b)
        rank = len(found.axes)
        taps = found.taps(steps, [b.load(grid, (image, *point, Index(k))) for k in range(rank)])
        with b.nest((x.shape[1],)) as (channel,):

            def load(places: Sequence[ir.Value]) -> ir.Value:
                return b.load(x, (image, channel, *(b.index(place) for place in places)))

            value = interpolate(steps, taps, load, b.constant(0, x.dtype))
            b.store(y, (image, channel, *point), value)


@lowering("AffineGrid")
def _affine_grid(context: LayerContext) -> None:
    found = affine_grid(context.layer, context.network)
    rank = len(found.extents)
    theta, y = context.input(), context.output()
    tables = [context.constant(f"coordinates{k}", values) for k, values in enumerate(found.coordinates())]
    with context.function((theta, *tables), (y,)) as b, b.each(y.shape) as (image, *point, k):
        products = [
            b.site("fmul", b.load(theta, (image, k, Index(number))), b.load(table, (place,)))
            for number, (table, place) in enumerate(zip(reversed(tables), reversed(point), strict=True))
        ]
        total = reduce(lambda a, c: b.site("fadd", a, c), products)
        b.store(y, (image, *point, k), b.site("fadd", total, b.load(theta, (image, k, Index(rank)))))
