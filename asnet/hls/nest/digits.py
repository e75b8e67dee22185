"""Addresses as digits: which counters of a store have which values where it wrote the word at an address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asnet.hls.nest.accesses import Access
from asnet.hls.nest.affine import Sum, affine_range

__all__ = ["Digit", "digits_of"]


@dataclass(frozen=True)
class Digit:
    """A counter of a store as a sum of other counters. The word was stored if all are from 0 to ``extent`` - 1."""

    counter: str
    extent: int
    value: Sum


def digits_of(store: Access, address: Sum, extents: Mapping[str, int]) -> tuple[Digit, ...] | None:
    """The counters of ``store`` by a sum of other counters, with these ``extents``, that is its address.

    The strides of the store are the weights of a number system with mixed radix: an address has one way to be written
    in it, which is known if the sum can be split so that no digit ever carries. None: it cannot, or the store writes a
    word more than once.
    """
    assert store.index is not None
    if any(low != 0 for low, _ in store.box):
        return None
    counts = [high + 1 for _, high in store.box]
    found = list(zip(store.strides(), store.counters, counts, strict=True))
    steps = sorted(((step, name, count) for step, name, count in found if count > 1), reverse=True)
    if any(step <= 0 for step, _, _ in steps):
        return None
    parts = _split(address, [step for step, _, _ in steps])
    offsets = _split(Sum({}, store.index.offset), [step for step, _, _ in steps])
    if parts is None or offsets is None or parts[-1] != offsets[-1]:
        return None
    digits = [Digit(name, 1, Sum()) for _, name, count in found if count == 1]
    for place, (step, name, count) in enumerate(steps):
        offset = offsets[place].offset
        low, high = affine_range(parts[place].terms, parts[place].offset, extents)
        if place:
            radix = steps[place - 1][0] // step
            if steps[place - 1][0] % step or low < 0 or high >= radix or offset + count > radix:
                return None
        digits.append(Digit(name, count, parts[place].plus(Sum({}, -offset))))
    return tuple(digits)


def _split(value: Sum, steps: Sequence[int]) -> list[Sum] | None:
    """``value`` as Σ steps·parts + the last part, which is a number; None if a stride is no multiple of any step."""
    parts = [Sum() for _ in steps]
    for name, stride in value.terms.items():
        place = next((place for place, step in enumerate(steps) if stride % step == 0), None)
        if place is None:
            return None
        parts[place] = parts[place].plus(Sum({name: stride // steps[place]}))
    rest = value.offset
    for place, step in enumerate(steps):
        parts[place] = parts[place].plus(Sum({}, rest // step))
        rest %= step
    return [*parts, Sum({}, rest)]
