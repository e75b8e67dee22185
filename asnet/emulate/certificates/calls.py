"""Establishing that a compiled function computes what a unit's golden model does, operation by operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from asnet.bits import bits_differ
from asnet.cache import Cache, digest
from asnet.emulate.certificates.certificate import Certificate, Difference, Evidence, established
from asnet.emulate.certificates.operands import corners_of, random_blocks
from asnet.host import host_features, processor_name
from asnet.types import AnyArray, Array
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["certify_call"]

_VERSION: Final = "call 1"
_RANDOM: Final = 10_000_000  # pairs, at least
_SEED: Final = 20240607


def certify_call(
    form: str,
    call: Callable[[Array, Array], AnyArray],
    text: str,
    instance: UnitInstance,
    library: FunctionLibrary,
    cache: Cache,
) -> Certificate | Difference:
    """The certificate of ``call``, compiled from ``text``, for ``instance``, or where it differs; kept in ``cache``.

    All pairs of corners and random pairs are compared. ``library`` must hold the instance.
    """
    kernel, processor = digest([text]), processor_name()
    facts = (library.mode, str(_RANDOM), str(_SEED))
    key = digest([_VERSION, form, kernel, processor, host_features(), instance.digest, *facts])

    def compare() -> Certificate | Difference:
        found = _compared(form, call, instance, library)
        if isinstance(found, Difference):
            return found
        return Certificate(instance.name, instance.digest, library.mode, form, (found,), kernel, processor)

    return established(cache, key, instance.name, compare)


def _compared(
    form: str, call: Callable[[Array, Array], AnyArray], instance: UnitInstance, library: FunctionLibrary
) -> Evidence | Difference:
    corners = corners_of(instance.type)
    random = 0
    for a, b in _operands(instance, corners):
        left, right = a[None, :], b[:, None]
        found, golden = call(left, right), library.call(instance.op, instance.type, left, right, instance)
        different = bits_differ(found, golden)
        if different.any():
            row, column = (int(place) for place in np.argwhere(different)[0])
            shown = [_shown(value) for value in (a[column], b[row], found[row, column], golden[row, column])]
            return Difference(form, f"a = {shown[0]}, b = {shown[1]}", shown[2], shown[3])
        random += found.size if a is not corners else 0
    return Evidence("operations", "sampled", corners=len(corners), random=random, seed=_SEED)


def _operands(instance: UnitInstance, corners: Array) -> Iterator[tuple[Array, Array]]:
    yield corners, corners
    for block in random_blocks(instance.type, _RANDOM, _SEED):
        yield block.a, block.b


def _shown(value: np.generic) -> str:
    return f"{int(value.view(np.uint32)):#010x}" if value.dtype == np.float32 else str(value)
