"""Elementary functions as instructions: the steps of :mod:`asnet.network.functions`, emitted. No branches."""

from __future__ import annotations

import numpy as np
from llvmlite import ir

from asnet.lower import elementary
from asnet.lower.builder import F32, I32, I64, LayerBuilder
from asnet.network.functions.steps import Comparison, FloatOp, IntegerOp, Steps

__all__ = ["LayerSteps"]


class LayerSteps(Steps[ir.Value]):
    """Steps emitted by a layer's builder; every float operation is a site of the layer."""

    def __init__(self, builder: LayerBuilder) -> None:
        self._b = builder

    def number(self, value: float | np.floating) -> ir.Value:
        return self._b.number(value)

    def word(self, value: int, bits: int = 32) -> ir.Value:
        return ir.IntType(bits)(value)

    def arithmetic(self, op: FloatOp, a: ir.Value, b: ir.Value) -> ir.Value:
        return self._b.site(f"f{op}", a, b)

    def integer(self, op: IntegerOp, a: ir.Value, b: ir.Value) -> ir.Value:
        emit = {"and": self._b.ir.and_, "or": self._b.ir.or_}.get(op) or getattr(self._b.ir, op)
        return emit(a, b)

    def compare(self, comparison: Comparison, a: ir.Value, b: ir.Value) -> ir.Value:
        return self._b.ir.fcmp_ordered(comparison, a, b)

    def compare_integer(self, comparison: Comparison, a: ir.Value, b: ir.Value) -> ir.Value:
        return self._b.ir.icmp_signed(comparison, a, b)

    def both(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self._b.ir.and_(a, b)

    def is_nan(self, x: ir.Value) -> ir.Value:
        return self._b.is_nan(x)

    def choose(self, condition: ir.Value, chosen: ir.Value, otherwise: ir.Value) -> ir.Value:
        return self._b.choose(condition, chosen, otherwise)

    def negate(self, x: ir.Value) -> ir.Value:
        return self._b.ir.fneg(x)

    def bits(self, x: ir.Value) -> ir.Value:
        return self._b.ir.bitcast(x, I32)

    def number_of(self, bits: ir.Value) -> ir.Value:
        return self._b.ir.bitcast(bits, F32)

    def to_number(self, integer: ir.Value) -> ir.Value:
        return self._b.ir.sitofp(integer, F32)

    def to_integer(self, x: ir.Value) -> ir.Value:
        return self._b.ir.fptosi(x, I32)

    def widen(self, integer: ir.Value) -> ir.Value:
        return self._b.ir.zext(integer, I64)

    def narrow(self, integer: ir.Value) -> ir.Value:
        return self._b.ir.trunc(integer, I32)

    def exp(self, x: ir.Value) -> ir.Value:
        return elementary.exp(self._b, x)

    def tanh(self, x: ir.Value) -> ir.Value:
        return elementary.tanh(self._b, x)

    def sigmoid(self, x: ir.Value) -> ir.Value:
        return elementary.sigmoid(self._b, x)
