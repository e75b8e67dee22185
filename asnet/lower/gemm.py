"""Matrix products: Gemm and MatMul."""

from __future__ import annotations

from asnet.lower.context import LayerContext
from asnet.lower.index import Index
from asnet.lower.registry import lowering

__all__: list[str] = []


@lowering("Gemm")
def _gemm(context: LayerContext) -> None:
    attributes = context.layer.attributes
    a, w, y = context.input(0), context.input(1), context.output()
    bias = context.input(2) if context.has_input(2) else None
    trans_a, trans_b = attributes.get("transA", 0), attributes.get("transB", 0)
    rows, columns = y.shape
    depth = a.shape[0 if trans_a else 1]
    with context.function((a, w, bias), (y,)) as b, b.nest((rows, columns)) as (m, n):
        initial = b.number(0.0)
        if bias is not None:
            initial = b.load(bias, broadcast((m, n), bias.shape))
        with b.reduction((depth,), initial) as acc:
            (k,) = acc.index
            left = b.load(a, (k, m) if trans_a else (m, k))
            right = b.load(w, (n, k) if trans_b else (k, n))
            acc.value = b.site("fadd", acc.value, b.site("fmul", left, right))
        b.store(y, (m, n), acc.value)


def broadcast(index: tuple[Index, ...], shape: tuple[int, ...]) -> tuple[Index, ...]:
    """The element of an array of ``shape`` that numpy broadcasting reads for element ``index`` of the result."""
    trailing = index[len(index) - len(shape) :]
    return tuple(Index() if extent == 1 else part for part, extent in zip(trailing, shape, strict=True))
