"""Programs run on words: what every transform of a program must keep, and hardware must do."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.nest.evaluate import evaluator
from asnet.hls.nest.program import Condition, Counter, Node, Pipeline, Program, Repeat, Streamed
from asnet.host import float_environment
from asnet.types import Array, FloatMode

__all__ = ["Call", "run"]

Call: TypeAlias = Callable[[str, tuple[int, ...]], int]
"""What a slot's unit computes: its symbol and the bits of the operands → the bits of the result."""


def run(program: Program, memories: Mapping[str, Array], mode: FloatMode, call: Call | None = None) -> None:
    """Run ``program`` on ``memories``: name → words (unsigned integers of the elements' width, one row), in place.

    A load outside of its memory gives 0: it happens where nobody looks at the value.

    Raises:
        IndexError: a store outside of its memory.
        KeyError: the program names a value, memory or operation that does not exist.
    """
    words: dict[str, list[int]] = {memory.name: memories[memory.name].tolist() for memory in program.memories}
    machine = _Machine(words, call)
    with float_environment(mode), np.errstate(all="ignore"):
        machine.run(machine.prepared(program.body))
    for name, values in words.items():
        memories[name][:] = values


class _Machine:
    """Memories and the values of nodes. ``values``: counters of repeats as numbers, others as bits."""

    def __init__(self, words: Mapping[str, list[int]], call: Call | None) -> None:
        self.words = words
        self.call = call
        self.values: dict[str, int] = {}

    def prepared(self, nodes: Sequence[Node]) -> list[Callable[[], None]]:
        return [self._prepared(node) for node in nodes]

    @staticmethod
    def run(steps: Sequence[Callable[[], None]]) -> None:
        for step in steps:
            step()

    def _prepared(self, node: Node) -> Callable[[], None]:
        match node:
            case Pipeline():
                body = _Body(node, self)
                return lambda: body.run()
            case Streamed():
                return self._streamed(node)
            case Repeat():
                return self._repeated(node)

    def _value(self, operand: Operand) -> int:
        return operand.bits if isinstance(operand, Constant) else self.values[operand]

    def _repeated(self, node: Repeat) -> Callable[[], None]:
        body = self.prepared(node.body)

        def run() -> None:
            following = [value.initial for value in node.carried]
            for turn in range(node.counter.extent):
                self.values[node.counter.name] = turn
                found = [self._value(operand) for operand in following]
                self.values.update(zip((value.name for value in node.carried), found, strict=True))
                self.run(body)
                following = [value.following for value in node.carried]

        return run

    def _streamed(self, node: Streamed) -> Callable[[], None]:
        main, tail = _Body(node.main, self), _Body(node.tail, self, tuple(node.values))
        lanes = max(len(names) for names in node.values.values())
        place = [counter.name for counter in node.tail.counters].index(node.lane)
        inner = _positions(node.tail.counters[place + 1 :])
        handed = {name: [main.reader(each) for each in names] for name, names in node.values.items()}

        def run() -> None:
            main.begin()
            tail.begin()
            counts = main.counts(node.when)
            for outer, group in itertools.groupby(main.positions, lambda position: position[:place]):
                results: list[list[dict[str, int]]] = [[] for _ in range(lanes)]
                for position in group:
                    main.iterate(position)
                    if counts():
                        for lane, found in enumerate(results):
                            found.append({name: readers[lane]() for name, readers in handed.items()})
                for lane, found in enumerate(results):
                    for rest, values in zip(inner, found, strict=True):
                        tail.iterate((*outer, lane, *rest), values)
            main.end()
            tail.end()

        return run


def _positions(counters: Sequence[Counter]) -> list[tuple[int, ...]]:
    return list(itertools.product(*(range(counter.extent) for counter in counters)))


