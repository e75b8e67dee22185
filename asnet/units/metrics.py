"""Error metrics of a unit instance against the exact operation.

Definitions: V. Mrazek, R. Hrbacek, Z. Vasicek, L. Sekanina, "EvoApprox8b: Library of Approximate Adders and Multipliers
for Circuit Design and Benchmarking of Approximation Methods", DATE 2017, section II; with e = approximate − exact over
N operand pairs:

* MAE mean absolute error, Σ|e| / N
* WCE worst-case (absolute) error, max |e|
* MRE mean relative error, Σ |e| / max(1, |exact|) / N for integers (their convention at zero); for floats
  Σ |e| / |exact| over the pairs whose exact result is neither zero nor infinite nor NaN
* MSE mean squared error, Σ e² / N
* EP error probability (also ER), share of pairs with e ≠ 0
* bias mean error, Σ e / N
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from asnet.errors import UsageError
from asnet.types import EXACT, OperandType
from asnet.units.instance import UnitInstance
from asnet.units.library import FunctionLibrary

__all__ = ["ErrorMetrics", "error_metrics", "operand_pairs"]

EXHAUSTIVE_BITS: Final = 16
"""Operand pairs of up to this many bits in all are enumerated."""


@dataclass(frozen=True)
class ErrorMetrics:
    """Error of an instance over ``count`` operand pairs: all (``exhaustive``), or drawn with ``seed``.

    Absolute figures are in units of the result (floats: of the number); ``mre`` and ``ep`` are shares of 1. Pairs whose
    exact result is infinite or NaN are left out (floats only).
    """

    mae: float
    wce: float
    mre: float
    mse: float
    ep: float
    bias: float
    count: int
    exhaustive: bool
    seed: int | None


def _all_pairs(operand: OperandType) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    low = -(1 << (operand.width - 1)) if operand.signed else 0
    values = np.arange(low, low + (1 << operand.width), dtype=np.int32)
    a, b = np.meshgrid(values, values, indexing="ij")
    return a.ravel(), b.ravel()


def operand_pairs(operand: OperandType, samples: int, seed: int) -> tuple[NDArray[Any], NDArray[Any], bool]:
    """Operands ``a``, ``b`` and whether they are all there are.

    Integers of at most 8 bits: every pair. Wider ones: ``samples`` uniform pairs. Floats: ``samples`` pairs with
    uniform mantissas and signs and uniform exponents in 2⁻¹⁶ … 2¹⁵, so that products and quotients are normal numbers.
    """
    if not operand.is_float and 2 * operand.width <= EXHAUSTIVE_BITS:
        return *_all_pairs(operand), True
    random = np.random.default_rng(seed)
    if operand.is_float:
        bits = random.integers(0, 1 << 24, (2, samples), dtype=np.uint32)
        exponents = random.integers(127 - 16, 127 + 16, (2, samples), dtype=np.uint32)
        sign, fraction = bits >> 23 << 31, bits & np.uint32(0x7FFFFF)
        a, b = (sign | exponents << 23 | fraction).view(np.float32)
        return a, b, False
    low = -(1 << (operand.width - 1)) if operand.signed else 0
    drawn = random.integers(low, low + (1 << operand.width), (2, samples), dtype=np.int64)
    a, b = drawn.astype(np.uint32).view(np.int32)
    return a, b, False


def _numbers(results: NDArray[Any], operand: OperandType) -> NDArray[np.float64]:
    """What the library's floats or 32 bits mean."""
    unsigned = not operand.is_float and not operand.signed
    return (results.view(np.uint32) if unsigned else results).astype(np.float64)


def error_metrics(
    library: FunctionLibrary, instance: UnitInstance, *, samples: int = 1_000_000, seed: int = 0
) -> ErrorMetrics:
    """The error of ``instance``, which is in ``library``, against the exact operation.

    Integers of at most 8 bits are evaluated exhaustively, others on ``samples`` pairs (see :func:`operand_pairs`).

    Raises:
        UsageError: ``samples`` < 1, or ``library`` was built without ``instance``.
    """
    if samples < 1:
        raise UsageError(f"samples={samples} is too small; give at least 1")
    a, b, exhaustive = operand_pairs(instance.type, samples, seed)
    exact, found = (
        _numbers(library.call(instance.op, instance.type, a, b, chosen), instance.type) for chosen in (EXACT, instance)
    )
    if instance.type.is_float:
        finite = np.isfinite(exact)
        exact, found = exact[finite], found[finite]
    error = found - exact
    size = np.abs(error)
    if instance.type.is_float:
        relative = size[exact != 0] / np.abs(exact[exact != 0])
    else:
        relative = size / np.maximum(1.0, np.abs(exact))
    return ErrorMetrics(
        mae=float(size.mean()),
        wce=float(size.max()),
        mre=float(relative.mean()),
        mse=float((error * error).mean()),
        ep=float((error != 0).mean()),
        bias=float(error.mean()),
        count=int(error.size),
        exhaustive=exhaustive,
        seed=None if exhaustive else seed,
    )
