"""What emulates a unit: its forms in a convolution of ordinary size, their certificates and speeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from asnet.cache import Cache
from asnet.emulate.certificates import Certificate, certify_mask
from asnet.emulate.choosing import Candidate, Chooser
from asnet.emulate.registry import Sources, products_forms
from asnet.ir import Products
from asnet.types import OperandType
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["Explanation", "explain", "ordinary_layer"]

_ROWS: Final = 64
_COLUMNS: Final = 1024
_DEPTH: Final = 576


@dataclass(frozen=True)
class Explanation:
    """The forms of ``instance``: ``products`` for sums of products, the fastest first, the one that is taken being the
    first with a certificate (or the golden model, the last one); ``single`` for operations by themselves, the
    certificate of the operand masks (None: the golden model)."""

    instance: UnitInstance
    single: Certificate | None
    products: tuple[Candidate, ...] = ()

    @property
    def taken(self) -> Candidate | None:
        """The form for sums of products; None, if the unit is of no multiplication."""
        return next((each for each in self.products if each.certificate is not None or each.kind == "golden"), None)

    @property
    def certificate(self) -> Certificate | None:
        """That of the form that is taken; None if it is the golden model."""
        return self.single if self.taken is None else self.taken.certificate


def ordinary_layer(operand: OperandType) -> Products:
    """The sums of products of a convolution of 64 channels to 64, 3 x 3 taps, 32 x 32 places, with constant weights."""
    accumulator = "float32" if operand.is_float else "int32" if operand.width <= 8 else "int64"
    return Products(operand.name, accumulator, True, 1, _ROWS, _COLUMNS, _DEPTH, constant="weights")


def explain(instance: UnitInstance, library: FunctionLibrary, cache: Cache, *, thorough: bool = True) -> Explanation:
    """What emulates ``instance``, which ``library`` must hold; all its forms if ``thorough``, else down to the one that
    is taken."""
    masked = certify_mask(instance, library, cache)
    single = None if masked is None else masked[1]
    if instance.op not in ("mul", "fmul") or instance.type.width > (32 if instance.type.is_float else 16):
        return Explanation(instance, single)
    masks = {} if masked is None else {instance.digest: masked[0]}
    chooser = Chooser(products_forms(Sources(library, cache, masks)), library, cache)
    candidates = chooser.candidates(ordinary_layer(instance.type), instance, thorough=thorough)
    return Explanation(instance, single, tuple(candidates))
