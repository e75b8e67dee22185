"""Add, Sub, Mul, Div: one operation per element, operands broadcast as in numpy."""

from __future__ import annotations

from dataclasses import replace

from asnet.lower.context import LayerContext
from asnet.lower.index import broadcast, collapse
from asnet.lower.registry import lowering

__all__: list[str] = []

_OPS = {"Add": "fadd", "Sub": "fsub", "Mul": "fmul", "Div": "fdiv"}


@lowering(*_OPS)
def _arithmetic(context: LayerContext) -> None:
    operands = (context.input(0), context.input(1))
    y = context.output()
    *shapes, extents = collapse([operands[0].shape, operands[1].shape, y.shape])
    a, c = (replace(operand, shape=shape) for operand, shape in zip(operands, shapes, strict=True))
    y = replace(y, shape=extents)
    with context.function((a, c), (y,)) as b, b.nest(extents) as index:
        left, right = b.load(a, broadcast(index, a.shape)), b.load(c, broadcast(index, c.shape))
        b.store(y, index, b.site(_OPS[context.layer.op_type], left, right))
