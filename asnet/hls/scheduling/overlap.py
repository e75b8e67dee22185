"""How early one loop may start behind another: static overlap.

Inside an image everything happens at known cycles, so that what follows need not wait until the loop before has
drained: it is enough that every word is written before it is read, nothing is overwritten before it is read, and no
port or unit is used too often in any cycle. That is decided exactly, by the cycles and addresses of the iterations that
can be in each other's way; where those are too many, the second loop waits for all accesses of the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from asnet.hls.scheduling.timeline import Access, Strand, Timeline, Use

__all__ = ["least_offset"]

_MOST_EVENTS = 1 << 21
"""Accesses of one operation that are looked at one by one."""

_MOST_COMPARISONS = 1 << 26
"""Offsets times cycles that are compared to find room on ports and units."""

_LONG_AGO = -(1 << 40)
"""A cycle before everything."""

_Vector = NDArray[np.int64]


def least_offset(
    first: Timeline, second: Timeline, resources: Mapping[str, int] | None = None, least: int | None = None
) -> int:
    """The least number of cycles ≥ ``least`` from the start of ``first`` to that of ``second``.

    A word shows what was written from the cycle after the write on, and is never read or written in the cycle in which
    it is written.

    Args:
        first: what runs first.
        second: what runs behind it.
        resources: name → uses per cycle; 1 if not named. Ports are resources.
        least: the cycle after the last iteration of ``first`` started by default; less lets the loops overlap while
            both start iterations.
    """
    offset = first.last_start + 1 if least is None else least
    for name, cycle in second.needs.items():
        if name in first.results:
            offset = max(offset, first.results[name] - cycle)
    offset = _behind_accesses(first, second, offset)
    return _with_room(first, second, resources or {}, offset)


def _behind_accesses(first: Timeline, second: Timeline, offset: int) -> int:
    """The least offset at which every access comes behind the earlier accesses that it must not overtake."""
    for a in first.strands:
        for one in a.accesses:
            for b in second.strands:
                for other in b.accesses:
                    if one.memory == other.memory and (one.write or other.write):
                        offset = max(offset, _behind(a, one, b, other, offset))
    return offset


def _behind(a: Strand, one: Access, b: Strand, other: Access, offset: int) -> int:
    """The least offset ≥ ``offset`` at which ``other`` touches every word in a cycle after ``one`` did."""
    ends, begins = _ends(a, one), _ends(b, other)
    if ends is None or begins is None or ends[1] < begins[0] + offset:
        return offset
    last, begin = ends[1], begins[0]
    whole = last + 1 - begin
    if one.strides is None or other.strides is None:
        return whole
    earlier = _events(a, one, begin + offset, last)
    later = _events(b, other, begin, last - offset)
    if earlier is None or later is None:
        return whole
    words, index = np.unique(np.concatenate((earlier.words, later.words)), return_inverse=True)
    touched = np.full(len(words), _LONG_AGO)
    wanted = np.full(len(words), -_LONG_AGO)
    np.maximum.at(touched, index[: len(earlier.words)], earlier.cycles)
    np.minimum.at(wanted, index[len(earlier.words) :], later.cycles)
    return max(offset, int((touched + 1 - wanted).max(initial=offset)))


def _with_room(first: Timeline, second: Timeline, resources: Mapping[str, int], offset: int) -> int:
    """The least offset ≥ ``offset`` at which no resource is used too often in any cycle."""
    shared = {use.resource for a in first.strands for use in a.uses}
    shared &= {use.resource for b in second.strands for use in b.uses}
    spans = {name: (_busy(first, name), _busy(second, name)) for name in sorted(shared)}
    free = max((end + 1 - begin for (_, end), (begin, _) in spans.values()), default=offset)
    patterns: list[tuple[_Vector, _Vector, int]] = []
    for name, ((_, end), (begin, _)) in spans.items():
        before = _pattern(first, name, begin + offset, end)
        after = _pattern(second, name, begin, end - offset)
        if before is None or after is None:
            return max(offset, free)
        patterns.append((before, after, resources.get(name, 1)))
    if sum(len(before) for before, _, _ in patterns) * max(free - offset, 0) > _MOST_COMPARISONS:
        return max(offset, free)
    for later in range(max(free - offset, 0)):
        if all(_fits(before[later:], after, room) for before, after, room in patterns):
            return offset + later
    return max(offset, free)


def _fits(one: _Vector, other: _Vector, room: int) -> bool:
    """Whether the two together never take more than ``room``, where both take something; ``one`` may end earlier."""
    other = other[: len(one)]
    return bool(((one + other <= room) | (one == 0) | (other == 0)).all())


def _busy(timeline: Timeline, resource: str) -> tuple[int, int]:
    """The first and the last cycle in which ``resource`` is used."""
    ends = [_ends(s, use) for s in timeline.strands for use in s.uses if use.resource == resource]
    known = [both for both in ends if both is not None]
    return min(begin for begin, _ in known), max(end for _, end in known)


def _pattern(timeline: Timeline, resource: str, low: int, high: int) -> _Vector | None:
    """How often ``resource`` is used in each cycle from ``low`` to ``high``; None: too many cycles to say."""
    counts = np.zeros(max(high - low + 1, 0), np.int64)
    for strand in timeline.strands:
        for use in strand.uses:
            if use.resource == resource:
                events = _events(strand, use, low, high)
                if events is None:
                    return None
                np.add.at(counts, events.cycles - low, 1)
    return counts


def _extents(strand: Strand, what: Access | Use) -> list[tuple[int, int]]:
    """The first and last value of every counter, as far as ``what`` happens."""
    bounds: Mapping[str, tuple[int, int]] = what.bounds if isinstance(what, Access) else {}
    wide = [(0, tick.extent - 1) for tick in strand.ticks]
    asked = [bounds.get(tick.name, whole) for tick, whole in zip(strand.ticks, wide, strict=True)]
    return [(max(low, first), min(high, last)) for (low, high), (first, last) in zip(asked, wide, strict=True)]


def _ends(strand: Strand, what: Access | Use) -> tuple[int, int] | None:
    """The first and the last cycle in which ``what`` happens; None: it never does."""
    extents = _extents(strand, what)
    if any(low > high for low, high in extents):
        return None
    begin = strand.start + what.cycle
    steps = [(low * tick.cycles, high * tick.cycles) for tick, (low, high) in zip(strand.ticks, extents, strict=True)]
    return begin + sum(low for low, _ in steps), begin + sum(high for _, high in steps)


class _Events(NamedTuple):
    """When something happens, and to which word."""

    cycles: _Vector
    words: _Vector


def _events(strand: Strand, what: Access | Use, low: int, high: int) -> _Events | None:
    """What happens from cycle ``low`` to ``high``; None: too much.

    Counter by counter, the outermost first, without what cannot lie between the two.
    """
    strides = (what.strides or {}) if isinstance(what, Access) else {}
    cycles = np.array([strand.start + what.cycle], np.int64)
    words = np.array([what.offset if isinstance(what, Access) else 0], np.int64)
    extents = _extents(strand, what)
    for position, (tick, (begin, end)) in enumerate(zip(strand.ticks, extents, strict=True)):
        if len(cycles) * max(end - begin + 1, 0) > _MOST_EVENTS:
            return None
        values = np.arange(begin, end + 1)
        cycles = (cycles[:, None] + values * tick.cycles).ravel()
        words = (words[:, None] + values * strides.get(tick.name, 0)).ravel()
        inner = list(zip(strand.ticks[position + 1 :], extents[position + 1 :], strict=True))
        least = sum(other.cycles * first for other, (first, _) in inner)
        most = sum(other.cycles * last for other, (_, last) in inner)
        near = (cycles + most >= low) & (cycles + least <= high)
        cycles, words = cycles[near], words[near]
    if not strand.ticks:
        near = (cycles >= low) & (cycles <= high)
        cycles, words = cycles[near], words[near]
    return _Events(cycles, words)
