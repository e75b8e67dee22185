"""What each operation computes, on the bits of its operands: the meaning of kernels, for one iteration at a time."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from asnet.hls.kernel import Operation, signed

__all__ = ["Evaluate", "evaluator"]

Evaluate: TypeAlias = Callable[..., int]
"""Operands as unsigned bits of their widths → the result as unsigned bits."""

_Unary: TypeAlias = Callable[[int], int]
_Binary: TypeAlias = Callable[[int, int], int]
_Ternary: TypeAlias = Callable[[int, int, int], int]

_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def evaluator(operation: Operation) -> Evaluate:
    """The function of an operation that is no access to a memory and no call.

    Floats follow the floating-point environment of the thread. What LLVM leaves open (a shift by too much, a float
    that no integer is near) has some value.

    Raises:
        KeyError: there is no such operation.
    """
    return _MAKERS[operation.op](operation)


def _integer(compute: _Binary) -> Callable[[Operation], _Binary]:
    def make(operation: Operation) -> _Binary:
        mask = (1 << operation.width) - 1
        return lambda a, b: compute(a, b) & mask

    return make


def _signed(compute: _Binary) -> Callable[[Operation], _Binary]:
    def make(operation: Operation) -> _Binary:
        width = operation.widths[0]
        mask = (1 << operation.width) - 1
        return lambda a, b: compute(signed(a, width), signed(b, width)) & mask

    return make


def _shifted(operation: Operation) -> _Binary:
    width, mask = operation.width, (1 << operation.width) - 1
    match operation.op:
        case "shl":
            return lambda a, b: (a << min(b, width)) & mask
        case "lshr":
            return lambda a, b: a >> min(b, width)
        case _:
            return lambda a, b: (signed(a, width) >> min(b, width)) & mask


def _compared(operation: Operation) -> _Binary:
    width, compare = operation.widths[0], _COMPARISONS[operation.detail[-2:]]
    if operation.detail.startswith("s"):
        return lambda a, b: int(compare(signed(a, width), signed(b, width)))
    return lambda a, b: int(compare(a, b))


def _extended(operation: Operation) -> _Unary:
    width, mask = operation.widths[0], (1 << operation.width) - 1
    if operation.op == "sext":
        return lambda a: signed(a, width) & mask
    return lambda a: a & mask


def _floating(compute: Callable[[Any, Any], Any]) -> Callable[[Operation], _Binary]:
    single, word = np.float32, np.uint32

    def evaluate(a: int, b: int) -> int:
        return int(compute(word(a).view(single), word(b).view(single)).view(word))

    return lambda _: evaluate


def _float_compared(operation: Operation) -> _Binary:
    single, word = np.float32, np.uint32
    kind, unordered = operation.detail, int(operation.detail.startswith("u"))
    compare = _COMPARISONS.get(kind[1:], lambda a, b: kind == "ord")

    def evaluate(a: int, b: int) -> int:
        x, y = word(a).view(single), word(b).view(single)
        return unordered if x != x or y != y else int(compare(x, y))

    return evaluate


def _from_integer(operation: Operation) -> _Unary:
    width = operation.widths[0]
    if operation.op == "sitofp":
        return lambda a: int(np.int64(signed(a, width)).astype(np.float32).view(np.uint32))
    return lambda a: int(np.uint64(a).astype(np.float32).view(np.uint32))


def _to_integer(operation: Operation) -> _Unary:
    mask = (1 << operation.width) - 1

    def evaluate(a: int) -> int:
        value = float(np.uint32(a).view(np.float32))
        return int(value) & mask if abs(value) < 2.0**64 else 0

    return evaluate


def _chosen(condition: int, a: int, b: int) -> int:
    return a if condition else b


_MAKERS: Mapping[str, Callable[[Operation], Evaluate]] = {
    "add": _integer(operator.add),
    "sub": _integer(operator.sub),
    "mul": _integer(operator.mul),
    "and": _integer(lambda a, b: a & b),
    "or": _integer(lambda a, b: a | b),
    "xor": _integer(lambda a, b: a ^ b),
    "umin": _integer(min),
    "umax": _integer(max),
    "smin": _signed(min),
    "smax": _signed(max),
    **dict.fromkeys(("shl", "lshr", "ashr"), _shifted),
    **dict.fromkeys(("zext", "sext", "trunc"), _extended),
    "fadd": _floating(operator.add),
    "fsub": _floating(operator.sub),
    "fmul": _floating(operator.mul),
    "fdiv": _floating(lambda a, b: a / b),
    **dict.fromkeys(("sitofp", "uitofp"), _from_integer),
    **dict.fromkeys(("fptosi", "fptoui"), _to_integer),
    "icmp": _compared,
    "fcmp": _float_compared,
    "select": lambda _: _chosen,
}
