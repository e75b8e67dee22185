"""Where a layer waits for words while it works, so that it begins on an image before all of that is there.

The counters of a layer's first loop that no value is carried over cut its iterations into groups, between which the
loop may pause: nothing but valid bits, which say that there is nothing, goes from one to the next. A group begins when
all words are there that it reads. Which those are is known: reads are listed by address, and words come in the order in
which their producer makes them. So the group needs so many words that all of its reads are among them; the last group
needs the whole image, and with it everything behind the first loop has what it reads.

Words that are there stay there until the layer is done, and the number of words needed is all that a group waits for:
it does not matter how long a producer takes, nor whether it waits itself. Nor can layers wait for each other in a
circle: a word that is waited for is one of an image on which its producer works already, with room for all of it.
The network's inputs are not among these words, as a frame may turn out to be none with its last word.

Hardware counts with one adder: the first group waits for ``first`` words and each later one for ``step`` more, the
least such line that no group's needs lie above.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from asnet.hls.dataflow.accesses import Axis, Gates, LayerTiming, Numbers, Space, Words
from asnet.hls.nest import Pipeline, Repeat, Streamed
from asnet.hls.planning import Gate, ProgramPlan

__all__ = ["find_gates", "line_above"]

_WORTH = 1 / 256
"""The part of an image by which finer groups must wait for fewer words to be worth it."""


@dataclass(frozen=True)
class _Depth:
    """Groups by so many of the outermost counters; ``waited``: the part of an image that a group waits for, on
    average."""

    depth: int
    words: Mapping[str, Words]
    waited: float


def find_gates(plan: ProgramPlan, timing: LayerTiming, arrival: Mapping[str, Numbers]) -> Gates | None:
    """Where the layer of ``plan`` should wait; None: it needs whole images from the start.

    Args:
        plan: the layer.
        timing: what is known of it without waiting.
        arrival: memory that comes word by word → by address, how many words come before the word.
    """
    if isinstance(plan.program.body[0], Repeat) or not plan.layout.loops:
        return None
    placed = plan.layout.loops[0]
    pipeline = placed.plan.pipeline
    extents = [counter.extent for counter in pipeline.counters]
    together = _together(plan)
    needs: dict[str, Numbers] = {}
    for memory, order in arrival.items():
        found = _needs(together, extents[: pipeline.gate], memory, order, _kept(plan))
        if found is not None:
            needs[memory] = found
    best: _Depth | None = None
    for depth in range(1, pipeline.gate + 1):
        groups, inner = prod(extents[:depth]), prod(extents[depth : pipeline.gate])
        if groups == 1 or not _keeps_order(timing, inner) or not _lets_follow(plan, depth):
            continue
        lines = {memory: line_above(need.reshape(groups, inner).max(axis=1)) for memory, need in needs.items()}
        words = {memory: line for memory, line in lines.items() if line.first < len(arrival[memory])}
        parts = [
            line.needed(groups, len(arrival[memory])).mean() / len(arrival[memory]) for memory, line in lines.items()
        ]
        found = _Depth(depth, words, max(parts, default=1.0))
        if words and (best is None or found.waited < best.waited - _WORTH):
            best = found
    if best is None:
        return None
    inside = tuple(counter.name for counter in pipeline.counters[best.depth :])
    iterations = prod(extents[best.depth :])
    return Gates(
        gate=Gate(tuple(best.words), inside),
        words=best.words,
        groups=prod(extents[: best.depth]),
        inner=prod(extents[best.depth : pipeline.gate]),
        begin=placed.start,
        cycles=iterations * placed.plan.interval,
        interval=placed.plan.interval,
    )


def _together(plan: ProgramPlan) -> Sequence[Pipeline]:
    """The first loop, and the one that it hands its results to while it runs."""
    return plan.program.pipelines[: 1 + isinstance(plan.program.body[0], Streamed)]


def _kept(plan: ProgramPlan) -> frozenset[str]:
    """The values that other loops use."""
    node = plan.program.body[0]
    handed = [name for names in node.values.values() for name in names] if isinstance(node, Streamed) else []
    return frozenset(handed).union(*(pipeline.results for pipeline in _together(plan)))


def _needs(
    pipelines: Sequence[Pipeline], outer: Sequence[int], memory: str, arrival: Numbers, kept: Set[str]
) -> Numbers | None:
    """The words of ``memory`` that each group needs; None: that is not known, or none.

    ``pipelines``: the first loop, and what follows it result by result; their ``outer`` counters number the groups. The
    last group needs all. ``kept``: values that other loops use.
    """
    needs = np.zeros(outer, np.int64)
    found = False
    for pipeline in pipelines:
        axes = [Axis(counter.name, 0, 1, counter.extent, 0) for counter in pipeline.counters]
        space = Space(axes, pipeline.operation, pipeline.affine)
        for load in pipeline.operations:
            if (load.op, load.detail) != ("load", memory):
                continue
            addresses = space.values(load.operands[0])
            if addresses is None:
                return None
            addresses = addresses.reshape((1,) * (len(axes) - addresses.ndim) + addresses.shape)
            inside = (addresses >= 0) & (addresses < len(arrival)) & _counts(space, pipeline, load.name, kept)
            words = np.where(inside, arrival[np.where(inside, addresses, 0)] + 1, 0)
            needs = np.maximum(needs, words.max(axis=tuple(range(len(outer), len(axes)))))
            found = True
    needs = needs.ravel()
    needs[-1] = len(arrival)
    return needs if found else None


def _counts(space: Space, pipeline: Pipeline, load: str, kept: Set[str]) -> NDArray[np.bool_]:
    """When it matters what is loaded: where a window lies on padding, something else is selected."""
    everywhere = np.ones((1,) * len(space.shape), np.bool_)
    carried = {value for item in pipeline.carried for value in (item.initial, item.following)}
    flags = {flag for condition in pipeline.conditions.values() for flag in condition.flags}
    if load in carried | flags | kept:
        return everywhere
    counts = ~everywhere
    for operation in pipeline.operations:
        if load not in operation.operands:
            continue
        test = space.values(operation.operands[0]) if operation.op == "select" else None
        if test is None:
            return everywhere
        _, chosen, other = operation.operands
        counts = counts | ((chosen == load) & (test != 0)) | ((other == load) & (test == 0))
    return counts


def line_above(needs: Numbers) -> Words:
    """The line above ``needs`` that is lowest on average."""
    total, places = int(needs[-1]), np.arange(len(needs), dtype=np.int64)
    highest = np.maximum.accumulate(needs)
    slopes = {0, *(-(-int(total - need) // int(len(needs) - 1 - place)) for place, need in _corners(highest))}
    lines = [Words(max(1, int((highest - slope * places).max())), slope) for slope in sorted(slopes)]
    return min(lines, key=lambda line: (int(line.needed(len(needs), total).sum()), line.step))


def _corners(highest: Numbers) -> list[tuple[int, int]]:
    """A few (place, words) from which to the end the line may go."""
    count = len(highest)
    return [(place, int(highest[place])) for place in sorted({0, 1, count // 4, count // 2}) if place < count - 1]


def _keeps_order(timing: LayerTiming, inner: int) -> bool:
    """Whether no word of a group is sent before one of an earlier group: waiting changes no order then."""
    return all(
        writes.groups is not None and bool(np.all(np.diff(writes.groups // inner) >= 0))
        for writes in timing.writes.values()
    )


def _lets_follow(plan: ProgramPlan, depth: int) -> bool:
    """Whether what follows the first loop is told to start when that waits no more."""
    event = plan.layout.ends[0].event if plan.layout.ends else None
    if event is None or not event.early:
        return True
    counters = plan.loops[event.loop].pipeline.counters
    return any(counter.extent > 1 for counter in counters[depth:])
