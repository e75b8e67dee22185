"""Sums of products as one site: what a layer's code and the kernel that computes a whole panel agree on.

A tiled layer packs a panel of operands and calls one function for all of its sums::

    void kernel(ptr y, ptr v, ptr s, i64 rows, i64 columns, i64 depth, i64 y_row, i64 v_step, i64 s_row, i64 group,
                ptr data)

which computes, for every row ``r`` and column ``c``, and for ``t`` = 0 … ``depth`` - 1 in this order::

    y[r * y_row + c] += unit(v[t * v_step + c], s[r * s_row + t])

- The elements of v and s are raw operands of the unit (:func:`container`), or float32. v is operand a of the unit if
  :attr:`Products.vector_is_a`, else operand b.
- y is i32 or i64 and wraps, or float32: then every product and every sum is rounded, in the order of t.
- v and y are aligned to :data:`ALIGNMENT` bytes, ``v_step`` and ``y_row`` are multiples of :data:`COLUMNS` elements.
  Columns from ``columns`` up to the next multiple of :data:`COLUMNS` may be read (they hold anything) and, in y,
  written (nobody looks). s is neither aligned nor padded.
- ``group`` numbers the products of a layer that have constant operands of their own (grouped convolutions).
- ``data`` is what a form prepared for the unit; threads share it, nobody writes it.

The layer's code does not know ``data``: its call has the other arguments (:data:`ARGUMENTS`), to :data:`PLACEHOLDER`,
which the `approximate` pass replaces by the slot's symbol.
"""

from __future__ import annotations

from dataclasses import dataclass

from asnet.types import operand_type

__all__ = ["ALIGNMENT", "ARGUMENTS", "COLUMNS", "PLACEHOLDER", "Products", "container", "padded", "products_symbol"]

ALIGNMENT = 64
"""Bytes."""

COLUMNS = 64
"""Columns that are read and written together."""

ARGUMENTS = (
    *(("ptr", name) for name in ("y", "v", "s")),
    *(("i64", name) for name in ("rows", "columns", "depth", "y_row", "v_step", "s_row", "group")),
)
"""LLVM type and name of a layer's arguments."""

PLACEHOLDER = "asnet.products"
"""The function that a layer calls before the `approximate` pass."""


@dataclass(frozen=True)
class Products:
    """The sums of products of a layer, for the kernels that compute them.

    ``type`` of the operands; ``accumulator``: numpy's name of y's elements (int32, int64, float32). ``groups`` products
    of ``rows`` x ``depth`` by ``depth`` x ``columns``, at most so many columns at a time. ``constant``: the name of the
    module's constant that holds, as raw operands, s as (groups, rows, depth) if ``constant_is_s``, else v as (depth,
    v_step); None if both change from run to run. Where s is constant, a call has all rows and the whole depth.
    """

    type: str
    accumulator: str
    vector_is_a: bool
    groups: int
    rows: int
    columns: int
    depth: int
    constant: str | None = None
    constant_is_s: bool = True


def container(kind: str) -> str:
    """numpy's name of the type that holds a raw operand of type ``kind``, sign- or zero-extended: ``i6`` in int8."""
    operand = operand_type(kind)
    if operand.is_float:
        return "float32"
    return f"{'' if operand.signed else 'u'}int{8 if operand.width <= 8 else 16}"


def padded(columns: int) -> int:
    """The multiple of :data:`COLUMNS` that holds ``columns``."""
    return -(-columns // COLUMNS) * COLUMNS


def products_symbol(symbol: str) -> str:
    """What a slot's ``symbol`` is called for sums of products."""
    return symbol.replace("asnet.", f"{PLACEHOLDER}.", 1)
