"""How many iterations of which counters go inside a reduction, so that its recurrence has the time it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from asnet.hls.nest.counters import Digit
from asnet.hls.nest.program import Counter

__all__ = ["Tile", "digits", "tiles"]

_SHORT = 16
"""Iterations whose values a delay line holds in the smallest RAM there is: counters are not split below."""

_LONG = 64
"""Iterations that a delay line should not have more of, where counters can be split."""


@dataclass(frozen=True)
class Tile:
    """Of the counter ``name``, ``used`` iterations go inside, made ``extent`` by idle ones; ``lanes`` run at once."""

    name: str
    total: int
    used: int = 1
    extent: int = 1
    lanes: int = 1


def tiles(counters: Sequence[Counter], lanes: dict[str, int], inside: int, least: int) -> tuple[Tile, ...]:
    """One tile for each of ``counters``, taken in their order until ``least`` iterations are inside.

    ``inside``: iterations that are there already. ``lanes``: counter → iterations of it that run at once. A counter is
    split where all of it would be a long delay. Idle iterations come in where that is faster than what a scheduler
    does about too few: an initiation interval of 2 or more.
    """
    found: list[Tile] = []
    for counter in counters:
        at_once = lanes.get(counter.name, 1)
        share = -(-counter.extent // at_once)
        used = 1
        if inside < least:
            whole = inside * share <= _SHORT
            used = share if whole else _part(counter.extent, at_once, inside, least)
        found.append(Tile(counter.name, counter.extent, used, used, at_once))
        inside *= used
    padded = [_padded(tile, inside, least) for tile in found if tile.used > 1]
    if inside < least and padded:
        total, best = min(padded, key=lambda item: item[0])
        if total < inside * -(-least // inside):
            found = [best if tile.name == best.name else tile for tile in found]
    return tuple(found)


def _part(total: int, lanes: int, inside: int, least: int) -> int:
    """How many iterations of a counter go inside: those that waste the fewest, of these the fewest."""
    share = -(-total // lanes)
    fewest = min(-(-least // inside), share)
    most = min(max(fewest, _LONG // inside), share)
    return min(range(fewest, most + 1), key=lambda used: (-(-total // (lanes * used)) * used, used))


def _padded(tile: Tile, inside: int, least: int) -> tuple[int, Tile]:
    others = inside // tile.used
    extent = -(-least // others)
    return others * extent, replace(tile, extent=extent)


def digits(tile: Tile) -> tuple[Digit, ...]:
    """The counters instead of the tile's: ``<name>``, ``<name>.lane``, ``<name>.inner``, the outermost first.

    Lanes take neighbouring runs of iterations, so that results in the order lane after lane are in their old order.
    """
    around = -(-tile.total // (tile.used * tile.lanes))
    return (
        Digit(f"{tile.name}.outer", around, tile.used * tile.lanes),
        Digit(f"{tile.name}.lane", tile.lanes, tile.used),
        Digit(f"{tile.name}.inner", tile.extent, 1, tile.used),
    )
