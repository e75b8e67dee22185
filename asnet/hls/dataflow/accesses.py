"""When a layer touches which word: every read and write of an image, counted in cycles from the layer's start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from asnet.hls.fsm.schedule import Schedule
from asnet.hls.kernel import Constant, Kernel, Operand, Operation, signed
from asnet.hls.loops import CountedLoop, counted_loops, executions

__all__ = ["Accesses", "LayerTiming", "Numbers", "kernel_timing"]

Numbers = NDArray[np.int64]

_MOST = 1 << 26
"""Accesses of one instruction that are listed at most."""


@dataclass(frozen=True)
class Accesses:
    """The reads or the writes of one memory, in the order of time: word's address and cycle after the start."""

    addresses: Numbers
    cycles: Numbers

    @cached_property
    def once(self) -> bool:
        """Whether no word is touched twice."""
        return len(np.unique(self.addresses)) == len(self.addresses)

    def covers(self, words: int) -> bool:
        """Whether each of ``words`` words is touched exactly once."""
        return len(self.addresses) == words and self.once

    @property
    def in_order(self) -> bool:
        """Whether addresses only rise."""
        return bool(np.all(np.diff(self.addresses) > 0))


@dataclass(frozen=True)
class LayerTiming:
    """Static timing of a layer: it is done ``busy`` cycles after its start.

    ``writes``: memory → its writes; memories whose addresses depend on data are not among them.
    """

    busy: int
    writes: Mapping[str, Accesses]


@dataclass(frozen=True)
class _Place:
    """When a block runs: at ``first``, and for each surrounding loop (outermost first) ``strides`` cycles later."""

    first: int
    loops: tuple[CountedLoop, ...]
    strides: tuple[int, ...]


def kernel_timing(kernel: Kernel, schedule: Schedule) -> LayerTiming | None:
    """The timing of a layer under the general controller; None if it depends on data."""
    if not executions(kernel).exact:
        return None
    places, total = _places(kernel, {name: block.length for name, block in schedule.blocks.items()})
    writes: dict[str, Accesses] = {}
    stored = {o.detail for o in kernel.operation.values() if o.op == "store"}
    for memory in stored:
        found = _accesses(kernel, schedule, places, memory)
        if found is not None:
            writes[memory] = found
    return LayerTiming(1 + total, writes)


def _places(kernel: Kernel, lengths: Mapping[str, int]) -> tuple[Mapping[str, _Place], int]:
    """Block → when it runs, from cycle 1 on (the start is cycle 0); and the cycles of all blocks.

    Blocks stand in the order of execution, those of a loop together, since only latches branch.
    """
    loops = sorted(counted_loops(kernel), key=lambda loop: -len(loop.blocks))
    around = {name: tuple(loop for loop in loops if name in loop.blocks) for name in kernel.block}
    body: dict[str, int] = {}
    for loop in reversed(loops):
        inner = {b.header: b for b in loops if b.blocks < loop.blocks}
        outermost = [b for b in inner.values() if not any(b.blocks < other.blocks for other in inner.values())]
        covered: frozenset[str] = frozenset[str]().union(*(b.blocks for b in outermost))
        body[loop.header] = sum(b.trips * body[b.header] for b in outermost)
        body[loop.header] += sum(lengths[name] for name in loop.blocks - covered)
    places: dict[str, _Place] = {}
    now = 1
    for block in kernel.blocks:
        name = block.name
        chain = around[name]
        places[name] = _Place(now, chain, tuple(body[loop.header] for loop in chain))
        now += lengths[name]
        for loop in reversed(chain):  # innermost first
            if loop.latch == name:
                now += (loop.trips - 1) * body[loop.header]
    return places, now - 1


def _accesses(kernel: Kernel, schedule: Schedule, places: Mapping[str, _Place], memory: str) -> Accesses | None:
    """The writes of ``memory``; None if an address depends on anything but counters."""
    addresses: list[Numbers] = []
    cycles: list[Numbers] = []
    for block in kernel.blocks:
        place = places[block.name]
        shape = tuple(loop.trips for loop in place.loops)
        for operation in block.operations:
            if operation.op != "store" or operation.detail != memory:
                continue
            if int(np.prod(shape, dtype=np.int64)) > _MOST:
                return None
            index = _values(kernel, operation.operands[0], place.loops)
            if index is None:
                return None
            offset = place.first + schedule.blocks[block.name].start[operation.name]
            when = np.array(offset, np.int64)
            for axis, stride in enumerate(place.strides):
                when = when + _axis(np.arange(shape[axis], dtype=np.int64) * stride, axis, len(shape))
            addresses.append(np.broadcast_to(index, shape).ravel())
            cycles.append(np.broadcast_to(when, shape).ravel())
    where, when = np.concatenate(addresses), np.concatenate(cycles)
    order = np.argsort(when, kind="stable")
    return Accesses(where[order], when[order])


def _axis(values: Numbers, axis: int, axes: int) -> Numbers:
    shape = [1] * axes
    shape[axis] = -1
    return values.reshape(shape)


def _values(kernel: Kernel, operand: Operand, loops: tuple[CountedLoop, ...]) -> Numbers | None:
    """The values of an integer in every iteration of ``loops``, one axis each; None if it is not a function of them."""
    counters = {loop.counter: axis for axis, loop in enumerate(loops)}
    known: dict[str, Numbers | None] = {}

    def of(operand: Operand) -> Numbers | None:
        if isinstance(operand, Constant):
            return np.array(signed(operand.bits, operand.width), np.int64)
        if operand not in known:
            known[operand] = make(operand)
        return known[operand]

    def make(name: str) -> Numbers | None:
        axis = counters.get(name)
        if axis is not None:
            loop = loops[axis]
            step = (loop.last - loop.first) // max(1, loop.trips - 1)
            return _axis(loop.first + step * np.arange(loop.trips, dtype=np.int64), axis, len(loops))
        operation = kernel.operation.get(name)
        rule = _RULES.get(operation.op) if operation is not None else None
        if operation is None or rule is None:
            return None
        arguments = [values for part in operation.operands if (values := of(part)) is not None]
        return rule(operation, arguments) if len(arguments) == len(operation.operands) else None

    return of(operand)


def _wrapped(values: Numbers, width: int) -> Numbers:
    """Two's complement in ``width`` bits."""
    if width >= 64:
        return values
    half = 1 << (width - 1)
    return ((values + half) & ((1 << width) - 1)) - half


def _unsigned(operation: Operation, arguments: list[Numbers]) -> Numbers:
    width = operation.widths[0]
    return arguments[0] if width >= 64 else arguments[0] & ((1 << width) - 1)


_RULES: Mapping[str, Callable[[Operation, list[Numbers]], Numbers]] = {
    "add": lambda o, a: _wrapped(a[0] + a[1], o.width),
    "sub": lambda o, a: _wrapped(a[0] - a[1], o.width),
    "mul": lambda o, a: _wrapped(a[0] * a[1], o.width),
    "shl": lambda o, a: _wrapped(a[0] << a[1], o.width),
    "and": lambda o, a: a[0] & a[1],
    "or": lambda o, a: a[0] | a[1],
    "xor": lambda o, a: a[0] ^ a[1],
    "sext": lambda o, a: a[0],
    "zext": _unsigned,
    "trunc": lambda o, a: _wrapped(a[0], o.width),
}
"""Opcode → its result on 64-bit numbers."""
