"""Integer number formats and the scales that map real numbers to them: ``real = scale·(integer - zero point)``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asnet.types import AnyArray

__all__ = ["BITS", "IntegerFormat", "Scale"]

BITS = (2, 3, 4, 5, 6, 7, 8, 12, 16)
"""Widths that a number may have."""


@dataclass(frozen=True)
class IntegerFormat:
    """An integer of ``bits`` bits; it is stored in the next larger type that ONNX quantises to."""

    bits: int
    signed: bool

    @property
    def dtype(self) -> str:
        """numpy's name of the type that stores it."""
        return f"{'int' if self.signed else 'uint'}{8 if self.bits <= 8 else 16}"

    @property
    def low(self) -> int:
        """The least number."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """The greatest number."""
        return (1 << (self.bits - self.signed)) - 1

    def __str__(self) -> str:
        return f"{'i' if self.signed else 'u'}{self.bits}"


@dataclass(frozen=True)
class Scale:
    """Scale (float32) and zero point (of ``format``) of a tensor: one, or one per position of ``axis``."""

    format: IntegerFormat
    scale: NDArray[np.float32]
    zero: NDArray[np.int64]
    axis: int | None = None

    @classmethod
    def of_range(
        cls,
        kind: IntegerFormat,
        low: AnyArray | float,
        high: AnyArray | float,
        *,
        symmetric: bool,
        axis: int | None = None,
    ) -> Scale:
        """The scale whose numbers reach from ``low`` to ``high``, 0 included; arrays have one range per position.

        ``symmetric`` (of a signed format): the zero point is 0. Else it is the number nearest to where the real 0 lies.
        """
        bottom, top = np.minimum(low, 0.0).astype(np.float64), np.maximum(high, 0.0).astype(np.float64)
        extent = np.maximum(-bottom, top) if symmetric else top - bottom
        scale = (extent / (kind.high if symmetric else kind.high - kind.low)).astype(np.float32)
        scale = np.where(scale < np.finfo(np.float32).tiny, np.float32(1), scale).astype(np.float32)
        zero = np.zeros(scale.shape) if symmetric else np.clip(np.rint(kind.low - bottom / scale), kind.low, kind.high)
        return cls(kind, np.asarray(scale), np.asarray(zero.astype(np.int64)), axis)

    def where(self, chosen: AnyArray, other: Scale) -> Scale:
        """This scale at the positions where ``chosen`` is true, ``other`` elsewhere."""
        scale, zero = np.where(chosen, self.scale, other.scale), np.where(chosen, self.zero, other.zero)
        return Scale(self.format, np.asarray(scale), np.asarray(zero), self.axis)

    def _along(self, array: AnyArray, rank: int) -> AnyArray:
        if self.axis is None:
            return array
        shape = [1] * rank
        shape[self.axis] = -1
        return array.reshape(shape)

    def quantise(self, real: AnyArray) -> AnyArray:
        """``saturate(round(real / scale) + zero)`` in the type that stores the format; half rounds to even."""
        scale, zero = (self._along(array, real.ndim) for array in (self.scale, self.zero))
        whole = np.rint(np.divide(real, scale, dtype=np.float32)) + zero
        return np.clip(whole, self.format.low, self.format.high).astype(self.format.dtype)

    def dequantise(self, integers: AnyArray) -> NDArray[np.float32]:
        """``scale·(integer - zero point)``."""
        scale, zero = (self._along(array, integers.ndim) for array in (self.scale, self.zero))
        return np.multiply((integers.astype(np.int64) - zero).astype(np.float32), scale)

    def nearest(self, real: AnyArray) -> NDArray[np.float32]:
        """What is left of ``real`` after :meth:`quantise` and :meth:`dequantise`."""
        return self.dequantise(self.quantise(real))
