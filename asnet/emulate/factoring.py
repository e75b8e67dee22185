"""Factors of a unit's results, or of their distance from the exact products."""

from __future__ import annotations

from typing import Final

import numpy as np

from asnet.emulate.analysis import Analysis, LowRank
from asnet.emulate.integer import Factors, exact_factors, plan_for
from asnet.ir import Products
from asnet.units import UnitInstance

__all__ = ["MOST_TERMS", "factors_of"]

MOST_TERMS: Final = 8
"""Sums of more products than this are slower than looking products up."""

_WIDEST: Final = 16


def factors_of(instance: UnitInstance, analysis: Analysis) -> Factors | None:
    """Factors whose products add up to ``instance``'s results, in the fewest terms; None if there are none or too many.

    Those of wider units than have a table are found on samples: it is the certificate of the kernel that says whether
    they are right.
    """
    if instance.op != "mul" or instance.type.width > _WIDEST:
        return None
    signed = instance.type.signed
    found = [_of(analysis.product, signed)]
    error = _of(analysis.error, signed)
    if error is not None:
        exact = exact_factors(instance.type.width, signed=signed)
        found.append(Factors(np.concatenate([exact.u, error.u]), np.concatenate([exact.w, error.w]), signed))
    few = [factors for factors in found if factors is not None and len(factors.u) <= MOST_TERMS]
    layer = Products(instance.type.name, "int32", True, 1, 64, 1024, 576)
    return min(few, key=lambda factors: plan_for(layer, factors).terms, default=None)


def _of(found: LowRank | None, signed: bool) -> Factors | None:
    if found is None or found.u is None or found.v is None:
        return None
    return Factors(found.u.astype(np.int64), found.v.astype(np.int64), signed)
