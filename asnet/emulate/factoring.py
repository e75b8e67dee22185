"""Factors of a unit's results: of its table, of its distance from the exact product, of wide units of rank one."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from asnet.emulate.analysis import Analysis, LowRank, operand_values
from asnet.emulate.integer import Factors, exact_factors
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["MOST_TERMS", "factors_of"]

MOST_TERMS: Final = 8
"""Sums of more products than this are slower than looking products up."""

_PROBES: Final = 4096
_PIVOTS: Final = 8
_WIDEST: Final = 16

Integers = NDArray[np.int64]


def factors_of(instance: UnitInstance, analysis: Analysis, library: FunctionLibrary) -> Factors | None:
    """The fewest factors whose products add up to ``instance``'s results, None if there are none or too many.

    Those of wider units than have a table are found on samples: it is the certificate of the kernel that says whether
    they are right.
    """
    if instance.op != "mul" or instance.type.width > _WIDEST:
        return None
    if analysis.table is None:
        return _rank_one(instance, library)
    signed = instance.type.signed
    found = [_of(analysis.product, signed)]
    error = _of(analysis.error, signed)
    if error is not None:
        exact = exact_factors(instance.type.width, signed=signed)
        found.append(Factors(np.concatenate([exact.u, error.u]), np.concatenate([exact.w, error.w]), signed))
    few = [factors for factors in found if factors is not None and len(factors.u) <= MOST_TERMS]
    return min(few, key=lambda factors: len(factors.u), default=None)


def _of(found: LowRank | None, signed: bool) -> Factors | None:
    if found is None or found.u is None or found.v is None:
        return None
    return Factors(found.u.astype(np.int64), found.v.astype(np.int64), signed)


def _rank_one(instance: UnitInstance, library: FunctionLibrary) -> Factors | None:
    """``unit(a, b) = u(a) · w(b)`` from the results along one a and one b, if it holds on a sample."""
    values = operand_values(instance.type)
    generator = np.random.default_rng(1)
    sample = generator.choice(values, (2, _PROBES))
    products = _call(library, instance, sample[0], sample[1])
    for pivot in np.flatnonzero(products)[:_PIVOTS]:
        a, b = sample[:, pivot]
        along_a, along_b = _call(library, instance, values, b), _call(library, instance, a, values)
        u = along_a // np.gcd.reduce(along_a)
        own = int(u[_place(a, values)])
        if own == 0 or (along_b % own).any():
            continue
        w = along_b // own
        left, right = (side[_place(operand, values)] for side, operand in ((u, sample[0]), (w, sample[1])))
        if np.array_equal(left * right, products):
            return Factors(u[None, :], w[None, :], instance.type.signed)
    return None


def _place(operand: NDArray[np.int32] | np.int32, values: NDArray[np.int32]) -> NDArray[np.int64]:
    """Where operands are among ``values``, in the order of the patterns."""
    return np.asarray(operand, np.int64) & (len(values) - 1)


def _call(library: FunctionLibrary, instance: UnitInstance, a: object, b: object) -> Integers:
    left, right = np.broadcast_arrays(np.asarray(a, np.int32), np.asarray(b, np.int32))
    found = library.call("mul", instance.type, left, right, instance)
    return found.astype(np.int64) if instance.type.signed else found.view(np.uint32).astype(np.int64)
