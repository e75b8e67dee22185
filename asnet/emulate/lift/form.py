"""The form of units written in words: LLVM's integers compute them in lanes."""

from __future__ import annotations

from asnet.emulate.inside import InsideForm
from asnet.emulate.kernels import Target
from asnet.emulate.lift.kernel import LiftedUnit, products_text
from asnet.emulate.lift.words import WordDesign
from asnet.ir import Products
from asnet.units import UnitInstance

__all__ = ["Lifted"]


class Lifted(InsideForm[WordDesign]):
    """Computes a unit's words (:func:`~asnet.emulate.lift.lifting.computable`) with LLVM's integers, in lanes over the
    columns.
    """

    kind = "lift"

    def widths(self, inside: WordDesign) -> tuple[int, int, int]:
        """Of the words that are operands and result."""
        return len(inside.a), len(inside.b), len(inside.y)

    def text(self, inside: WordDesign, what: Products, instance: UnitInstance, target: Target) -> str:
        """Its words, in lanes."""
        return products_text(LiftedUnit(inside, instance.type, instance.unit.result), what, target)
