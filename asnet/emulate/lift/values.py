"""Words as values of LLVM: numbers without sign in i32 or i64, single or in lanes; bits above a word's width are 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from asnet.ir.emission import I32, I64, Emitter, vector

__all__ = ["Words", "container"]


def container(width: int) -> int:
    """Bits of the number that holds a word of ``width`` bits."""
    return 32 if width <= 32 else 64


@dataclass(frozen=True)
class Words:
    """Operations on words at the end of ``code``. Single values meet those in lanes by being copied to every lane."""

    code: Emitter
    lanes: int

    def constant(self, value: int, kind: ir.Type) -> ir.Constant:
        """``value`` in every lane of ``kind``."""
        if isinstance(kind, ir.VectorType):
            return ir.Constant(kind, [kind.element(value)] * kind.count)
        return ir.Constant(kind, value)

    def number(self, value: int, width: int) -> ir.Value:
        """A single constant in a container for ``width`` bits."""
        return ir.Constant(I32 if width <= 32 else I64, value)

    def alike(self, values: Sequence[ir.Value]) -> list[ir.Value]:
        """All of them in lanes, if one is."""
        if not any(isinstance(value.type, ir.VectorType) for value in values):
            return list(values)
        return [
            value
            if isinstance(value.type, ir.VectorType)
            else self.constant(_known(value), vector(self.lanes, value.type))
            if isinstance(value, ir.Constant)
            else self.code.splat(value, vector(self.lanes, value.type))
            for value in values
        ]

    def sized(self, value: ir.Value, width: int) -> ir.Value:
        """``value`` in the container for ``width`` bits; bits that do not fit are lost."""
        kind = value.type
        single = kind.element if isinstance(kind, ir.VectorType) else kind
        assert isinstance(single, ir.IntType)
        wanted: ir.Type = I32 if width <= 32 else I64
        if single.width == container(width):
            return value
        if isinstance(value, ir.Constant) and not isinstance(kind, ir.VectorType):
            return ir.Constant(wanted, _known(value) & (1 << container(width)) - 1)
        target = vector(kind.count, wanted) if isinstance(kind, ir.VectorType) else wanted
        return (
            self.code.ir.zext(value, target) if single.width < container(width) else self.code.ir.trunc(value, target)
        )

    def cut(self, value: ir.Value, width: int) -> ir.Value:
        """The lowest ``width`` bits of ``value``, in their container."""
        value = self.sized(value, width)
        if width == container(width):
            return value
        return self.code.ir.and_(value, self.constant((1 << width) - 1, value.type))

    def binary(self, operation: str, left: ir.Value, right: ir.Value) -> ir.Value:
        """One of the builder's operations on two words of one container."""
        left, right = self.alike([left, right])
        return getattr(self.code.ir, operation)(left, right)

    def compare(self, operation: str, left: ir.Value, right: ir.Value, *, signed: bool = False) -> ir.Value:
        """A truth (i1)."""
        left, right = self.alike([left, right])
        builder = self.code.ir
        return (builder.icmp_signed if signed else builder.icmp_unsigned)(operation, left, right)

    def select(self, condition: ir.Value, yes: ir.Value, no: ir.Value) -> ir.Value:
        """``yes`` where ``condition`` (i1) holds."""
        condition, yes, no = self.alike([condition, yes, no])
        return self.code.ir.select(condition, yes, no)

    def truth(self, value: ir.Value) -> ir.Value:
        """Whether a word is not 0 (i1)."""
        return self.compare("!=", value, self.constant(0, value.type))

    def word(self, truth: ir.Value) -> ir.Value:
        """A truth as a word of one bit."""
        kind = truth.type
        target = vector(kind.count, I32) if isinstance(kind, ir.VectorType) else I32
        return self.code.ir.zext(truth, target)

    def shifted(self, operation: str, value: ir.Value, amount: ir.Value) -> ir.Value:
        """``value`` shifted by ``amount`` of any size: 0 beyond the container, or signs if ``ashr``."""
        value, amount = self.alike([value, amount])
        kind = value.type.element if isinstance(value.type, ir.VectorType) else value.type
        assert isinstance(kind, ir.IntType)
        last = self.constant(kind.width - 1, amount.type)
        fits = self.code.ir.icmp_unsigned("<=", amount, last)
        if operation == "ashr":
            return self.code.ir.ashr(value, self.code.ir.select(fits, amount, last))
        made = getattr(self.code.ir, operation)(value, amount)
        return self.code.ir.select(fits, made, self.constant(0, made.type))


def _known(value: ir.Value) -> int:
    assert isinstance(value, ir.Constant)
    found = value.constant
    assert isinstance(found, int)
    return found
