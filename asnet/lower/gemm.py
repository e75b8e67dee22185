"""Matrix products: Gemm and MatMul, summed over k in ascending order."""

from __future__ import annotations

from dataclasses import replace

from llvmlite import ir

from asnet.ir.module import Memory
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import LayerContext
from asnet.lower.index import Index, broadcast
from asnet.lower.registry import lowering
from asnet.network.semantics import gemm_parameters, matmul_geometry

__all__: list[str] = []


@lowering("Gemm")
def _gemm(context: LayerContext) -> None:
    g = gemm_parameters(context.layer, context.network)
    a, w, y = context.input(0), context.input(1), context.output()
    bias = context.input(2) if g.bias else None
    with context.function((a, w, bias), (y,)) as b, b.nest((g.m, g.n)) as (m, n):

        def c(memory: Memory) -> ir.Value:
            return b.load(memory, broadcast((m, n), memory.shape))

        with b.reduction((g.k,), c(bias) if bias is not None and g.fused else b.number(0.0)) as acc:
            (k,) = acc.index
            left = b.load(a, (k, m) if g.trans_a else (m, k))
            right = b.load(w, (n, k) if g.trans_b else (k, n))
            acc.value = b.site("fadd", acc.value, b.site("fmul", left, right))
        result = acc.value
        if g.alpha != 1:
            result = b.site("fmul", result, b.number(g.alpha))
        if bias is not None and not g.fused:
            addend = c(bias) if g.beta == 1 else b.site("fmul", c(bias), b.number(g.beta))
            result = b.site("fadd", result, addend)
        b.store(y, (m, n), result)


@lowering("MatMul")
def _matmul(context: LayerContext) -> None:
    g = matmul_geometry(context.layer, context.network)
    a = replace(context.input(0), shape=(*g.a_batch, g.m, g.k))
    w = replace(context.input(1), shape=(*g.b_batch, g.k, g.n))
    y = replace(context.output(), shape=(*g.batch, g.m, g.n))

    def element(b: LayerBuilder, matrix: Memory, batch: tuple[Index, ...], place: tuple[Index, Index]) -> ir.Value:
        return b.load(matrix, (*broadcast(batch, matrix.shape[:-2]), *place))

    with context.function((a, w), (y,)) as b, b.nest(y.shape) as (*batch, m, n):
        with b.reduction((g.k,), b.number(0.0)) as acc:
            (k,) = acc.index
            product = b.site("fmul", element(b, a, tuple(batch), (m, k)), element(b, w, tuple(batch), (k, n)))
            acc.value = b.site("fadd", acc.value, product)
        b.store(y, (*batch, m, n), acc.value)
