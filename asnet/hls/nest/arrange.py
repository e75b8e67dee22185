"""Putting a layer's loops into the order, and its reductions into the lanes, in which hardware runs them best.

The additions of each output keep their order: iterations of *other* outputs come between them.
"""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from asnet.hls.kernel import Operation
from asnet.hls.nest.counters import reorder, split
from asnet.hls.nest.lanes import separable, stream, unit_of
from asnet.hls.nest.parallel import Parts, choices
from asnet.hls.nest.program import Carried, Counter, Node, Pipeline, Program, Repeat, Streamed
from asnet.hls.nest.reduction import Reduction, independent, reduction
from asnet.hls.nest.results import without_unused_results
from asnet.hls.nest.rows import by_rows, row_counters
from asnet.hls.nest.tiling import Tile, digits, tiles
from asnet.hls.nest.unroll import factors, summed, unrolled
from asnet.ir import Memory

_MOST_LANES = 256
"""Lanes that anybody asks for."""

__all__ = ["Arranged", "Arrangement", "arrange", "iterations", "possible_lanes", "possible_unrolls"]


@dataclass(frozen=True)
class Arrangement:
    """How a layer's loops are wanted.

    ``recurrence``: of a carried value of a loop, the cycles from it to what follows on it (see
    :func:`~asnet.hls.nest.reduction.longest_recurrence`); so many iterations of other outputs come in between.
    ``lanes``: outputs that are worked on at once; where those of the same inputs are fewer, several products of each
    are added up (words of a window compared) at once, which reads as many inputs at once. ``unroll``: iterations of
    every reduction that become one, as far as they divide it. ``split_tail``: whether what follows a reduction is a
    pipeline of its own even with one lane; None: where it would wait for a unit. ``unit``: the name of the unit that an
    operation runs on. ``rows``: arrays of several channels are made row after row, as far as loops may change
    places.
    """

    recurrence: Callable[[Pipeline, Carried], int]
    lanes: int = 1
    unroll: int = 1
    split_tail: bool | None = None
    unit: Callable[[Operation], str | None] = unit_of
    rows: bool = False


@dataclass(frozen=True)
class Arranged:
    """A program in its arrangement, and what of the wish was not possible, in words.

    ``hurried``: loops that do several steps of a reduction at once, and need the units and read ports for it.
    """

    program: Program
    notes: tuple[str, ...]
    hurried: frozenset[str] = frozenset()


def arrange(program: Program, arrangement: Arrangement) -> Arranged:
    """``program`` as ``arrangement`` wants it, as far as its loops allow. It computes the same bits."""
    notes: list[str] = []
    hurried: list[str] = []

    def node(item: Node) -> Node:
        match item:
            case Pipeline():
                return _arranged(program, item, arrangement, notes, hurried)
            case Repeat():
                return replace(item, body=tuple(node(inner) for inner in item.body))
            case Streamed():
                return item

    body = tuple(node(item) for item in program.body)
    if arrangement.lanes > 1 and not notes and possible_lanes(program) == (1,):
        notes.append("no lanes: no loop reduces its inputs to several outputs")
    arranged = without_unused_results(replace(program, body=body))
    return Arranged(arranged, tuple(notes), frozenset(hurried))


def _arranged(
    program: Program, pipeline: Pipeline, wish: Arrangement, notes: list[str], hurried: list[str]
) -> Pipeline | Streamed:
    before, found = pipeline, reduction(pipeline)
    if found is not None and wish.unroll > 1:
        pipeline = _unrolled(pipeline, found, wish.unroll, notes)
        found = reduction(pipeline)
    lanes, counter = 1, None
    if found is not None:
        possible = choices(pipeline, found, program.memory)
        chosen, counter = possible.best(wish.lanes), possible.counter
        lanes = chosen.outputs
        if lanes * chosen.products < wish.lanes and possible.best(_MOST_LANES).iterations < pipeline.iterations:
            notes.append(_fewer(pipeline, chosen, wish.lanes))
        if chosen.products > 1:
            pipeline = (summed if possible.any_order else unrolled)(pipeline, found, chosen.products)
            found = reduction(pipeline)
    if pipeline is not before:
        hurried.append(pipeline.name)
    if found is None and wish.rows and not pipeline.carried and independent(pipeline):
        pipeline = by_rows(pipeline, program.memory)
        counters = [counter.name for counter in pipeline.counters]
        return reorder(pipeline, _rows_first(pipeline, program.memory, counters))
    if found is None or not found.parallel:
        return pipeline
    cycles = max(wish.recurrence(pipeline, carried) for carried in pipeline.carried)
    plan = _tiles(pipeline, found, {counter: lanes} if counter is not None else {}, cycles)
    moved = _moved(pipeline, found, plan, program.memory if wish.rows else None)
    after = reduction(moved)
    assert after is not None
    if lanes > 1 or (separable(moved, after) and _wants_tail(moved, after, wish)):
        lane = Counter(f"{counter}.lane" if lanes > 1 else "lane", lanes)
        return stream(moved, after, lane)
    return moved


