"""Verilog expressions of exact width: what each combinational operation becomes.

A signal holds the low bits of a value; :class:`~asnet.hls.ranges.Width` says what the bits above are. Every
expression here has the width it is asked for, so that no simulator extends or cuts anything by rules of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from asnet.hls.kernel import Constant, Operation
from asnet.hls.ranges import Width

__all__ = ["DECODED", "Signal", "SignalUse", "bits", "literal", "logic"]


@dataclass
class SignalUse:
    """Which signals were read whole, which only in part (lint tools ask to be told)."""

    whole: set[str] = field(default_factory=set[str])
    part: set[str] = field(default_factory=set[str])

    @property
    def partial(self) -> list[str]:
        """Signals of which some bits may be unread."""
        return sorted(self.part - self.whole)


@dataclass(frozen=True)
class Signal:
    """A named signal that holds a value of ``width`` bits in the source's type, or a constant."""

    name: str
    stored: Width
    width: int
    use: SignalUse = field(repr=False)
    constant: Constant | None = None

    def slice(self, high: int, low: int) -> str:
        """Stored bits ``high`` … ``low``."""
        if low == 0 and high == self.stored.bits - 1:
            self.use.whole.add(self.name)
            return self.name
        self.use.part.add(self.name)
        if self.stored.bits == 1:
            return self.name
        return f"{self.name}[{high}]" if high == low else f"{self.name}[{high}:{low}]"


def literal(value: int, width: int) -> str:
    """A sized constant: decimal if it is short, else hexadecimal."""
    value &= (1 << width) - 1
    return f"{width}'d{value}" if value < 1024 else f"{width}'h{value:x}"


def bits(signal: Signal, high: int, low: int = 0, *, arithmetic: bool = False) -> str:
    """Bits ``high`` … ``low`` of a value; beyond its type's width zeros, or (``arithmetic``) copies of its top bit."""
    if signal.constant is not None:
        value = signal.constant.bits
        if arithmetic and value >> (signal.width - 1):
            value -= 1 << signal.width
        return literal(value >> low, high - low + 1)
    stored, full = signal.stored.bits, signal.width
    parts: list[str] = []
    sign = signal.slice(stored - 1, stored - 1) if high >= stored and (signal.stored.signed or arithmetic) else ""
    beyond = high - max(low, full) + 1
    if beyond > 0:
        copied = arithmetic and (signal.stored.signed or stored == full)
        parts.append(_repeat(sign, beyond) if copied else literal(0, beyond))
    extension = min(high, full - 1) - max(low, stored) + 1
    if extension > 0:
        parts.append(_repeat(sign, extension) if signal.stored.signed else literal(0, extension))
    if low < stored:
        parts.append(signal.slice(min(high, stored - 1), low))
    else:  # it may be that nothing else reads it
        signal.use.part.add(signal.name)
    return parts[0] if len(parts) == 1 else f"{{{', '.join(parts)}}}"


def _repeat(bit: str, count: int) -> str:
    return bit if count == 1 else f"{{{count}{{{bit}}}}}"


DECODED: Mapping[str, str] = {
    "oeq": "{y}[1]",
    "ogt": "~|{y}",
    "oge": "~({y}[2] | {y}[0])",
    "olt": "{y}[0]",
    "ole": "{y}[1] | {y}[0]",
    "one": "~({y}[2] | {y}[1])",
    "ord": "~{y}[2]",
    "uno": "{y}[2]",
    "ueq": "{y}[2] | {y}[1]",
    "ugt": "~({y}[1] | {y}[0])",
    "uge": "~{y}[0]",
    "ult": "{y}[2] | {y}[0]",
    "ule": "|{y}",
    "une": "~{y}[1]",
}
"""Predicate of ``fcmp`` → its value from the comparison unit's result y = {unordered, equal, less}."""

_SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "and": "&", "or": "|", "xor": "^"}
_EQUALITIES = {"eq": "==", "ne": "!="}


def logic(operation: Operation, operands: tuple[Signal, ...], width: int) -> tuple[str, int]:
    """The expression of a combinational operation, and its width: ``width``, or more where only the low bits count."""
    return _RULES[operation.op](operation, operands, width)


def _plain(operation: Operation, operands: tuple[Signal, ...], width: int) -> tuple[str, int]:
    a, b = (bits(operand, width - 1) for operand in operands)
    return f"{a} {_SYMBOLS[operation.op]} {b}", width


