"""Arithmetic of one layer's function by element type: sites, constants, comparisons, casts.

In registers a float32 is a ``float``, an integer has its own width, a bool is an ``i1``. Integers wrap; what LLVM
leaves undefined is defined here (see :meth:`Arithmetic.divide` and :meth:`Arithmetic.cast`).
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir

from asnet.host import flush_subnormals
from asnet.ir.emission import F32, I1, I8, I32, I64
from asnet.types import ELEMENT_TYPES, FloatMode

__all__ = ["F32", "I1", "I8", "I32", "I64", "Arithmetic", "register_type"]

_FLOAT_OPS = {"add": "fadd", "sub": "fsub", "mul": "fmul"}


def register_type(dtype: str) -> ir.Type:
    """LLVM type of a loaded element of type ``dtype``: bool is ``i1``."""
    if dtype == "bool":
        return I1
    kind = ELEMENT_TYPES[dtype]
    return F32 if kind.is_float else ir.IntType(kind.bits)


class Arithmetic:
    """The arithmetic part of :class:`asnet.lower.builder.LayerBuilder`; ``dtype`` is always numpy's name of a type."""

    ir: ir.IRBuilder
    mode: FloatMode

    def site(self, op: str, a: ir.Value, b: ir.Value, type: str = "f32") -> ir.Value:  # noqa: A002
        """An operation ``a op b`` that a unit may stand for; it carries site metadata."""
        raise NotImplementedError

    # --- constants --------------------------------------------------------------------------------------------------

    def number(self, value: float | np.floating) -> ir.Constant:
        """A float32 constant in the design's float mode."""
        single = np.array(value, dtype=np.float32)
        if self.mode is FloatMode.FTZ:
            single = flush_subnormals(single)
        return F32(single.item())

    def constant(self, value: float | bool | np.generic, dtype: str) -> ir.Constant:
        """A constant of type ``dtype``; an integer must be in its range."""
        if ELEMENT_TYPES[dtype].is_float:
            return self.number(float(value))
        return ir.Constant(register_type(dtype), int(value))

    # --- choices ----------------------------------------------------------------------------------------------------

    def select(self, comparison: str, a: ir.Value, b: ir.Value, chosen: ir.Value, otherwise: ir.Value) -> ir.Value:
        """``chosen`` where the ordered ``comparison`` (``<``, ``>``, ``>=``) of floats ``a`` and ``b`` holds, else
        ``otherwise``.
        """
        return self.ir.select(self.ir.fcmp_ordered(comparison, a, b), chosen, otherwise)

    def choose(self, condition: ir.Value, chosen: ir.Value, otherwise: ir.Value) -> ir.Value:
        """``chosen`` where ``condition`` (i1) holds, else ``otherwise``."""
        return self.ir.select(condition, chosen, otherwise)

    def compare(self, comparison: str, a: ir.Value, b: ir.Value, dtype: str) -> ir.Value:
        """i1: ``a comparison b`` (``<``, ``<=``, ``>``, ``>=``, ``==``, ``!=``); with a NaN only ``!=`` holds."""
        kind = ELEMENT_TYPES[dtype]
        if kind.is_float:
            test = self.ir.fcmp_unordered if comparison == "!=" else self.ir.fcmp_ordered
            return test(comparison, a, b)
        return (self.ir.icmp_signed if kind.signed else self.ir.icmp_unsigned)(comparison, a, b)

    def is_nan(self, x: ir.Value) -> ir.Value:
        """i1: the float ``x`` is a NaN."""
        return self.ir.fcmp_unordered("uno", x, x)

    def minimum(self, a: ir.Value, b: ir.Value, dtype: str) -> ir.Value:
        """``b < a ? b : a``; a NaN in either operand wins."""
        return self._extreme("<", a, b, dtype)

    def maximum(self, a: ir.Value, b: ir.Value, dtype: str) -> ir.Value:
        """``b > a ? b : a``; a NaN in either operand wins."""
        return self._extreme(">", a, b, dtype)

    def _extreme(self, comparison: str, a: ir.Value, b: ir.Value, dtype: str) -> ir.Value:
        chosen = self.choose(self.compare(comparison, b, a, dtype), b, a)
        return self.choose(self.is_nan(b), b, chosen) if ELEMENT_TYPES[dtype].is_float else chosen

    # --- arithmetic -------------------------------------------------------------------------------------------------

    def add(self, a: ir.Value, b: ir.Value, dtype: str) -> ir.Value:
        """``a + b``: a site of floats, integers wrap."""
        return self._binary("add", a, b, dtype)

    def subtract(self, a: ir.Value, b: ir.Value, dtype: str) -> ir.Value:
        """``a - b``: a site of floats, integers wrap."""
        return self._binary("sub", a, b, dtype)

    def multiply(self, a: ir.Value, b: ir.Value, dtype: str) -> ir.Value:
        """``a * b``: a site of floats, integers wrap and are none (for typed products use :meth:`site`)."""
        return self._binary("mul", a, b, dtype)

    def _binary(self, op: str, a: ir.Value, b: ir.Value, dtype: str) -> ir.Value:
        if ELEMENT_TYPES[dtype].is_float:
            return self.site(_FLOAT_OPS[op], a, b)
        emit = {"add": self.ir.add, "sub": self.ir.sub, "mul": self.ir.mul}[op]
        return emit(a, b)

    def negative(self, a: ir.Value, dtype: str) -> ir.Value:
        """``-a``; integers wrap."""
        return self.ir.fneg(a) if ELEMENT_TYPES[dtype].is_float else self.ir.neg(a)

    def divide(self, a: ir.Value, b: ir.Value, dtype: str) -> ir.Value:
        """``a / b``: a site of floats; integers truncate toward zero, ``a / 0`` is 0, the least number / -1 wraps."""
        kind = ELEMENT_TYPES[dtype]
        if kind.is_float:
            return self.site("fdiv", a, b)
        safe, by_zero, by_minus_one = self._safe_divisor(b, signed=kind.signed)
        zero = self.constant(0, dtype)
        if not kind.signed:
            return self.choose(by_zero, zero, self.ir.udiv(a, safe))
        quotient = self.choose(by_minus_one, self.ir.neg(a), self.ir.sdiv(a, safe))
        return self.choose(by_zero, zero, quotient)

    def remainder(self, a: ir.Value, b: ir.Value, dtype: str, *, floor: bool) -> ir.Value:
        """Integer ``a - b·q`` with ``q = a / b`` rounded toward zero, or down (``floor``); 0 for ``b`` = 0."""
        kind = ELEMENT_TYPES[dtype]
        safe, by_zero, _ = self._safe_divisor(b, signed=kind.signed)  # modulo 1 and -1 everything is 0
        zero = self.constant(0, dtype)
        if not kind.signed:
            return self.choose(by_zero, zero, self.ir.urem(a, safe))
        rest = self.ir.srem(a, safe)
        if floor:
            other_sign = self.ir.icmp_signed("<", self.ir.xor(rest, safe), zero)
            wrong = self.ir.and_(other_sign, self.ir.icmp_signed("!=", rest, zero))
            rest = self.choose(wrong, self.ir.add(rest, safe), rest)
        return self.choose(by_zero, zero, rest)

    def _safe_divisor(self, b: ir.Value, *, signed: bool) -> tuple[ir.Value, ir.Value, ir.Value]:
        """``b``, or 1 where LLVM's division is undefined or may be; whether b is 0; whether it is -1."""
        one = ir.Constant(b.type, 1)
        by_zero = self.ir.icmp_unsigned("==", b, ir.Constant(b.type, 0))
        by_minus_one = self.ir.icmp_unsigned("==", b, ir.Constant(b.type, -1))
        special = self.ir.or_(by_zero, by_minus_one) if signed else by_zero
        return self.choose(special, one, b), by_zero, by_minus_one

    # --- casts ------------------------------------------------------------------------------------------------------

    def cast(self, value: ir.Value, from_dtype: str, to_dtype: str) -> ir.Value:
        """ONNX Cast. Where ONNX leaves a result undefined it is defined here:

        float to integer truncates toward zero and saturates, a NaN becomes 0; integers to float round to nearest even;
        integers to narrower ones keep the low bits; to bool is ``!= 0`` (a NaN is true).
        """
        source, goal = ELEMENT_TYPES[from_dtype], ELEMENT_TYPES[to_dtype]
        if from_dtype == to_dtype:
            return value
        if to_dtype == "bool":
            return self.compare("!=", value, self.constant(0, from_dtype), from_dtype)
        if from_dtype == "bool":
            return self.ir.uitofp(value, F32) if goal.is_float else self.ir.zext(value, register_type(to_dtype))
        if goal.is_float:
            return (self.ir.sitofp if source.signed else self.ir.uitofp)(value, F32)
        if source.is_float:
            return self._to_integer(value, goal.bits, signed=goal.signed)
        if goal.bits == source.bits:
            return value
        if goal.bits < source.bits:
            return self.ir.trunc(value, register_type(to_dtype))
        return (self.ir.sext if source.signed else self.ir.zext)(value, register_type(to_dtype))

    def _to_integer(self, value: ir.Value, bits: int, *, signed: bool) -> ir.Value:
        low, beyond = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1)) if signed else (0.0, 2.0**bits)
        wide = ir.IntType(max(bits, 32))
        bounded = self.select("<", value, self.number(low), self.number(low), value)
        bounded = self.select("<", bounded, self.number(beyond), bounded, self.number(0.0))  # NaN too
        whole = (self.ir.fptosi if signed else self.ir.fptoui)(bounded, wide)
        whole = self.select(">=", value, self.number(beyond), ir.Constant(wide, int(beyond) - 1), whole)
        return self.ir.trunc(whole, ir.IntType(bits)) if wide.width != bits else whole
