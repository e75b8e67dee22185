"""What a program means, one iteration after the other; floats are rounded after each operation."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np

from asnet.hls.kernel import Constant, Operand, Operation, signed
from asnet.hls.nest import Carried, Node, Pipeline, Program, Repeat, Streamed

Memories = dict[str, np.ndarray]
_COMPARE = {"olt": "<", "ogt": ">", "ult": "<", "uge": ">=", "ule": "<=", "eq": "=="}


def run(program: Program, memories: Mapping[str, np.ndarray]) -> Memories:
    """The memories after ``program``; words as unsigned integers."""
    after = {name: words.copy() for name, words in memories.items()}
    for node in program.body:
        _node(node, after, {})
    return after


def _node(node: Node, memories: Memories, known: dict[str, int]) -> None:
    match node:
        case Pipeline():
            _Loop(node, memories, known).run()
        case Streamed():
            _streamed(node, memories, known)
        case Repeat():
            raise NotImplementedError


def _streamed(node: Streamed, memories: Memories, known: dict[str, int]) -> None:
    main, tail = _Loop(node.main, memories, known), _Loop(node.tail, memories, known)
    inner = node.tail.counters[[c.name for c in node.tail.counters].index(node.lane) + 1 :]
    (lanes,) = (c.extent for c in node.tail.counters if c.name == node.lane)
    size = int(np.prod([c.extent for c in inner], dtype=np.int64))
    results: dict[str, list[list[int]]] = {name: [[] for _ in range(lanes)] for name in node.values}
    for at in main.steps():
        if all(low <= at[name] <= high for name, (low, high) in node.when.bounds.items()):
            for name, sources in node.values.items():
                for lane, source in enumerate(sources):
                    results[name][lane].append(main.values[source])
    for number, at in enumerate(product(*(range(c.extent) for c in node.tail.counters))):
        group, rest = divmod(number, lanes * size)
        lane, place = divmod(rest, size)
        known |= {name: each[lane][group * size + place] for name, each in results.items()}
        tail.step(dict(zip((c.name for c in node.tail.counters), at, strict=True)), number)
    assert all(len(words) * lanes == node.tail.iterations for each in results.values() for words in each)


class _Loop:
    def __init__(self, pipeline: Pipeline, memories: Memories, known: dict[str, int]) -> None:
        self._pipeline, self._memories, self._known = pipeline, memories, known
        self._history: list[dict[str, int]] = []
        self.values: dict[str, int] = {}

    def run(self) -> None:
        for _ in self.steps():
            pass

    def steps(self):
        names = [c.name for c in self._pipeline.counters]
        for number, at in enumerate(product(*(range(c.extent) for c in self._pipeline.counters))):
            counters = dict(zip(names, at, strict=True))
            self.step(counters, number)
            yield counters

    def step(self, at: Mapping[str, int], number: int) -> None:
        pipeline = self._pipeline
        self.values = {**self._known, **at}
        for name, affine in pipeline.affine.items():
            around = {**self._known, **at}
            self.values[name] = affine.offset + sum(around[c] * stride for c, stride in affine.strides.items())
        waiting: list[Carried] = []
        for carried in pipeline.carried:
            if all(at[name] == 0 for name in carried.over):
                waiting.append(carried)
            else:
                self.values[carried.name] = self._history[number - carried.distance][carried.name]
        for operation in pipeline.operations:
            for carried in waiting:
                if not isinstance(carried.initial, str) or carried.initial in self.values:
                    self.values[carried.name] = self._of(carried.initial)
            self._operation(operation, at)
        self._history.append({c.name: self._of(c.following) for c in pipeline.carried})

    def _of(self, value: Operand) -> int:
        return value.bits if isinstance(value, Constant) else self.values[value]

    def _counts(self, name: str, at: Mapping[str, int]) -> bool:
        condition = self._pipeline.conditions.get(name)
        return condition is None or (
            all(low <= at[c] <= high for c, (low, high) in condition.bounds.items())
            and all(self._of(flag) for flag in condition.flags)
        )

    def _operation(self, operation: Operation, at: Mapping[str, int]) -> None:
        values = [self._of(value) for value in operation.operands]
        if operation.op == "load":
            words = self._memories[operation.detail]
            inside = 0 <= values[0] < len(words)
            self.values[operation.name] = int(words[values[0]]) if inside else 0xDEAD & (1 << operation.width) - 1
        elif operation.op == "store":
            if self._counts(operation.name, at):
                words = self._memories[operation.detail]
                words[values[0]] = words.dtype.type(values[1])
        else:
            self.values[operation.name] = _compute(operation, values) & ((1 << operation.width) - 1)


def _compute(operation: Operation, values: list[int]) -> int:
    match operation.op:
        case "fadd" | "fmul" | "call":
            a, b = (np.uint32(value).view(np.float32) for value in values)
            with np.errstate(all="ignore"):
                return int(np.float32(a + b if operation.op == "fadd" else a * b).view(np.uint32))
        case "fcmp":
            a, b = (float(np.uint32(value).view(np.float32)) for value in values)
            return {"<": a < b, ">": a > b}[_COMPARE[operation.detail]]
        case "icmp":
            a, b = values
            return {"<": a < b, ">=": a >= b, "<=": a <= b, "==": a == b}[_COMPARE[operation.detail]]
        case "select":
            return values[1] if values[0] else values[2]
        case "sext":
            return signed(values[0], operation.widths[0])
        case "trunc" | "zext":
            return values[0]
        case "add":
            return values[0] + values[1]
        case "mul":
            return values[0] * values[1]
        case _:
            raise NotImplementedError(operation.op)