def _select(_: Operation, operands: tuple[Signal, ...], width: int) -> tuple[str, int]:
    condition, a, b = operands
    return f"{bits(condition, 0)} ? {bits(a, width - 1)} : {bits(b, width - 1)}", width


def _cast(operation: Operation, operands: tuple[Signal, ...], width: int) -> tuple[str, int]:
    return bits(operands[0], width - 1, arithmetic=operation.op == "sext"), width


def _shift(operation: Operation, operands: tuple[Signal, ...], width: int) -> tuple[str, int]:
    value, amount = operands
    op, full = operation.op, operation.width
    if amount.constant is not None:
        by = min(amount.constant.bits, full)
        if op != "shl":
            return bits(value, by + width - 1, by, arithmetic=op == "ashr"), width
        if by >= width:
            return bits(value, full + width - 1, full), width  # the zeros above the value
        low = bits(value, width - 1 - by)
        return (f"{{{low}, {literal(0, by)}}}" if by else low), width
    distance = bits(amount, amount.stored.bits - 1)
    if op == "shl":
        return f"{bits(value, width - 1)} << {distance}", width
    if op == "lshr":
        return f"{bits(value, full - 1)} >> {distance}", full
    return f"$signed({bits(value, full - 1)}) >>> {distance}", full


def _compared(a: Signal, b: Signal, *, as_signed: bool) -> tuple[int, bool]:
    """The fewest bits in which two operands compare as in their type's, and whether by their sign."""
    least = max(_fitting(signal) for signal in (a, b))
    if not any(_may_be_negative(signal) for signal in (a, b)):
        return least, False
    if not as_signed:
        return a.width, False
    return min(a.width, max(_fitting(s) + (0 if _may_be_negative(s) else 1) for s in (a, b))), True


def _less(a: Signal, b: Signal, *, as_signed: bool) -> tuple[str, int]:
    """Whether ``a`` < ``b``, and the expression's width: the sign of the difference, which a carry chain gives as one
    of its sums; what a comparison takes is its last carry, which leaves the chain on a longer way."""
    width, by_sign = _compared(a, b, as_signed=as_signed)
    minuend, subtrahend = (bits(signal, width, arithmetic=by_sign) for signal in (a, b))
    return f"({minuend} - {subtrahend}) >> {width}", width + 1


def _may_be_negative(signal: Signal) -> bool:
    if signal.constant is not None:
        return signal.constant.bits >> (signal.width - 1) == 1 and signal.width > 1
    return signal.stored.signed or (signal.stored.bits == signal.width and signal.width > 1)


def _fitting(signal: Signal) -> int:
    if signal.constant is None:
        return signal.stored.bits
    value = signal.constant.bits
    if _may_be_negative(signal):
        return 1 + (~(value - (1 << signal.width))).bit_length()
    return max(1, value.bit_length())


def _compare(operation: Operation, operands: tuple[Signal, ...], _: int) -> tuple[str, int]:
    predicate, as_signed = operation.detail, operation.detail[0] != "u"
    a, b = operands
    match predicate[-2:]:
        case "lt":
            return _less(a, b, as_signed=as_signed)
        case "gt":
            return _less(b, a, as_signed=as_signed)
        case "ge":
            return _negated(_less(a, b, as_signed=as_signed))
        case "le":
            return _negated(_less(b, a, as_signed=as_signed))
        case equality:
            width, _ = _compared(a, b, as_signed=as_signed)
            return f"{bits(a, width - 1)} {_EQUALITIES[equality]} {bits(b, width - 1)}", 1


def _negated(expression: tuple[str, int]) -> tuple[str, int]:
    text, width = expression
    return f"~({text})", width


def _extreme(operation: Operation, operands: tuple[Signal, ...], width: int) -> tuple[str, int]:
    a, b = operands if operation.op.endswith("min") else operands[::-1]
    less, _ = _less(a, b, as_signed=operation.op[0] == "s")
    return f"|({less}) ? {bits(operands[0], width - 1)} : {bits(operands[1], width - 1)}", width


_RULES: Mapping[str, Callable[[Operation, tuple[Signal, ...], int], tuple[str, int]]] = {
    **dict.fromkeys(_SYMBOLS, _plain),
    **dict.fromkeys(("zext", "sext", "trunc"), _cast),
    **dict.fromkeys(("shl", "lshr", "ashr"), _shift),
    **dict.fromkeys(("umin", "umax", "smin", "smax"), _extreme),
    "icmp": _compare,
    "select": _select,
}
