"""Row tables without vectors: entries of 32 bits, loaded one by one, on any processor."""

from __future__ import annotations

from asnet.emulate.kernels import KernelText, Target, written
from asnet.ir.emission import I8, I32, I64

__all__ = ["plain_kernel"]

_COLUMNS = 8
"""Sums that are kept in registers."""

_ROW = 256 * 4


@written
def plain_kernel(target: Target) -> str:
    """The kernel; ``data``: a table of i32 by the bytes of both operands."""
    text = KernelText(target)
    with text.kernel() as code:
        at = code.arguments
        table = code.address(at["data"], 0)
        with code.loop(0, at["columns"], _COLUMNS) as panel, code.loop(0, at["rows"]) as row:
            s = code.behind(at["s"], code.times(row.index, at["s_row"]))
            y = code.behind(at["y"], code.times(code.add(code.times(row.index, at["y_row"]), panel.index), 4))
            start = [code.load(y, I32, 4 * column, 4) for column in range(_COLUMNS)]
            with code.loop(0, at["depth"], 1, *start) as steps:
                scalar = code.ir.zext(code.load(s, I8, steps.index), I64)
                entries = code.behind(table, code.times(scalar, _ROW))
                v = code.behind(at["v"], code.add(code.times(steps.index, at["v_step"]), panel.index))
                for column in range(_COLUMNS):
                    x = code.ir.zext(code.load(v, I8, column), I64)
                    entry = code.load(entries, I32, code.times(x, 4), 4)
                    steps.values[column] = code.ir.add(steps.values[column], entry)
            for column, total in enumerate(steps.values):
                code.store(total, y, 4 * column, 4)
    return str(text)