def _rows_first(pipeline: Pipeline, memories: Mapping[str, Memory], counters: Sequence[str]) -> list[str]:
    """``counters`` with those around that step from row to row."""
    rows = row_counters(pipeline, memories)
    return sorted(counters, key=lambda name: name not in rows)


def _fewer(pipeline: Pipeline, chosen: Parts, wanted: int) -> str:
    what = f"{chosen.outputs} output{'s' * (chosen.outputs > 1)}" + (
        f" x {chosen.products} products" if chosen.products > 1 else ""
    )
    return f"{pipeline.name}: {what} at once instead of {wanted} lanes; more would not be faster"


def _unrolled(pipeline: Pipeline, found: Reduction, wanted: int, notes: list[str]) -> Pipeline:
    by = max(factor for factor in factors(pipeline) if factor <= wanted)
    if by < wanted:
        notes.append(f"{by} iterations of {pipeline.name} at once instead of {wanted}: they divide its reduction")
    return unrolled(pipeline, found, by)


def _tiles(pipeline: Pipeline, found: Reduction, lanes: dict[str, int], least: int) -> tuple[Tile, ...]:
    extents = {counter.name: counter.extent for counter in pipeline.counters}
    inside = prod(extents[name] for name in found.inside)
    order = [*(name for name in reversed(found.outside) if name not in lanes), *lanes]
    return tiles([Counter(name, extents[name]) for name in order], lanes, inside, least)


def _moved(
    pipeline: Pipeline, found: Reduction, plan: Sequence[Tile], memories: Mapping[str, Memory] | None
) -> Pipeline:
    """``pipeline`` with the tiles inside its reduction, and the lanes just around it; ``memories``: it makes rows."""
    around: list[str] = []
    lanes: list[str] = []
    within: list[str] = []
    for tile in sorted(plan, key=lambda tile: found.outside.index(tile.name)):
        whole = tile.lanes == 1 and tile.extent == tile.used and tile.used in (1, tile.total)
        if whole:
            (within if tile.used > 1 else around).append(tile.name)
            continue
        outer, lane, inner = digits(tile)
        pipeline = split(pipeline, tile.name, (outer, lane, inner))
        around.append(outer.name)
        lanes.append(lane.name)
        within.append(inner.name)
    if memories is not None:
        around = _rows_first(pipeline, memories, around)
    return reorder(pipeline, [*around, *lanes, *found.over, *within, *found.inside])


def _wants_tail(pipeline: Pipeline, found: Reduction, wish: Arrangement) -> bool:
    if wish.split_tail is not None:
        return wish.split_tail
    units = {operation.name: wish.unit(operation) for operation in pipeline.operations}
    used = Count(unit for unit in units.values() if unit is not None)
    return any(used[unit] > 1 for name, unit in units.items() if unit is not None and name not in found.core)


def possible_lanes(program: Program) -> tuple[int, ...]:
    """The numbers of lanes that make a difference, ascending, from 1."""
    possible = {1}
    for pipeline in program.pipelines:
        found = reduction(pipeline)
        if found is None:
            continue
        least, choice = pipeline.iterations, choices(pipeline, found, program.memory)
        for wanted in range(2, _MOST_LANES + 1):
            chosen = choice.best(wanted)
            if chosen.iterations < least:
                least = chosen.iterations
                possible.add(chosen.outputs * chosen.products)
    return tuple(sorted(possible))


def possible_unrolls(program: Program) -> tuple[int, ...]:
    """The numbers of iterations that can become one in a reduction of ``program``, ascending, from 1."""
    return tuple(sorted({factor for pipeline in program.pipelines for factor in factors(pipeline)}))


def iterations(program: Program, arrangement: Arrangement) -> int:
    """Cycles of a run of ``program`` arranged so, without filling and draining, if only recurrences limit it."""

    def of(node: Node) -> int:
        match node:
            case Pipeline():
                return node.iterations * max((_interval(node, c, arrangement) for c in node.carried), default=1)
            case Streamed():
                return of(node.main)
            case Repeat():
                return node.counter.extent * sum(of(inner) for inner in node.body)

    return sum(of(node) for node in arrange(program, arrangement).program.body)


def _interval(pipeline: Pipeline, carried: Carried, arrangement: Arrangement) -> int:
    return max(1, -(-arrangement.recurrence(pipeline, carried) // carried.distance))
