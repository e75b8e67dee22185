"""Sums of counters: what indices are made of, and which operations only make such sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from asnet.hls.kernel import Constant, Operand, Operation, signed
from asnet.hls.nest.program import Affine

__all__ = ["Sum", "affine_range", "constant_sum", "fits", "sum_of"]


@dataclass(frozen=True)
class Sum:
    """Σ terms[counter]·counter + offset, as a number (not modulo anything). ``terms`` holds no 0."""

    terms: Mapping[str, int] = field(default_factory=dict[str, int])
    offset: int = 0

    def plus(self, other: Sum, factor: int = 1) -> Sum:
        """This plus ``factor`` times ``other``."""
        terms = dict(self.terms)
        for name, stride in other.terms.items():
            terms[name] = terms.get(name, 0) + factor * stride
        return Sum({name: stride for name, stride in terms.items() if stride}, self.offset + factor * other.offset)

    def at(self, values: Mapping[str, int]) -> Sum:
        """This with the counters that ``values`` names at these values."""
        offset = self.offset + sum(stride * values[name] for name, stride in self.terms.items() if name in values)
        return Sum({name: stride for name, stride in self.terms.items() if name not in values}, offset)

    @property
    def affine(self) -> Affine:
        """The same in the words of a program."""
        return Affine(dict(self.terms), self.offset)


def affine_range(strides: Mapping[str, int], offset: int, extents: Mapping[str, int]) -> tuple[int, int]:
    """Least and greatest value of a sum of counters that run from 0 to their extent - 1."""
    spans = [stride * (extents[name] - 1) for name, stride in strides.items()]
    return offset + sum(span for span in spans if span < 0), offset + sum(span for span in spans if span > 0)


def fits(value: Sum, width: int, extents: Mapping[str, int]) -> bool:
    """Whether ``value`` is a two's complement number of ``width`` bits whatever the counters are."""
    low, high = affine_range(value.terms, value.offset, extents)
    return -(1 << (width - 1)) <= low and high < 1 << (width - 1)


def sum_of(operation: Operation, operands: tuple[Sum | None, ...], extents: Mapping[str, int]) -> Sum | None:
    """The result of ``operation`` as a sum of counters; None if it is none, or may wrap. ``operands``: theirs."""
    if operation.width < 2 or operation.op not in _RULES:
        return None
    known = [value for value in operands if value is not None]
    if len(known) != len(operands):
        return None
    result = _result(operation, known, extents)
    return result if result is not None and fits(result, operation.width, extents) else None


_RULES = frozenset(("add", "sub", "mul", "shl", "or", "sext", "zext", "trunc"))


def _result(operation: Operation, operands: list[Sum], extents: Mapping[str, int]) -> Sum | None:
    first, last = operands[0], operands[-1]
    match operation.op:
        case "add":
            return first.plus(last)
        case "sub":
            return first.plus(last, -1)
        case "mul":
            if last.terms:
                first, last = last, first
            return None if last.terms else Sum().plus(first, last.offset)
        case "shl":
            inside = not last.terms and 0 <= last.offset < operation.width
            return Sum().plus(first, 1 << last.offset) if inside else None
        case "or":
            return first.plus(last) if _disjoint(first, last, extents) or _disjoint(last, first, extents) else None
        case "zext":
            return first if affine_range(first.terms, first.offset, extents)[0] >= 0 else None
        case _:
            return first


def _disjoint(high: Sum, low: Sum, extents: Mapping[str, int]) -> bool:
    """Whether ``high`` is always a multiple of a power of two that ``low`` never reaches."""
    least, most = affine_range(low.terms, low.offset, extents)
    unit = 1 << most.bit_length() if most >= 0 else 0
    return least >= 0 and all(number % unit == 0 for number in (high.offset, *high.terms.values()))


def constant_sum(operand: Operand) -> Sum | None:
    """A literal as a sum; None for names."""
    return Sum({}, signed(operand.bits, operand.width)) if isinstance(operand, Constant) else None
