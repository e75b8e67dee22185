"""BatchNormalization at inference: folded to one multiplication and one addition per element."""

from __future__ import annotations

import math
from dataclasses import replace

from asnet.lower.context import LayerContext
from asnet.lower.registry import lowering
from asnet.network.semantics import batchnorm_scale_shift

__all__: list[str] = []


@lowering("BatchNormalization")
def _batch_normalization(context: LayerContext) -> None:
    folded = batchnorm_scale_shift(context.layer, context.network)
    x, y = context.input(), context.output()
    scale, shift = context.constant("scale", folded.a), context.constant("shift", folded.b)
    axis = folded.axis
    shape = (math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :]))
    x, y = replace(x, shape=shape), replace(y, shape=shape)
    with (
        context.function((x, scale, shift), (y,)) as b,
        b.each(shape, ("image", "channel", "element")) as (outer, channel, inner),
    ):
        place = (outer, channel, inner)
        product = b.site("fmul", b.load(x, place), b.load(scale, (channel,)))
        b.store(y, place, b.site("fadd", product, b.load(shift, (channel,))))
