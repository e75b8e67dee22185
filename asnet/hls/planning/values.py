"""How many bits the values of a flat loop need: ranges forward through recurrences, demanded bits backward.

Counters and sums of counters are known exactly. A carried value that adds something in every iteration stays within
what its iterations can add up to; another grows until it holds what it can become, or anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.nest import Affine, Carried, Pipeline
from asnet.hls.ranges import Range, Width, asked, constant_range, operation_range, stored, top, union
from asnet.ir import Memory

__all__ = ["POSITION_BITS", "Value", "affine_range", "loop_values"]

POSITION_BITS = 64
"""Bits of a counter, and of a sum of counters, in LLVM IR."""

_ROUNDS = 3
"""Rounds in which carried values may grow before they are taken for anything."""


@dataclass(frozen=True)
class Value:
    """What is known of a value: ``width`` in the source's type, the interval of its values, the bits that are kept."""

    width: int
    range: Range
    stored: Width


def affine_range(affine: Affine, extents: Mapping[str, int]) -> Range:
    """The interval of a sum of counters."""
    spans = [stride * (extents[counter] - 1) for counter, stride in affine.strides.items()]
    return affine.offset + sum(min(0, span) for span in spans), affine.offset + sum(max(0, span) for span in spans)


def loop_values(
    pipeline: Pipeline,
    outside: Mapping[str, Value],
    extents: Mapping[str, int],
    memories: Mapping[str, Memory],
    handed: frozenset[str] = frozenset(),
) -> Mapping[str, Value]:
    """Every value of ``pipeline``.

    Args:
        pipeline: the loop.
        outside: values of nodes that ran before.
        extents: of all counters, those of repeats around it too.
        memories: by name.
        handed: values that somebody outside takes, besides the results.
    """
    found = _Ranges(pipeline, outside, extents).run()
    demand = _demand(pipeline, memories, handed | frozenset(pipeline.results))
    widths = {operation.name: operation.width for operation in pipeline.operations}
    widths |= {carried.name: carried.width for carried in pipeline.carried}
    return {
        name: Value(width, values, stored(values, width, demand.get(name, 1)))
        for name, values in found.items()
        if (width := widths.get(name, POSITION_BITS)) and name not in outside
    }


class _Ranges:
    def __init__(self, pipeline: Pipeline, outside: Mapping[str, Value], extents: Mapping[str, int]) -> None:
        self._pipeline = pipeline
        self._extents = extents
        self._fixed: dict[str, Range] = {name: value.range for name, value in outside.items()}
        self._fixed |= {counter.name: (0, counter.extent - 1) for counter in pipeline.counters}
        self._fixed |= {name: affine_range(affine, extents) for name, affine in pipeline.affine.items()}
        self._found: dict[str, Range] = {}

    def run(self) -> Mapping[str, Range]:
        """Value → its interval; carried values grow to a fixed point."""
        carried = {value.name: self._first(value) for value in self._pipeline.carried}
        for round in range(_ROUNDS + 1):  # noqa: A001
            self._found = self._fixed | carried
            for operation in self._pipeline.operations:
                self._found[operation.name] = operation_range(operation, self._of)
            grown = {value.name: self._grown(value, carried[value.name]) for value in self._pipeline.carried}
            if grown == carried:
                break
            wide = {value.name: top(value.width) for value in self._pipeline.carried}
            carried = grown if round < _ROUNDS - 1 else {n: r if r == carried[n] else wide[n] for n, r in grown.items()}
        else:
            carried = {value.name: top(value.width) for value in self._pipeline.carried}
            self._found = self._fixed | carried
            for operation in self._pipeline.operations:
                self._found[operation.name] = operation_range(operation, self._of)
        return self._found

    def _of(self, operand: Operand) -> Range:
        if isinstance(operand, Constant):
            return constant_range(operand)
        return self._found[operand]

    def _first(self, carried: Carried) -> Range:
        """The interval of the initial value, if it is known before the loop's operations are; else anything."""
        if isinstance(carried.initial, Constant):
            return constant_range(carried.initial)
        return self._fixed.get(carried.initial, top(carried.width))

    def _grown(self, carried: Carried, now: Range) -> Range:
        added = self._added(carried)
        if added is not None:
            low, high = self._of(carried.initial)
            trips = prod(self._extents[counter] for counter in carried.over)
            sums = low + min(0, trips * added[0]), high + max(0, trips * added[1])
            least, most = top(carried.width)
            return sums if least <= sums[0] and sums[1] <= most else (least, most)
        return union(now, union(self._of(carried.initial), self._of(carried.following)))

    def _added(self, carried: Carried) -> Range | None:
        """What each iteration adds to ``carried``, if that is what it does."""
        following = self._pipeline.operation.get(carried.following) if isinstance(carried.following, str) else None
        if following is None or following.op != "add" or carried.width == 1:
            return None
        others = [operand for operand in following.operands if operand != carried.name]
        return self._of(others[0]) if len(others) == 1 else None


def _demand(pipeline: Pipeline, memories: Mapping[str, Memory], handed: frozenset[str]) -> Mapping[str, int]:
    """Value → number of its low bits that somebody looks at."""
    demand: dict[str, int] = dict.fromkeys(handed, POSITION_BITS)
    for condition in pipeline.conditions.values():
        demand |= {flag: max(1, demand.get(flag, 0)) for flag in condition.flags if isinstance(flag, str)}
    changed = True

    def ask(operand: Operand, bits: int) -> None:
        nonlocal changed
        if isinstance(operand, str) and bits > demand.get(operand, 0):
            demand[operand] = bits
            changed = True

    def ask_for(operation: Operation) -> None:
        bits = asked(operation, demand.get(operation.name, 0), memories)
        for operand, wanted in zip(operation.operands, bits, strict=True):
            ask(operand, wanted)

    while changed:
        changed = False
        for operation in reversed(pipeline.operations):
            ask_for(operation)
        for carried in pipeline.carried:
            for operand in (carried.initial, carried.following):
                ask(operand, demand.get(carried.name, 0))
    return demand
