"""DFT and STFT: a sum over the terms for each bin, the root of unity found by adding the bin's number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from llvmlite import ir

from asnet.ir.module import Memory
from asnet.lower.arithmetic import I64
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import LayerContext
from asnet.lower.index import Index
from asnet.lower.registry import lowering
from asnet.network.fourier import Fourier, frames, transform

__all__: list[str] = []


class _Tables:
    """The constants of a transform."""

    def __init__(self, context: LayerContext, fourier: Fourier) -> None:
        cosine, sine = fourier.table()
        self.cosine, self.sine = context.constant("cosine", cosine), context.constant("sine", sine)
        self.counts = context.constant("counts", fourier.counts()) if fourier.real else None

    @property
    def memories(self) -> list[Memory | None]:
        return [self.cosine, self.sine, self.counts]


def _emit_bin(
    b: LayerBuilder, fourier: Fourier, tables: _Tables, k: Index, element: Callable[[Index], Sequence[ir.Value]]
) -> list[ir.Value]:
    """The results (one or two) of bin ``k``; ``element`` gives the parts of a term."""
    zero = b.number(0.0)
    bin_ = b.position(k)
    with b.reduction((fourier.terms,), zero, zero, I64(0)) as acc:
        re, im, phase = acc.values
        root = b.index(phase)
        c, s = b.load(tables.cosine, (root,)), b.load(tables.sine, (root,))
        first, *second = element(acc.index[0])
        real = b.site("fmul", first, c)
        if second:
            real = b.site("fsub", real, b.site("fmul", second[0], s))
        if tables.counts is not None:
            real = b.site("fmul", real, b.load(tables.counts, acc.index))
        else:
            imaginary = b.site("fmul", first, s)
            if second:
                imaginary = b.site("fadd", imaginary, b.site("fmul", second[0], c))
            im = b.site("fadd", im, imaginary)
        following = b.ir.add(phase, bin_)
        around = b.ir.icmp_signed(">=", following, I64(fourier.length))
        phase = b.choose(around, b.ir.sub(following, I64(fourier.length)), following)
        acc.values = [b.site("fadd", re, real), im, phase]
    results = acc.values[: 1 if fourier.real else 2]
    if fourier.inverse:
        results = [b.site("fdiv", result, b.number(fourier.length)) for result in results]
    return results


@lowering("DFT")
def _dft(context: LayerContext) -> None:
    found = transform(context.layer, context.network)
    tables = _Tables(context, found.fourier)
    x, y = replace(context.input(), shape=found.inputs), replace(context.output(), shape=found.outputs)
    with context.function((x, *tables.memories), (y,)) as b, b.each(found.outputs[:3]) as (outer, k, inner):

        def element(t: Index) -> list[ir.Value]:
            return [b.load(x, (outer, t, inner, Index(part))) for part in range(found.parts)]

        for part, value in enumerate(_emit_bin(b, found.fourier, tables, k, element)):
            b.store(y, (outer, k, inner, Index(part)), value)


@lowering("STFT")
def _stft(context: LayerContext) -> None:
    found = frames(context.layer, context.network)
    tables = _Tables(context, found.fourier)
    x, window, y = replace(context.input(), shape=found.signal), context.optional_input(2), context.output()
    with context.function((x, window, *tables.memories), (y,)) as b, b.each(y.shape[:3]) as (image, number, k):

        def element(t: Index) -> list[ir.Value]:
            parts = [b.load(x, (image, number * found.step + t, Index(part))) for part in range(x.shape[2])]
            return parts if window is None else [b.site("fmul", part, b.load(window, (t,))) for part in parts]

        for part, value in enumerate(_emit_bin(b, found.fourier, tables, k, element)):
            b.store(y, (image, number, k, Index(part)), value)
