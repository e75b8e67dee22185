"""exp, tanh and sigmoid as instructions: the steps of :mod:`asnet.network.elementary` in the same order, no branches.

Every float operation is a site of the layer it is used in.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from llvmlite import ir

from asnet.lower.builder import F32, I32, LayerBuilder
from asnet.network import elementary as steps

__all__ = ["exp", "sigmoid", "tanh"]

_SIGN = 0x80000000
_MAGNITUDE = 0x7FFFFFFF
_ROUNDER_BITS = int(steps.ROUNDER.view(np.int32))


def _horner(b: LayerBuilder, x: ir.Value, coefficients: Sequence[np.float32]) -> ir.Value:
    value: ir.Value = b.number(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = b.site("fadd", b.site("fmul", value, x), b.number(coefficient))
    return value


def exp(b: LayerBuilder, x: ir.Value) -> ir.Value:
    """e^x."""
    rounder = b.number(steps.ROUNDER)
    t = b.site("fmul", x, b.number(steps.LOG2E))
    m = b.site("fadd", t, rounder)
    n = b.site("fsub", m, rounder)
    f = b.site("fsub", t, n)
    p = b.ir.bitcast(_horner(b, f, steps.EXP2_COEFFICIENTS), I32)
    k = b.ir.sub(b.ir.bitcast(m, I32), I32(_ROUNDER_BITS))
    exponent = b.ir.add(b.ir.lshr(p, I32(23)), k)
    scaled = b.ir.bitcast(b.ir.add(p, b.ir.shl(k, I32(23))), F32)
    zero, infinity = b.number(0.0), b.number(np.inf)
    result = b.ir.select(b.ir.icmp_signed("<", exponent, I32(1)), zero, scaled)
    result = b.ir.select(b.ir.icmp_signed(">", exponent, I32(254)), infinity, result)
    result = b.select("<", t, b.number(steps.EXP2_LOW), zero, result)
    result = b.select(">=", t, b.number(steps.EXP2_HIGH), infinity, result)
    return b.ir.select(b.ir.fcmp_unordered("uno", t, t), t, result)


def sigmoid(b: LayerBuilder, x: ir.Value) -> ir.Value:
    """1 / (1 + e^-x)."""
    one = b.number(1.0)
    return b.site("fdiv", one, b.site("fadd", one, exp(b, b.ir.fneg(x))))


def tanh(b: LayerBuilder, x: ir.Value) -> ir.Value:
    """tanh x."""
    one = b.number(1.0)
    bits = b.ir.bitcast(x, I32)
    a = b.ir.bitcast(b.ir.and_(bits, I32(_MAGNITUDE)), F32)
    z = exp(b, b.site("fadd", a, a))
    big = b.site("fsub", one, b.site("fdiv", b.number(2.0), b.site("fadd", z, one)))
    s = b.site("fmul", a, a)
    small = b.site("fadd", a, b.site("fmul", b.site("fmul", a, s), _horner(b, s, steps.TANH_COEFFICIENTS)))
    magnitude = b.select("<", a, b.number(steps.TANH_SWITCH), small, big)
    sign = b.ir.and_(bits, I32(_SIGN))
    return b.ir.bitcast(b.ir.or_(b.ir.bitcast(magnitude, I32), sign), F32)
