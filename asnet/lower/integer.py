"""ConvInteger, MatMulInteger, QLinearConv, QLinearMatMul: loops, or panels where the host runs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llvmlite import ir

from asnet.lower.context import LayerContext
from asnet.lower.conv import convolution
from asnet.lower.gemm import matrix_product
from asnet.lower.index import Index, broadcast
from asnet.lower.integer_product import IntegerProduct, IntegerSums
from asnet.lower.registry import lowering
from asnet.lower.windows import emit_padding, padded_memory, place_names, tap_names, under
from asnet.network.quantisation import (
    integer_conv_geometry,
    integer_matmul_geometry,
    per_channel_shape,
    per_matrix_shape,
)
from asnet.types import ELEMENT_TYPES

__all__: list[str] = []


@lowering("ConvInteger", "QLinearConv")
def _conv(context: LayerContext) -> None:
    layer = context.layer
    g = integer_conv_geometry(layer, context.network)
    spatial = len(g.window.kernel)

    def per_tensor(shape: tuple[int, ...]) -> tuple[int, ...]:
        return per_channel_shape(layer, shape, 1, spatial)

    def per_channel(shape: tuple[int, ...]) -> tuple[int, ...]:
        return per_channel_shape(layer, shape, g.out_channels, spatial)

    padded = any((*g.window.pads_begin, *g.window.pads_end))
    product = IntegerProduct(context, per_tensor, per_channel, per_tensor, padded=padded)
    weights = context.network.constants.get(product.b.name)
    product.fold(weights, tuple(range(1, spatial + 2)), per_channel)
    source_memory = padded_memory(context, product.a, g.window)
    scratch = () if source_memory.name == product.a.name else (source_memory,)
    c = convolution(g, source_memory, product.b, None, product.y)
    panels = product.panels(c, weights, varies=False)
    reads = [*product.memories(), *(panels.memories if panels is not None else ())]
    outer = (g.batch, g.groups, g.group_outputs, *g.window.outputs)

    def position(index: Sequence[Index]) -> Sequence[Index]:
        image, group, member, *place = index
        return (image, group * g.group_outputs + member, *place)

    with context.function(reads, (*scratch, product.y)) as b:
        zero = b.ir.trunc(product.padding.emit(b, (Index(),)), ir.IntType(ELEMENT_TYPES[product.a.dtype].bits))
        emit_padding(b, product.a, source_memory, g.window, zero)
        if panels is not None:
            panels.emit(b, IntegerSums(product, g.terms, position))
            return
        with b.each(outer, ("image", "group", "channel", *place_names(g.window))) as index:
            _, group, _, *place = index
            image, channel, *_ = position(index)

            def operands(index: tuple[Index, ...]) -> tuple[ir.Value, ir.Value]:
                source, *tap = index
                under_tap = (image, group * g.group_inputs + source, *under(g.window, place, tap))
                return b.load(source_memory, under_tap), b.load(product.b, (channel, source, *tap))

            terms = (g.group_inputs, *g.window.kernel), ("source", *tap_names(g.window))
            product.emit(b, (image, channel, *place), *terms, operands)


@lowering("MatMulInteger", "QLinearMatMul")
def _matmul(context: LayerContext) -> None:
    layer = context.layer
    g = integer_matmul_geometry(layer, context.network)
    matrix = (*g.batch, g.m, g.n)

    def of_rows(shape: tuple[int, ...]) -> tuple[int, ...]:
        return per_matrix_shape(layer, shape, (*matrix[:-1], 1), -2)

    def of_columns(shape: tuple[int, ...]) -> tuple[int, ...]:
        return per_matrix_shape(layer, shape, (*matrix[:-2], 1, g.n), -1)

    product = IntegerProduct(context, of_rows, of_columns, of_rows)
    weights = context.network.constants.get(product.b.name)
    if weights is not None:
        weights = weights.reshape(*g.b_batch, g.k, g.n)
        product.fold(weights, (weights.ndim - 2,), lambda shape: (*shape[:-1], 1, shape[-1]))
    left = replace(product.a, shape=(*g.a_batch, g.m, g.k))
    right = replace(product.b, shape=(*g.b_batch, g.k, g.n))
    product.y = replace(product.y, shape=matrix)
    panels = product.panels(matrix_product(g, left, right, product.y), weights, varies=True)
    if panels is not None:
        with context.function([*product.memories(), *panels.memories], (product.y,)) as b:
            panels.emit(b, IntegerSums(product, g.k, lambda index: index))
        return
    with (
        context.function(product.memories(), (product.y,)) as b,
        b.each(matrix, (*["batch"] * len(g.batch), "row", "column")) as (*batch, m, n),
    ):

        def operands(index: tuple[Index, ...]) -> tuple[ir.Value, ir.Value]:
            (k,) = index
            a = b.load(left, (*broadcast(batch, left.shape[:-2]), m, k))
            return a, b.load(right, (*broadcast(batch, right.shape[:-2]), k, n))

        product.emit(b, (*batch, m, n), (g.k,), ("term",), operands)
