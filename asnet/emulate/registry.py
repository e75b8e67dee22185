"""The forms there are for sums of products, in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from asnet.cache import Cache
from asnet.emulate.analysis import Analysis, analyse
from asnet.emulate.certificates import Masks
from asnet.emulate.factoring import factors_of
from asnet.emulate.floats import MaskProducts
from asnet.emulate.golden_products import GoldenProducts
from asnet.emulate.integer import ExactIntegers, FactoredIntegers, Factors
from asnet.emulate.products import ProductsForm
from asnet.emulate.row_table import RowTable
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

    def analysis(self, instance: UnitInstance) -> Analysis:
        """The facts of ``instance``."""
        if instance.digest not in self._known:
            self._known[instance.digest] = analyse(instance, self.library.mode, self.cache, library=self.library)
        return self._known[instance.digest]

    def factors(self, instance: UnitInstance) -> Factors | None:
        """Factors of ``instance``, if it has few."""
        if instance.digest not in self._factors:
            self._factors[instance.digest] = factors_of(instance, self.analysis(instance), self.library)
        return self._factors[instance.digest]


_FORMS: Final[tuple[Callable[[Sources], ProductsForm], ...]] = (
    lambda _: ExactIntegers(),
    lambda sources: FactoredIntegers(sources.factors),
    lambda sources: RowTable(lambda instance: sources.analysis(instance).table),
    lambda sources: MaskProducts(sources.masks),
    lambda sources: GoldenProducts(sources.library),
)
"""The golden model is the last one and serves everything."""


def products_forms(sources: Sources) -> tuple[ProductsForm, ...]:
    """All of them."""
    return tuple(make(sources) for make in _FORMS)
