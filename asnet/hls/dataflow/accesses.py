"""When a layer touches which word: every write of an image, counted in cycles from the layer's start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from asnet.hls.kernel import Constant, Operand, Operation, signed
from asnet.hls.nest import Affine
from asnet.hls.planning import Gate

__all__ = ["Accesses", "Axis", "Gates", "LayerTiming", "Numbers", "Space", "Words", "gathered"]

Numbers: TypeAlias = "NDArray[np.int64]"

_MOST = 1 << 26
"""Accesses of one instruction that are listed at most."""


@dataclass(frozen=True)
class Accesses:
    """The writes to one memory, in the order of time: word's address, cycle after the start, and group of iterations.

    ``groups``: of the first loop, by its counters that no value is carried over; what other loops write is of the last
    group, as they start behind it. None: that loop has no such counters.
    """

    addresses: Numbers
    cycles: Numbers
    groups: Numbers | None = None

    @cached_property
    def once(self) -> bool:
        """Whether no word is touched twice."""
        return len(np.unique(self.addresses)) == len(self.addresses)

    def covers(self, words: int) -> bool:
        """Whether each of ``words`` words is touched exactly once."""
        return len(self.addresses) == words and self.once


@dataclass(frozen=True)
class Words:
    """Words of an image that must have come before a group of iterations begins: ``first``, then ``step`` more each."""

    first: int
    step: int

    def needed(self, groups: int, total: int) -> Numbers:
        """The words for each of ``groups``, of an image of ``total`` words."""
        return np.minimum(self.first + self.step * np.arange(groups, dtype=np.int64), total)


@dataclass(frozen=True)
class Gates:
    """The ``gate`` of a layer in time: group n begins in cycle ``begin`` + n ``cycles``, or so many ``interval`` later
    as it takes until the ``words`` of each memory have come.

    ``inner``: groups of :class:`Accesses` that make one group.
    """

    gate: Gate
    words: Mapping[str, Words]
    groups: int
    inner: int
    begin: int
    cycles: int
    interval: int


@dataclass(frozen=True)
class LayerTiming:
    """Static timing of a layer: it is done ``busy`` cycles after its start.

    ``writes``: memory → its writes; memories whose addresses depend on data are not among them. ``gates``: where it
    waits for words, and everything from there on is later by as many cycles; None: it starts with whole images.
    """

    busy: int
    writes: Mapping[str, Accesses]
    gates: Gates | None = None


@dataclass(frozen=True)
class Axis:
    """A counter of a loop: its values, and the cycles from one to the next."""

    counter: str
    first: int
    step: int
    extent: int
    cycles: int

    def within(self, low: int, high: int) -> Axis:
        """Only its values from ``low`` to ``high``, which are numbers of steps."""
        return Axis(self.counter, self.first + low * self.step, self.step, high - low + 1, self.cycles)


class Space:
    """The iterations of nested loops, and the values that integers have in them."""

    def __init__(
        self, axes: Sequence[Axis], operation: Mapping[str, Operation], affine: Mapping[str, Affine] | None = None
    ) -> None:
        """``axes``: the outermost first; ``operation``, ``affine``: what names stand for."""
        self.shape = tuple(axis.extent for axis in axes)
        self._axes = axes
        self._operation = operation
        self._affine = affine or {}
        self._known: dict[str, Numbers | None] = {
            axis.counter: axis.first + axis.step * self._along(place) for place, axis in enumerate(axes)
        }

    @property
    def small(self) -> bool:
        """Whether its iterations can be listed."""
        return int(np.prod(self.shape, dtype=np.float64)) <= _MOST

    def cycles(self, first: int) -> Numbers:
        """When each iteration starts, the first in cycle ``first``."""
        total = np.full((1,) * len(self._axes), first, np.int64)
        for place, axis in enumerate(self._axes):
            total = total + axis.cycles * self._along(place)
        return total

    def values(self, operand: Operand) -> Numbers | None:
        """An integer in every iteration, one axis a loop; None if it is not a function of the counters."""
        if isinstance(operand, Constant):
            return np.array(signed(operand.bits, operand.width), np.int64)
        if operand not in self._known:
            self._known[operand] = self._made(operand)
        return self._known[operand]

    def _along(self, place: int) -> Numbers:
        shape = [1] * len(self._axes)
        shape[place] = -1
        return np.arange(self._axes[place].extent, dtype=np.int64).reshape(shape)

    def _made(self, name: str) -> Numbers | None:
        if name in self._affine:
            total: Numbers | None = np.array(self._affine[name].offset, np.int64)
            for counter, stride in self._affine[name].strides.items():
                values = self.values(counter)
                total = None if values is None or total is None else total + stride * values
            return total
        operation = self._operation.get(name)
        rule = _RULES.get(operation.op) if operation is not None else None
        if operation is None or rule is None:
            return None
        arguments = [values for part in operation.operands if (values := self.values(part)) is not None]
        return rule(operation, arguments) if len(arguments) == len(operation.operands) else None

    def accesses(
        self, operation: Operation, first: int, flags: Sequence[Operand] = (), groups: Numbers | None = None
    ) -> Accesses | None:
        """The words that ``operation`` touches where all ``flags`` are 1, in the first iteration in cycle ``first``.

        ``groups``: of each iteration, one axis a loop.
        """
        if not self.small:
            return None
        index = self.values(operation.operands[0])
        tests = [test for flag in flags if (test := self.values(flag)) is not None]
        if index is None or len(tests) < len(flags):
            return None
        addresses = np.broadcast_to(index, self.shape).ravel()
        cycles = np.broadcast_to(self.cycles(first), self.shape).ravel()
        groups = None if groups is None else np.broadcast_to(groups, self.shape).ravel()
        if tests:
            counts = np.logical_and.reduce([np.broadcast_to(test != 0, self.shape).ravel() for test in tests])
            addresses, cycles = addresses[counts], cycles[counts]
            groups = None if groups is None else groups[counts]
        return Accesses(addresses, cycles, groups)


def gathered(parts: Iterator[tuple[str, Accesses | None]]) -> dict[str, Accesses]:
    """Memory → all its accesses, in order; without those of which a part is unknown."""
    found: dict[str, list[Accesses] | None] = {}
    for memory, part in parts:
        known = found.setdefault(memory, [])
        found[memory] = None if known is None or part is None else [*known, part]
    return {memory: _together(known) for memory, known in found.items() if known is not None}


def _together(parts: Sequence[Accesses]) -> Accesses:
    addresses = np.concatenate([part.addresses for part in parts])
    cycles = np.concatenate([part.cycles for part in parts])
    order = np.argsort(cycles, kind="stable")
    known = [part.groups for part in parts if part.groups is not None]
    groups = np.concatenate(known)[order] if len(known) == len(parts) else None
    return Accesses(addresses[order], cycles[order], groups)


def _wrapped(values: Numbers, width: int) -> Numbers:
    """Two's complement in ``width`` bits."""
    if width >= 64:
        return values
    half = 1 << (width - 1)
    return ((values + half) & ((1 << width) - 1)) - half


