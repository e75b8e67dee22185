"""Choosing a form for sums of products: the fastest whose kernel is certified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asnet.cache import Cache
from asnet.emulate.certificates import Certificate, Difference, certify_products
from asnet.emulate.cost import Shape, rate, shape_like
from asnet.emulate.products import ProductsForm, ProductsFunction
from asnet.ir import Products, Slot
from asnet.types import EXACT, Array
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["Candidate", "Chooser"]


@dataclass(frozen=True)
class Candidate:
    """A form that serves a unit: its speed, products per second in calls of about ``shape``; why it is right.

    ``certificate`` None: it is the golden model itself, or it was not needed. ``difference``: where it is wrong, a bug
    of ASNet, why it is not taken.
    """

    form: ProductsForm
    shape: Shape
    rate: float
    certificate: Certificate | None = None
    difference: Difference | None = None

    @property
    def kind(self) -> str:
        """The form's name."""
        return self.form.kind

    @property
    def why(self) -> str:
        """Its certificate's evidence in words, or why there is none."""
        if self.difference is not None:
            return f"refused: {self.difference}"
        if self.certificate is not None:
            return "; ".join(map(str, self.certificate.evidence))
        return "the golden model itself" if self.kind == "golden" else "not compared: a faster form is taken"

    def __str__(self) -> str:
        return f"{self.kind}, {self.rate / 1e9:.3g} GMAC/s: {self.why}"


class Chooser:
    """Chooses kernels for sums of products; one of these serves a test bed.

    ``forms``, each with a bound of its products per second: what cannot be the fastest is not even compiled. The last
    one is ``golden`` and serves everything.
    ``constants``: the arrays of the module's constants.
    """

    def __init__(
        self,
        forms: Sequence[tuple[float, ProductsForm]],
        library: FunctionLibrary,
        cache: Cache,
        constants: Mapping[str, Array] | None = None,
    ) -> None:
        self._forms = tuple(forms)
        self._library = library
        self._cache = cache
        self._constants = constants or {}
        self._chosen: dict[tuple[object, ...], Candidate] = {}

    def __call__(self, slot: Slot, instance: UnitInstance | None) -> ProductsFunction:
        """The kernel of ``slot``, which computes sums of products, for ``instance`` (None: exact)."""
        assert slot.products is not None
        chosen = self.choose(slot.products, instance)
        constant = None if slot.products.constant is None else self._constants[slot.products.constant]
        return ProductsFunction(chosen.form, slot.products, instance, self._library.mode, self._cache, constant)

    def choose(self, what: Products, instance: UnitInstance | None) -> Candidate:
        """The fastest certified form for ``instance`` in layers like ``what``."""
        facts = (what.type, what.accumulator, what.vector_is_a, what.constant is None, what.constant_is_s)
        key = (*facts, shape_like(what), EXACT if instance is None else instance.digest)
        if key not in self._chosen:
            found = self.candidates(what, instance)
            self._chosen[key] = next(each for each in found if each.certificate is not None or each.kind == "golden")
        return self._chosen[key]

    def candidates(self, what: Products, instance: UnitInstance | None, *, thorough: bool = False) -> list[Candidate]:
        """The forms that serve ``instance``, the fastest first, certified down to the first that can be taken; all of
        them if ``thorough``."""
        shape = shape_like(what)
        found: list[Candidate] = []
        for bound, form in self._forms[:-1]:
            fastest = max((candidate.rate for candidate in found), default=0.0)
            if (thorough or fastest < bound) and form.serves(what, instance):
                found.append(Candidate(form, shape, self._rate(form, what, instance)))
        found.sort(key=lambda candidate: -candidate.rate)
        taken = False
        for place, candidate in enumerate(found):
            if taken and not thorough:
                break
            result = certify_products(candidate.form, what, instance, self._library, self._cache)
            right = isinstance(result, Certificate)
            found[place] = Candidate(
                candidate.form, shape, candidate.rate, result if right else None, None if right else result
            )
            taken = taken or right
        golden = self._forms[-1][1]
        return [*found, Candidate(golden, shape, self._rate(golden, what, instance) if thorough else 0.0)]

    def _rate(self, form: ProductsForm, what: Products, instance: UnitInstance | None) -> float:
        return rate(form, what, instance, self._library.mode, self._cache)
