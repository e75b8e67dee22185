"""The operations that elementary functions consist of, and their evaluation on arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, Literal, Protocol, TypeVar

import numpy as np

from asnet.network import elementary
from asnet.types import AnyArray

__all__ = ["ArraySteps", "Comparison", "FloatOp", "Function", "IntegerOp", "Steps", "V", "coefficients"]

V = TypeVar("V")

FloatOp = Literal["add", "sub", "mul", "div"]
IntegerOp = Literal["add", "sub", "mul", "and", "or", "xor", "shl", "lshr", "ashr"]
Comparison = Literal["<", "<=", ">", ">=", "=="]

_MAGNITUDE = 0x7FFFFFFF
_SIGN = -0x80000000


class Function(Protocol):
    """A function of one float32."""

    def __call__(self, s: Steps[V], x: V, /) -> V: ...


def coefficients(*texts: str) -> tuple[np.float32, ...]:
    """float32 numbers from hexadecimal notation."""
    return tuple(np.float32(float.fromhex(text)) for text in texts)


class Steps(ABC, Generic[V]):
    """Operations on values ``V``: float32, integers of 32 and 64 bits (two's complement, wrapping), and conditions."""

    @abstractmethod
    def number(self, value: float | np.floating) -> V:
        """A float32 constant; a subnormal is flushed in ``ftz`` mode."""

    @abstractmethod
    def word(self, value: int, bits: int = 32) -> V:
        """An integer constant."""

    @abstractmethod
    def arithmetic(self, op: FloatOp, a: V, b: V) -> V:
        """``a op b`` of floats, rounded to nearest even: a site."""

    @abstractmethod
    def integer(self, op: IntegerOp, a: V, b: V) -> V:
        """``a op b`` of integers of one width."""

    @abstractmethod
    def compare(self, comparison: Comparison, a: V, b: V) -> V:
        """Condition: the ordered ``comparison`` of floats holds (false with a NaN)."""

    @abstractmethod
    def compare_integer(self, comparison: Comparison, a: V, b: V) -> V:
        """Condition: the signed ``comparison`` of integers holds."""

    @abstractmethod
    def both(self, a: V, b: V) -> V:
        """Condition: ``a`` and ``b``."""

    @abstractmethod
    def is_nan(self, x: V) -> V:
        """Condition: the float ``x`` is a NaN."""

    @abstractmethod
    def choose(self, condition: V, chosen: V, otherwise: V) -> V:
        """``chosen`` where ``condition`` holds, else ``otherwise``."""

    @abstractmethod
    def negate(self, x: V) -> V:
        """``-x`` of a float."""

    @abstractmethod
    def bits(self, x: V) -> V:
        """The 32 bits of a float as an integer."""

    @abstractmethod
    def number_of(self, bits: V) -> V:
        """The float that the 32-bit integer ``bits`` represents."""

    @abstractmethod
    def to_number(self, integer: V) -> V:
        """A signed integer of 32 bits as a float, rounded to nearest even."""

    @abstractmethod
    def to_integer(self, x: V) -> V:
        """A float of magnitude below 2^31, truncated to 32 bits."""

    @abstractmethod
    def widen(self, integer: V) -> V:
        """A 32-bit integer extended to 64 bits by zeros."""

    @abstractmethod
    def narrow(self, integer: V) -> V:
        """The low 32 bits of a 64-bit integer."""

    @abstractmethod
    def exp(self, x: V) -> V:
        """:func:`asnet.network.elementary.exp`."""

    @abstractmethod
    def tanh(self, x: V) -> V:
        """:func:`asnet.network.elementary.tanh`."""

    @abstractmethod
    def sigmoid(self, x: V) -> V:
        """:func:`asnet.network.elementary.sigmoid`."""

    # --- shorthands -------------------------------------------------------------------------------------------------

    def add(self, a: V, b: V) -> V:
        """``a + b`` of floats."""
        return self.arithmetic("add", a, b)

    def sub(self, a: V, b: V) -> V:
        """``a - b`` of floats."""
        return self.arithmetic("sub", a, b)

    def mul(self, a: V, b: V) -> V:
        """``a * b`` of floats."""
        return self.arithmetic("mul", a, b)

    def div(self, a: V, b: V) -> V:
        """``a / b`` of floats."""
        return self.arithmetic("div", a, b)

    def shift(self, op: IntegerOp, integer: V, amount: int) -> V:
        """A 32-bit integer shifted (``shl``, ``lshr``, ``ashr``) by a constant."""
        return self.integer(op, integer, self.word(amount))

    def mask(self, x: V, bits: int) -> V:
        """The float ``x`` with only those of its bits that are set in ``bits``."""
        return self.number_of(self.integer("and", self.bits(x), self.word(bits)))

    def magnitude(self, x: V) -> V:
        """``|x|``."""
        return self.mask(x, _MAGNITUDE)

    def with_sign(self, magnitude: V, x: V) -> V:
        """``magnitude``, a float without sign, with the sign of ``x``."""
        sign = self.integer("and", self.bits(x), self.word(_SIGN))
        return self.number_of(self.integer("or", self.bits(magnitude), sign))

    def horner(self, x: V, numbers: Sequence[np.float32]) -> V:
        """``Σ numbers[i]·x^i``: start with the highest, then ``p = p*x; p = p + c``."""
        value = self.number(numbers[-1])
        for number in reversed(numbers[:-1]):
            value = self.add(self.mul(value, x), self.number(number))
        return value


_FLOAT: dict[FloatOp, Callable[[AnyArray, AnyArray], AnyArray]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
}
_INTEGER: dict[IntegerOp, Callable[[AnyArray, AnyArray], AnyArray]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "shl": np.left_shift,
    "lshr": lambda a, b: np.right_shift(a.view(f"u{a.dtype.itemsize}"), b.view(f"u{a.dtype.itemsize}")).view(a.dtype),
    "ashr": np.right_shift,
}
_COMPARISON: dict[Comparison, Callable[[AnyArray, AnyArray], AnyArray]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
}


class ArraySteps(Steps[AnyArray]):
    """Steps evaluated elementwise by numpy in the calling thread's float mode; ``flush`` puts constants in it."""

    def __init__(self, flush: Callable[[np.float32], AnyArray] = np.asarray) -> None:
        self._flush = flush

    def number(self, value: float | np.floating) -> AnyArray:
        return np.atleast_1d(self._flush(np.float32(value)))

    def word(self, value: int, bits: int = 32) -> AnyArray:
        return np.array([value], np.int32 if bits == 32 else np.int64)

    def arithmetic(self, op: FloatOp, a: AnyArray, b: AnyArray) -> AnyArray:
        return _FLOAT[op](a, b)

    def integer(self, op: IntegerOp, a: AnyArray, b: AnyArray) -> AnyArray:
        return _INTEGER[op](a, b)

    def compare(self, comparison: Comparison, a: AnyArray, b: AnyArray) -> AnyArray:
        return _COMPARISON[comparison](a, b)

    def compare_integer(self, comparison: Comparison, a: AnyArray, b: AnyArray) -> AnyArray:
        return _COMPARISON[comparison](a, b)

    def both(self, a: AnyArray, b: AnyArray) -> AnyArray:
        return np.logical_and(a, b)

    def is_nan(self, x: AnyArray) -> AnyArray:
        return np.isnan(x)

    def choose(self, condition: AnyArray, chosen: AnyArray, otherwise: AnyArray) -> AnyArray:
        return np.where(condition, chosen, otherwise)

    def negate(self, x: AnyArray) -> AnyArray:
        return np.negative(x)

    def bits(self, x: AnyArray) -> AnyArray:
        return np.ascontiguousarray(x).view(np.int32)

    def number_of(self, bits: AnyArray) -> AnyArray:
        return bits.view(np.float32)

    def to_number(self, integer: AnyArray) -> AnyArray:
        return integer.astype(np.float32)

    def to_integer(self, x: AnyArray) -> AnyArray:
        return x.astype(np.int32)

    def widen(self, integer: AnyArray) -> AnyArray:
        return integer.view(np.uint32).astype(np.int64)

    def narrow(self, integer: AnyArray) -> AnyArray:
        return integer.astype(np.int32)

    def exp(self, x: AnyArray) -> AnyArray:
        return elementary.exp(x)

    def tanh(self, x: AnyArray) -> AnyArray:
        return elementary.tanh(x)

    def sigmoid(self, x: AnyArray) -> AnyArray:
        return elementary.sigmoid(x)
