"""Matrix products: Gemm and MatMul, summed over k in ascending order."""

from __future__ import annotations

from dataclasses import replace

from llvmlite import ir

from asnet.ir.module import Memory
from asnet.lower.context import LayerContext
from asnet.lower.contract import contract, panels_of
from asnet.lower.contraction import Axis, Contraction
from asnet.lower.index import Index, broadcast, strides
from asnet.lower.registry import lowering
from asnet.network.semantics import MatMul, gemm_parameters, matmul_geometry

__all__ = ["matrix_product"]


@lowering("Gemm")
def _gemm(context: LayerContext) -> None:
    g = gemm_parameters(context.layer, context.network)
    a, w, y = context.input(0), context.input(1), context.output()
    bias = context.input(2) if g.bias else None
    (a_m, a_k), (w_k, w_n) = strides(a.shape), strides(w.shape)
    if g.trans_a:
        a_m, a_k = a_k, a_m
    if g.trans_b:
        w_k, w_n = w_n, w_k
    start = bias if g.fused else None
    c_m, c_n = (0, 0) if start is None else _broadcast_strides(start.shape, 2)
    rows = Axis(g.m, a=a_m, y=g.n, start=c_m, name="row")
    columns = Axis(g.n, b=w_n, y=1, start=c_n, name="column")
    product = Contraction(a, w, y, start, (rows, columns), (Axis(g.k, a=a_k, b=w_k, name="term"),))
    panels = panels_of(context, product, varies=True)
    with context.function((a, w, bias, *(panels.memories if panels else ())), (y,)) as b:

        def epilogue(total: ir.Value, place: tuple[Index, ...]) -> ir.Value:
            result = total if g.alpha == 1 else b.site("fmul", total, b.number(g.alpha))
            if bias is None:
                return result
            c = b.load(bias, broadcast(place, bias.shape))
            addend = c if g.beta == 1 else b.site("fmul", c, b.number(g.beta))
            return b.site("fadd", result, addend)

        contract(b, product, None if g.fused else epilogue, panels)


@lowering("MatMul")
def _matmul(context: LayerContext) -> None:
    g = matmul_geometry(context.layer, context.network)
    a, w, y = context.input(0), context.input(1), context.output()
    c = matrix_product(g, a, w, y)
    panels = panels_of(context, c, varies=True)
    with context.function((a, w, *(panels.memories if panels else ())), (y,)) as b:
        contract(b, c, panels=panels)


def matrix_product(g: MatMul, a: Memory, w: Memory, y: Memory) -> Contraction:
    """Rows of ``a`` (operand a) times columns of ``w``, for every matrix of the batch."""
    a = replace(a, shape=(*g.a_batch, g.m, g.k))
    w = replace(w, shape=(*g.b_batch, g.k, g.n))
    y = replace(y, shape=(*g.batch, g.m, g.n))
    rank = len(g.batch)
    *a_batch, a_m, a_k = (*_broadcast_strides(a.shape, rank + 2)[:rank], *strides(a.shape)[-2:])
    *w_batch, w_k, w_n = (*_broadcast_strides(w.shape, rank + 2)[:rank], *strides(w.shape)[-2:])
    batch = [
        Axis(extent, a=left, b=right, y=step, name="batch")
        for extent, left, right, step in zip(g.batch, a_batch, w_batch, strides(y.shape)[:rank], strict=True)
    ]
    space = (*batch, Axis(g.m, a=a_m, y=g.n, name="row"), Axis(g.n, b=w_n, y=1, name="column"))
    return Contraction(a, w, y, None, space, (Axis(g.k, a=a_k, b=w_k, name="term"),))


def _broadcast_strides(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """:func:`strides` of an array that broadcasts to ``rank`` axes, 0 where it does not move."""
    own = [0 if extent == 1 else step for extent, step in zip(shape, strides(shape), strict=True)]
    return (*[0] * (rank - len(shape)), *own)