class _Body:
    """A pipeline made ready: a list of places for values, and functions that fill them one after the other."""

    def __init__(self, pipeline: Pipeline, machine: _Machine, given: tuple[str, ...] = ()) -> None:
        self._pipeline = pipeline
        self._machine = machine
        self._places: dict[tuple[str, int], int] = {}
        self._values: list[int] = []
        self._counters = {counter.name: number for number, counter in enumerate(pipeline.counters)}
        self._position: tuple[int, ...] = ()
        self._outside: list[tuple[str, int]] = []
        self._steps: list[Callable[[], None]] = []
        self._carried = {value.name: value for value in pipeline.carried}
        self._history: dict[str, list[int]] = {value.name: [0] * value.distance for value in pipeline.carried}
        self._turn = 0
        self._given = {name: self._new((name, 0)) for name in given}
        self._begun: set[str] = set()
        for name in (*(operation.name for operation in pipeline.operations), *pipeline.results):
            self._schedule(name)
        self._ends = [(self._history[v.name], self._read(v.following, v.width)) for v in pipeline.carried]

    @property
    def positions(self) -> Iterator[tuple[int, ...]]:
        """The values of the counters, iteration after iteration."""
        return itertools.product(*(range(counter.extent) for counter in self._pipeline.counters))

    def run(self) -> None:
        """All iterations."""
        self.begin()
        for position in self.positions:
            self.iterate(position)
        self.end()

    def begin(self) -> None:
        """Before the first iteration: take what other nodes made."""
        self._turn = 0
        for name, place in self._outside:
            self._values[place] = self._machine.values[name]

    def iterate(self, position: tuple[int, ...], given: Mapping[str, int] | None = None) -> None:
        """One iteration."""
        for name, value in (given or {}).items():
            self._values[self._given[name]] = value
        self._position = position
        for step in self._steps:
            step()
        values = self._values
        for history, place in self._ends:
            history[self._turn % len(history)] = values[place]
        self._turn += 1

    def end(self) -> None:
        """After the last iteration: leave the results."""
        for name in self._pipeline.results:
            self._machine.values[name] = self._values[self._places[name, 0]]

    def reader(self, name: str) -> Callable[[], int]:
        """What gives an operation's or carried value's result in this iteration."""
        place = self._read(name, 0)
        return lambda: self._values[place]

    def counts(self, condition: Condition | None) -> Callable[[], bool]:
        """Whether ``condition`` holds in this iteration."""
        if condition is None:
            return lambda: True
        bounds = [(self._number(name), *span) for name, span in condition.bounds.items()]
        flags = [self._read(flag, 1) for flag in condition.flags]
        return lambda: (
            all(low <= number() <= high for number, low, high in bounds) and all(self._values[f] for f in flags)
        )

    def _number(self, counter: str) -> Callable[[], int]:
        """A counter's value in this iteration; a repeat's, if it is none of this pipeline's."""
        if counter in self._counters:
            k = self._counters[counter]
            return lambda: self._position[k]
        values = self._machine.values
        return lambda: values[counter]

    def _new(self, key: tuple[str, int]) -> int:
        self._values.append(0)
        return self._places.setdefault(key, len(self._values) - 1)

    def _read(self, operand: Operand, width: int) -> int:
        """The place where ``operand`` is, as bits of ``width`` (0: as a number, of an index)."""
        if isinstance(operand, Constant):
            self._values.append(operand.bits)
            return len(self._values) - 1
        summed = operand in self._pipeline.affine or operand in self._counters
        key = operand, width if summed else 0
        if key in self._places:
            return self._places[key]
        if summed:
            return self._sum(operand, width)
        if operand in self._carried or operand in self._pipeline.operation:
            self._schedule(operand)
            return self._places[key]
        place = self._new(key)
        self._outside.append((operand, place))
        return place

    def _sum(self, name: str, width: int) -> int:
        place, values = self._new((name, width)), self._values
        mask = (1 << width) - 1 if width else -1
        if name in self._counters:
            k = self._counters[name]

            def count() -> None:
                values[place] = self._position[k] & mask

            self._steps.append(count)
            return place
        affine = self._pipeline.affine[name]
        terms = [(self._number(counter), stride) for counter, stride in affine.strides.items()]

        def add() -> None:
            values[place] = (affine.offset + sum(stride * number() for number, stride in terms)) & mask

        self._steps.append(add)
        return place

    def _schedule(self, name: str) -> None:
        """Append the computation of ``name``, and before it of what it takes."""
        if (name, 0) in self._places:
            return
        if name in self._begun:
            raise KeyError(f"{name!r} of pipeline {self._pipeline.name!r} takes itself in one iteration")
        self._begun.add(name)
        if name in self._carried:
            self._schedule_carried(name)
        else:
            self._schedule_operation(self._pipeline.operation[name])

    def _schedule_carried(self, name: str) -> None:
        carried, values, history = self._carried[name], self._values, self._history[name]
        initial = self._read(carried.initial, carried.width)
        place = self._new((name, 0))
        over = [self._number(counter) for counter in carried.over]

        def take() -> None:
            first = not any(number() for number in over)
            values[place] = values[initial] if first else history[self._turn % len(history)]

        self._steps.append(take)

    def _schedule_operation(self, operation: Operation) -> None:
        values = self._values
        memory = operation.is_memory
        places = [
            self._read(operand, 0 if memory and number == 0 else width)
            for number, (operand, width) in enumerate(zip(operation.operands, operation.widths, strict=True))
        ]
        condition = self._pipeline.conditions.get(operation.name) if operation.op == "store" else None
        counts = self.counts(condition)
        place = self._new((operation.name, 0))
        if memory:
            self._steps.append(self._access(operation, places, place, counts))
            return
        if operation.op == "call":
            call, symbol, mask = self._machine.call, operation.detail, (1 << operation.width) - 1
            if call is None:
                raise KeyError(f"nothing is known about {symbol!r}")

            def invoke() -> None:
                values[place] = call(symbol, tuple(values[p] for p in places)) & mask

            self._steps.append(invoke)
            return
        compute = evaluator(operation)

        def unary() -> None:
            values[place] = compute(values[places[0]])

        def binary() -> None:
            values[place] = compute(values[places[0]], values[places[1]])

        def ternary() -> None:
            values[place] = compute(values[places[0]], values[places[1]], values[places[2]])

        self._steps.append({1: unary, 2: binary, 3: ternary}[len(places)])

    def _access(
        self, operation: Operation, places: Sequence[int], place: int, counts: Callable[[], bool]
    ) -> Callable[[], None]:
        words, values = self._machine.words[operation.detail], self._values
        index, size = places[0], len(words)

        def load() -> None:
            at = values[index]
            values[place] = words[at] if 0 <= at < size else 0

        def store() -> None:
            if counts():
                if not 0 <= values[index] < size:
                    raise IndexError(f"{operation.name!r} of {self._pipeline.name!r} stores to {values[index]}")
                words[values[index]] = values[places[1]]

        return load if operation.op == "load" else store
