"""Which half of a table operands are in: their top bits."""

from __future__ import annotations

from llvmlite import ir

from asnet.emulate.kernels import KernelCode
from asnet.ir.emission import I8, I64, vector

__all__ = ["emit_tops"]

_LANES = 64
_BYTES = vector(_LANES, I8)


def emit_tops(
    code: KernelCode, v: ir.Value, v_step: ir.Value, columns: ir.Value, depth: int | ir.Value
) -> tuple[ir.Value, ir.Value]:
    """Whether no operand of a panel has its top bit set, and whether all have; columns that do not count left out."""
    none, every = ir.Constant(_BYTES, None), code.constant(-1, _BYTES)
    lanes = ir.Constant(_BYTES, [I8(lane) for lane in range(_LANES)])
    with code.loop(0, columns, _LANES, none, every) as panel:
        left = code.ir.trunc(code.least(code.ir.sub(columns, panel.index), _LANES), I8)
        counts = code.ir.icmp_unsigned("<", lanes, code.splat(left, _BYTES))
        with code.loop(0, depth, 1, *panel.values) as steps:
            x = code.load(v, _BYTES, code.add(code.times(steps.index, v_step), panel.index), _LANES)
            some, all_of = steps.values
            steps.values[0] = code.ir.select(counts, code.ir.or_(some, x), some)
            steps.values[1] = code.ir.select(counts, code.ir.and_(all_of, x), all_of)
        panel.values = steps.values
    tops = [code.ir.bitcast(code.ir.icmp_signed("<", value, none), I64) for value in panel.values]
    return code.ir.icmp_signed("==", tops[0], I64(0)), code.ir.icmp_signed("==", tops[1], I64(-1))
