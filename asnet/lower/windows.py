"""What convolution and pooling share: the padded copy of the input, and the element under a window's tap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from llvmlite import ir

from asnet.ir.module import Memory
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import LayerContext
from asnet.lower.index import Index
from asnet.network.windows import Window

__all__ = ["emit_padding", "fill_and_copy", "padded_memory", "place_names", "tap_names", "under"]

_SPATIAL = ("depth", "row", "column")


def place_names(window: Window) -> tuple[str, ...]:
    """What loops over the window's output positions count."""
    rank = len(window.outputs)
    return _SPATIAL[-rank:] if rank <= len(_SPATIAL) else tuple(f"axis{number}" for number in range(rank))


def tap_names(window: Window) -> tuple[str, ...]:
    """What loops over the window's taps count."""
    return tuple(f"kernel_{name}" for name in place_names(window))


def padded_memory(context: LayerContext, x: Memory, window: Window) -> Memory:
    """Where the windows read: ``x`` (leading axes, then the window's), or a scratch memory with room for padding."""
    if not window.needs_padding:
        return x
    leading = x.shape[: len(x.shape) - len(window.inputs)]
    return context.scratch("padded", (*leading, *window.padded), x.dtype)


def emit_padding(b: LayerBuilder, x: Memory, padded: Memory, window: Window, value: float | ir.Value) -> None:
    """Fill ``padded`` with ``value`` and put ``x`` into it, unless they are the same memory."""
    if padded.name != x.name:
        leading = len(x.shape) - len(window.inputs)
        fill_and_copy(b, x, padded, (*(0,) * leading, *window.pads_begin), value)


def fill_and_copy(
    b: LayerBuilder, x: Memory, y: Memory, begins: Sequence[int], value: float | np.float32 | ir.Value
) -> None:
    """``y`` = ``value`` everywhere, then ``x`` at position ``begins`` of ``y``."""
    filling = value if isinstance(value, ir.Value) else b.number(value)
    same = x.shape[:-2] == y.shape[:-2] and not any(begins[:-2])
    if b.tiling is not None and same and len(x.shape) > 1 and all(x.shape):
        _copy_rows(b, x, y, (begins[-2], begins[-1]), filling)
        return
    whole = replace(y, shape=(y.size,))
    with b.nest(whole.shape, names=("element",)) as index:
        b.store(whole, index, filling)
    with b.nest(x.shape, rolled=True) as index:
        b.store(y, [part + begin for part, begin in zip(index, begins, strict=True)], b.load(x, index))


def _copy_rows(b: LayerBuilder, x: Memory, y: Memory, begin: tuple[int, int], filling: ir.Value) -> None:
    """``y`` plane by plane from its first element to its last: rows of ``x``, ``filling`` between them."""
    height, width = x.shape[-2:]
    wide, size = y.shape[-1], y.shape[-2] * y.shape[-1]
    source = replace(x, shape=(x.size // (height * width), height, width))
    goal = replace(y, shape=(source.shape[0], size))
    first = begin[0] * wide + begin[1]
    last = first + (height - 1) * wide
    with b.nest(source.shape[:1]) as (plane,):

        def fill(start: Index, count: int) -> None:
            if count:
                with b.nest([count]) as (place,):
                    b.store(goal, (plane, start + place), filling)

        def copy(row: Index, start: Index) -> None:
            with b.nest([width]) as (column,):
                b.store(goal, (plane, start + column), b.load(source, (plane, row, column)))

        fill(Index(0), first)
        if height > 1:
            with b.nest([height - 1]) as (row,):
                copy(row, row * wide + first)
                fill(row * wide + (first + width), wide - width)
        copy(Index(height - 1), Index(last))
        fill(Index(last + width), size - last - width)


def under(window: Window, output: Sequence[Index], tap: Sequence[Index]) -> tuple[Index, ...]:
    """The padded position that tap ``tap`` of the window of output position ``output`` reads."""
    return tuple(
        o * stride + t * dilation
        for o, t, stride, dilation in zip(output, tap, window.strides, window.dilations, strict=True)
    )
