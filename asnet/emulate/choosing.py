"""Choosing a form for sums of products: the fastest whose kernel is certified."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from asnet.cache import Cache, digest
from asnet.emulate.certificates import Certificate, Difference, certify_products, kernel_digest
from asnet.emulate.cost import Shape, rate, shape_like
from asnet.emulate.kernels import sources
from asnet.emulate.products import ProductsForm, ProductsFunction
from asnet.host import host_features, processor_name
from asnet.ir import Products, Slot
from asnet.types import EXACT, Array
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["Candidate", "Chooser"]

_CHOICE: Final = "choice.json"

_NOT_KEPT: Final = ("golden", "lift")
"""What is taken where something is missing, such as yosys: another time there may be a better form."""


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
        storage: Cache,
        constants: Mapping[str, Array] | None = None,
    ) -> None:
        self._forms = tuple(forms)
        self._library = library
        self._cache = storage
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
            self._chosen[key] = self._known(key, what, instance) or self._found(key, what, instance)
        taken = self._chosen[key]
        if taken.certificate is None or taken.certificate.kernel == kernel_digest(taken.form, what, instance):
            return taken
        result = certify_products(taken.form, what, instance, self._library, self._cache)  # its kernel for this size
        if isinstance(result, Certificate):
            return replace(taken, certificate=result)
        golden = self._forms[-1][1]
        return Candidate(golden, taken.shape, self._rate(golden, what, instance))

    def _known(self, key: tuple[object, ...], what: Products, instance: UnitInstance | None) -> Candidate | None:
        """The choice of an earlier run, if there was one; its kernel is certified as ever."""
        entry = self._entry(key)
        if not self._cache.has("choices", entry):
            return None
        folder = self._cache.entry("choices", entry)
        content = json.loads((folder / _CHOICE).read_text(encoding="utf-8"))
        form = next((form for _, form in self._forms if form.kind == content["form"]), None)
        if form is None or not form.serves(what, instance):
            return None
        result = certify_products(form, what, instance, self._library, self._cache)
        if not isinstance(result, Certificate):
            return None
        return Candidate(form, shape_like(what), content["products_per_second"], result)

    def _found(self, key: tuple[object, ...], what: Products, instance: UnitInstance | None) -> Candidate:
        candidates = self.candidates(what, instance)
        taken = next(each for each in candidates if each.certificate is not None or each.kind == "golden")
        if taken.kind not in _NOT_KEPT:
            content = json.dumps({"form": taken.kind, "products_per_second": taken.rate}) + "\n"
            self._cache.get("choices", self._entry(key), lambda folder: _write(folder / _CHOICE, content))
        return taken

    def _entry(self, key: tuple[object, ...]) -> str:
        features = host_features()
        kinds = [form.kind for _, form in self._forms]
        return digest([sources(), repr(key), repr(kinds), self._library.mode, processor_name(), features])

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
        return [*found, Candidate(golden, shape, self._rate(golden, what, instance) if thorough or not taken else 0.0)]

    def _rate(self, form: ProductsForm, what: Products, instance: UnitInstance | None) -> float:
        return rate(form, what, instance, self._library.mode, self._cache)


def _write(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
