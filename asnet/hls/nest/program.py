"""A layer as flat loops: what pipelined hardware is made of.

A :class:`Pipeline` is a nest of counted loops made into one: an iteration starts every initiation interval, its
counters step like an odometer, and every operation of the body belongs to every iteration. What a value is may depend
on the counters only through :class:`Affine` values (addresses), :class:`Carried` values (recurrences, with their
distance) and :class:`Condition` (when a store counts). Everything else is data flow.

A :class:`Streamed` pair shares what comes after a reduction between lanes, a :class:`Repeat` runs its body again and
again under the controller. Values that leave a node keep their name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import TypeAlias

from asnet.hls.kernel import Operand, Operation
from asnet.ir import Memory

__all__ = ["Affine", "Carried", "Condition", "Counter", "Node", "Pipeline", "Program", "Repeat", "Streamed"]


@dataclass(frozen=True)
class Counter:
    """A loop counter: 0 … ``extent`` - 1 in steps of 1."""

    name: str
    extent: int


@dataclass(frozen=True)
class Affine:
    """Σ strides[counter]·counter + offset. The counters are the pipeline's own or those of repeats around it."""

    strides: Mapping[str, int]
    offset: int = 0


@dataclass(frozen=True)
class Carried:
    """A value that an earlier iteration made: a recurrence.

    Where all counters ``over`` are 0 it is ``initial``, as this iteration sees it; elsewhere it is what ``following``
    was ``distance`` iterations before (``following`` may be the carried value itself, which then holds). ``distance``
    is the number of iterations of everything inside the innermost counter of ``over``. ``waits``: more time may pass
    between those iterations than their number says, as the loop waits for something.
    """

    name: str
    width: int
    initial: Operand
    following: Operand
    over: tuple[str, ...]
    distance: int
    source: str
    waits: bool = False


@dataclass(frozen=True)
class Condition:
    """When an operation counts: every named counter between its two bounds, inclusive, and all ``flags`` being 1."""

    bounds: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    flags: tuple[Operand, ...] = ()


@dataclass(frozen=True)
class Pipeline:
    """One flat loop. ``counters``: the outermost first; none = a single iteration.

    ``operations`` stand in an order in which each comes after its operands (carried values apart) and memory accesses
    keep the program's order; operands name operations, carried and affine values, counters, and values of nodes that
    ran before. ``conditions``: of every store that does not count in every iteration; of other operations as a hint.
    ``results``: values whose last iteration's is used after the loop. ``gate``: so many counters are outermost ones
    between whose iterations the loop may pause: no carried value crosses them.

    A load may lie outside of its memory, and gives anything then: nothing that counts depends on it.
    """

    name: str
    counters: tuple[Counter, ...]
    operations: tuple[Operation, ...]
    affine: Mapping[str, Affine] = field(default_factory=dict[str, Affine])
    carried: tuple[Carried, ...] = ()
    conditions: Mapping[str, Condition] = field(default_factory=dict[str, Condition])
    results: tuple[str, ...] = ()
    gate: int = 0

    @cached_property
    def iterations(self) -> int:
        """Iterations of one run."""
        return prod(counter.extent for counter in self.counters)

    @cached_property
    def operation(self) -> Mapping[str, Operation]:
        """Name → operation."""
        return {operation.name: operation for operation in self.operations}

    @cached_property
    def taken(self) -> frozenset[str]:
        """Every name that an operation, a condition or a carried value takes, or that leaves the loop."""
        operands = (operand for sources in self.sources.values() for operand in sources)
        return frozenset(name for name in (*operands, *self.results) if isinstance(name, str))

    @cached_property
    def sources(self) -> Mapping[str, tuple[Operand, ...]]:
        """Operation or carried value → what it depends on at once."""
        found = {
            operation.name: (*operation.operands, *self.conditions.get(operation.name, Condition()).flags)
            for operation in self.operations
        }
        return found | {value.name: (value.initial, value.following) for value in self.carried}

    @property
    def stores(self) -> tuple[str, ...]:
        """The names of the operations that store."""
        return tuple(operation.name for operation in self.operations if operation.op == "store")


@dataclass(frozen=True)
class Streamed:
    """A pipeline with lanes, and what follows it once per result: a second pipeline that all lanes share.

    In the iterations of ``main`` in which ``when`` holds, every lane has a result for each value of ``values`` (name
    in ``tail`` → one name in ``main`` per lane). A collector hands them to ``tail`` one by one, lane after lane: first
    the results of lane 0 in the order of the iterations, then those of lane 1 …, per group of iterations with the same
    counters outside of the reduction. ``tail`` runs one iteration per result; its counters are main's outside the
    reduction, then ``lane``, then main's inside, under the same names. Lanes are no more than the reduction has
    iterations, so that a group is handed on before the next one ends. Where the lanes do not divide the outputs, the
    last group has lanes without meaning: their loads may lie outside the memory, their stores do not count.
    """

    main: Pipeline
    tail: Pipeline
    lane: str
    values: Mapping[str, tuple[str, ...]]
    when: Condition

    @property
    def name(self) -> str:
        """The name of the pair."""
        return self.main.name


@dataclass(frozen=True)
class Repeat:
    """A loop whose iterations do not overlap: its body's nodes run one after the other, ``counter.extent`` times."""

    counter: Counter
    carried: tuple[Carried, ...]
    body: tuple[Node, ...]


Node: TypeAlias = "Pipeline | Streamed | Repeat"


@dataclass(frozen=True)
class Program:
    """One layer: nodes that run one after the other over its memories."""

    layer: str
    memories: tuple[Memory, ...]
    body: tuple[Node, ...]

    @cached_property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """All flat loops, in the order of the text."""
        return tuple(_pipelines(self.body))

    @cached_property
    def repeats(self) -> Mapping[str, int]:
        """Counter of a repeat → its extent."""
        return dict(_repeats(self.body))

    @cached_property
    def memory(self) -> Mapping[str, Memory]:
        """Name → memory."""
        return {memory.name: memory for memory in self.memories}

    def moved(self, places: Mapping[str, Memory]) -> Program:
        """The same with other memories in the place of those that ``places`` names."""
        memories = tuple(places.get(memory.name, memory) for memory in self.memories)
        return replace(self, memories=memories, body=tuple(_moved(node, places) for node in self.body))


def _moved(node: Node, places: Mapping[str, Memory]) -> Node:
    match node:
        case Pipeline():
            return _moved_pipeline(node, places)
        case Streamed():
            return replace(node, main=_moved_pipeline(node.main, places), tail=_moved_pipeline(node.tail, places))
        case Repeat():
            return replace(node, body=tuple(_moved(inner, places) for inner in node.body))


def _moved_pipeline(pipeline: Pipeline, places: Mapping[str, Memory]) -> Pipeline:
    return replace(pipeline, operations=tuple(operation.moved(places) for operation in pipeline.operations))


def _pipelines(nodes: tuple[Node, ...]) -> Iterator[Pipeline]:
    for node in nodes:
        match node:
            case Pipeline():
                yield node
            case Streamed():
                yield from (node.main, node.tail)
            case Repeat():
                yield from _pipelines(node.body)


def _repeats(nodes: tuple[Node, ...]) -> Iterator[tuple[str, int]]:
    for node in nodes:
        if isinstance(node, Repeat):
            yield node.counter.name, node.counter.extent
            yield from _repeats(node.body)
