"""The forms there are for sums of products, in one table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from asnet.cache import Cache
from asnet.emulate.analysis import Analysis, Netlist, analyse
from asnet.emulate.bitsliced import BitSliced
from asnet.emulate.certificates import Certificate, Masks, certify_call
from asnet.emulate.factoring import factors_of
from asnet.emulate.floats import MaskProducts
from asnet.emulate.golden_products import GoldenProducts
from asnet.emulate.integer import ExactIntegers, FactoredIntegers, Factors
from asnet.emulate.lift import Lifted, LiftedCall, LiftedUnit, WordCalls, WordDesign, computable, unit_words
from asnet.emulate.products import ProductsForm
from asnet.emulate.row_table import RowTable
from asnet.errors import ToolError, UnitError
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["Sources", "products_forms"]


@dataclass(frozen=True)
class Sources:
    """What forms are made from: the golden models, and what is known of the instances.

    ``masks``: content digest of an instance → the masks that were certified.
    """

    library: FunctionLibrary
    cache: Cache
    masks: Mapping[str, Masks]
    _known: dict[str, Analysis] = field(default_factory=dict[str, Analysis], repr=False, compare=False)
    _factors: dict[str, Factors | None] = field(default_factory=dict[str, "Factors | None"], repr=False, compare=False)
    _calls: dict[str, LiftedCall | None] = field(
        default_factory=dict[str, "LiftedCall | None"], repr=False, compare=False
    )
    _words: dict[str, WordDesign | None] = field(
        default_factory=dict[str, "WordDesign | None"], repr=False, compare=False
    )

    def analysis(self, instance: UnitInstance) -> Analysis:
        """The facts of ``instance``."""
        if instance.digest not in self._known:
            self._known[instance.digest] = analyse(instance, self.library.mode, self.cache, library=self.library)
        return self._known[instance.digest]

    def factors(self, instance: UnitInstance) -> Factors | None:
        """Factors of ``instance``, if it has few."""
        if instance.digest not in self._factors:
            self._factors[instance.digest] = factors_of(instance, self.analysis(instance))
        return self._factors[instance.digest]

    def netlist(self, instance: UnitInstance) -> Netlist | None:
        """The gates of ``instance``; None if it has none, or does not need them (making them takes seconds)."""
        return None if self._has_faster(instance) else self.analysis(instance).netlist

    def words(self, instance: UnitInstance) -> WordDesign | None:
        """The words of ``instance``; None if it has none that have a form, or does not need them."""
        if self._has_faster(instance):
            return None
        if instance.digest not in self._words:
            try:
                found = computable(unit_words(instance, self.library.mode, self.cache))
            except (UnitError, ToolError):
                found = None
            self._words[instance.digest] = found
        return self._words[instance.digest]

    def call(self, instance: UnitInstance) -> LiftedCall | None:
        """``instance`` as a function of single operands; None if it has no words, does not need them, or is not the
        golden model (a bug of ASNet)."""
        if instance.digest not in self._calls:
            design = self.words(instance)
            found = None
            if design is not None:
                found = LiftedCall(LiftedUnit(design, instance.type, instance.unit.result), self.cache)
                result = certify_call(WordCalls.kind, found, found.text, instance, self.library, self.cache)
                found = found if isinstance(result, Certificate) else None
            self._calls[instance.digest] = found
        return self._calls[instance.digest]

    def _has_faster(self, instance: UnitInstance) -> bool:
        """Whether another form is faster than gates and words are on any processor."""
        if instance.digest in self.masks or self.analysis(instance).table is not None:
            return True
        return not instance.type.is_float and self.factors(instance) is not None


_FORMS: Final[tuple[tuple[float, Callable[[Sources], ProductsForm]], ...]] = (
    (math.inf, lambda _: ExactIntegers()),
    (math.inf, lambda sources: FactoredIntegers(sources.factors)),
    (math.inf, lambda sources: MaskProducts(sources.masks)),
    (150e9, lambda sources: RowTable(lambda instance: sources.analysis(instance).table)),
    (30e9, lambda sources: Lifted(sources.words)),
    (15e9, lambda sources: BitSliced(sources.netlist)),
    (0.5e9, lambda sources: GoldenProducts(sources.library)),
)
"""Products per second that no such kernel reaches, and the form. The golden model is the last one and serves all."""


def products_forms(sources: Sources) -> tuple[tuple[float, ProductsForm], ...]:
    """All of them, the fastest first, each with products per second that it does not reach."""
    return tuple((bound, make(sources)) for bound, make in _FORMS)