def _unsigned(values: Numbers, width: int) -> Numbers:
    return values.view(np.uint64).astype(np.int64) if width >= 64 else values & ((1 << width) - 1)


def _compared(operation: Operation, arguments: list[Numbers]) -> Numbers:
    predicate = operation.detail
    left, right = arguments
    if predicate.startswith("u"):
        left, right = (_unsigned(part, operation.widths[0]) for part in arguments)
    test = _TESTS[predicate[-2:]](left, right)
    return test.astype(np.int64)


_TESTS: Mapping[str, Callable[[Numbers, Numbers], NDArray[np.bool_]]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}

_RULES: Mapping[str, Callable[[Operation, list[Numbers]], Numbers]] = {
    "add": lambda o, a: _wrapped(a[0] + a[1], o.width),
    "sub": lambda o, a: _wrapped(a[0] - a[1], o.width),
    "mul": lambda o, a: _wrapped(a[0] * a[1], o.width),
    "shl": lambda o, a: _wrapped(a[0] << a[1], o.width),
    "and": lambda o, a: a[0] & a[1],
    "or": lambda o, a: a[0] | a[1],
    "xor": lambda o, a: a[0] ^ a[1],
    "sext": lambda o, a: a[0],
    "zext": lambda o, a: _unsigned(a[0], o.widths[0]),
    "trunc": lambda o, a: _wrapped(a[0], o.width),
    "select": lambda o, a: np.where(a[0] != 0, a[1], a[2]),
    "icmp": _compared,
}
"""Opcode → its result on 64-bit numbers."""
