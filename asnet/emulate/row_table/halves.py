"""The kernel around the sums: which half of the table a panel's operands need, found by looking at all of them.

Activations after a ReLU are never negative, so that most panels need the rows' lower halves only, which take half the
look-ups. Nothing is assumed: a panel whose operands' top bits differ takes the whole rows.
"""

from __future__ import annotations

from llvmlite import ir

from asnet.emulate.kernels import KernelCode, KernelText
from asnet.ir.emission import I8, I64, POINTER, vector

__all__ = ["ARGUMENTS", "HALF", "WHOLE", "emit_kernel"]

ARGUMENTS = (
    *((name, POINTER) for name in ("y", "v", "s")),
    *((name, I64) for name in ("rows", "columns", "depth", "y_row", "v_step", "s_row")),
    *((name, POINTER) for name in ("table", "minima")),
)
"""Of a function that adds all sums of a panel to y."""

WHOLE, HALF = "whole", "half"
"""Such functions: for all operands, and for those with one value of the top bit (of which they see the other bits)."""

_LANES = 64
_BYTES = vector(_LANES, I8)


def emit_kernel(text: KernelText, *, halves: bool) -> None:
    """The kernel, which calls :data:`WHOLE` or, with ``halves``, where it can :data:`HALF`.

    ``data``: rows and minima for all operands; with ``halves`` also for the lower and for the upper half of them.
    """
    with text.kernel() as code, code.when(code.ir.icmp_signed(">", code.arguments["columns"], I64(0))):
        data = code.arguments["data"]
        parts = [[code.address(data, 2 * part + place) for place in range(2)] for part in range(3 if halves else 1)]
        if halves:
            lower, upper = _emit_tops(code)
            one = code.ir.or_(lower, upper)
            with code.when(one):
                _call(code, HALF, *(code.ir.select(lower, *sides) for sides in zip(*parts[1:], strict=True)))
            with code.when(code.ir.not_(one)):
                _call(code, WHOLE, *parts[0])
        else:
            _call(code, WHOLE, *parts[0])


def _call(code: KernelCode, name: str, table: ir.Value, minima: ir.Value) -> None:
    arguments = [code.arguments[argument] for argument, _ in ARGUMENTS[:-2]]
    function = code.declared(name, ir.VoidType(), [kind for _, kind in ARGUMENTS])
    code.ir.call(function, [*arguments, table, minima])


def _emit_tops(code: KernelCode) -> tuple[ir.Value, ir.Value]:
    """Whether no operand of the panel has its top bit set, and whether all have; columns that do not count left out."""
    at = code.arguments
    none, every = ir.Constant(_BYTES, None), code.constant(-1, _BYTES)
    lanes = ir.Constant(_BYTES, [I8(lane) for lane in range(_LANES)])
    with code.loop(0, at["columns"], _LANES, none, every) as panel:
        left = code.ir.trunc(code.least(code.ir.sub(at["columns"], panel.index), _LANES), I8)
        counts = code.ir.icmp_unsigned("<", lanes, code.splat(left, _BYTES))
        with code.loop(0, at["depth"], 1, *panel.values) as steps:
            x = code.load(at["v"], _BYTES, code.add(code.times(steps.index, at["v_step"]), panel.index), _LANES)
            some, all_of = steps.values
            steps.values[0] = code.ir.select(counts, code.ir.or_(some, x), some)
            steps.values[1] = code.ir.select(counts, code.ir.and_(all_of, x), all_of)
        panel.values = steps.values
    tops = [code.ir.bitcast(code.ir.icmp_signed("<", value, none), I64) for value in panel.values]
    return code.ir.icmp_signed("==", tops[0], I64(0)), code.ir.icmp_signed("==", tops[1], I64(-1))
