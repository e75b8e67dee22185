"""Scratch memories that only hand words on: what reads them reads the words where they come from.

Padding is the case: a memory is filled with a number, then a smaller array is copied into the middle. A window that
reads it can as well test whether it is inside, and read the array itself; both passes and the memory are saved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.nest.accesses import Access, accesses
from asnet.hls.nest.affine import Sum, affine_range
from asnet.hls.nest.digits import Digit, digits_of
from asnet.hls.nest.program import Affine, Node, Pipeline, Program, Repeat, Streamed

__all__ = ["forwarded", "without"]

_CHEAP = frozenset(
    ("load", "select", "icmp", "fcmp", "and", "or", "xor", "add", "sub", "shl", "lshr", "ashr", "zext", "sext", "trunc")
)
"""What may be computed again at every reading."""


def forwarded(program: Program, scratch: Collection[str]) -> Program:
    """``program`` without those memories of ``scratch`` whose words come from elsewhere unchanged, or nearly so.

    ``scratch``: memories that no other layer accesses. Nothing is forwarded that would ask more of a memory's ports.
    """
    for memory in program.memories:
        if memory.name in scratch:
            program = without(program, memory.name) or program
    return program


@dataclass(frozen=True)
class _Writer:
    """A pipeline that fills (a part of) a memory, and what it stores: ``value``, by ``operations``."""

    place: int
    pipeline: Pipeline
    access: Access
    value: Operand
    operations: tuple[Operation, ...]


def without(program: Program, memory: str, *, cheap: bool = True) -> Program | None:
    """``program`` without ``memory``, each of whose words is computed where it is read; None if that is not possible.

    ``cheap``: do not so where a word takes an operation that is worth doing once.
    """
    writers: list[_Writer] = []
    readers: dict[int, Pipeline] = {}
    for place, node in enumerate(program.body):
        used = {(op.op, op.detail) for pipeline in _pipelines(node) for op in pipeline.operations}
        if ("store", memory) in used:
            writer = _writer(place, node, memory, cheap)
            if writer is None or readers:
                return None
            writers.append(writer)
        elif ("load", memory) in used:
            if not isinstance(node, Pipeline):
                return None
            readers[place] = node
    if not writers or not readers or _disturbed(program, writers, max(readers)):
        return None
    extents = dict(program.repeats)
    body: list[Node] = list(program.body)
    for place, reader in readers.items():
        rewritten = _Rewriting(reader, writers, memory, extents).pipeline()
        if rewritten is None:
            return None
        body[place] = rewritten
    for writer in writers:
        body[writer.place] = _unused(writer.pipeline, memory)
    kept = tuple(n for n in body if not (isinstance(n, Pipeline) and not n.operations and not n.results))
    return replace(program, memories=tuple(m for m in program.memories if m.name != memory), body=kept)


def _pipelines(node: Node) -> Iterable[Pipeline]:
    match node:
        case Pipeline():
            return (node,)
        case Streamed():
            return (node.main, node.tail)
        case Repeat():
            return (pipeline for inner in node.body for pipeline in _pipelines(inner))


def _writer(place: int, node: Node, memory: str, cheap: bool) -> _Writer | None:
    if not isinstance(node, Pipeline):
        return None
    touching = [access for access in accesses(node) if access.memory == memory]
    if len(touching) != 1 or touching[0].index is None or touching[0].outside():
        return None
    (access,) = touching
    condition = node.conditions.get(access.operation.name)
    operations = _slice(node, access.operation.operands[1], cheap)
    if operations is None or (condition is not None and condition.flags):
        return None
    return _Writer(place, node, access, access.operation.operands[1], operations)


def _slice(pipeline: Pipeline, value: Operand, cheap: bool) -> tuple[Operation, ...] | None:
    """The operations that make ``value``; None if they are expensive, or it is carried."""
    wanted: set[str] = set()
    work = [value]
    while work:
        name = work.pop()
        if not isinstance(name, str) or name in wanted:
            continue
        if any(name == carried.name for carried in pipeline.carried):
            return None
        operation = pipeline.operation.get(name)
        if operation is not None:
            if cheap and operation.op not in _CHEAP:
                return None
            wanted.add(name)
            work.extend(operation.operands)
    return tuple(operation for operation in pipeline.operations if operation.name in wanted)


def _disturbed(program: Program, writers: Sequence[_Writer], last: int) -> bool:
    """Whether a memory that the writers read is written until node ``last`` has read from them."""
    first = writers[0].place
    nodes = program.body[first : last + 1]
    stored = {o.detail for node in nodes for p in _pipelines(node) for o in p.operations if o.op == "store"}
    return any(operation.detail in stored for w in writers for operation in w.operations if operation.op == "load")


def _unused(pipeline: Pipeline, memory: str) -> Pipeline:
    """``pipeline`` without its store to ``memory`` and what that needed; no loop if every iteration is the same."""
    roots: list[Operand] = [*pipeline.results]
    for operation in pipeline.operations:
        if operation.op == "store" and operation.detail != memory:
            condition = pipeline.conditions.get(operation.name)
            roots += [operation.name, *(condition.flags if condition is not None else ())]
    kept: set[str] = set()
    carried = {value.name: value for value in pipeline.carried}
    while roots:
        name = roots.pop()
        if isinstance(name, str) and name not in kept:
            kept.add(name)
            if name in pipeline.operation:
                roots += pipeline.operation[name].operands
            elif name in carried:
                roots += [carried[name].initial, carried[name].following]
    alone = not any(o.op == "store" and o.name in kept for o in pipeline.operations)
    alone = alone and kept.isdisjoint([*pipeline.affine, *carried, *(counter.name for counter in pipeline.counters)])
    return replace(
        pipeline,
        counters=() if alone else pipeline.counters,
        gate=0 if alone else pipeline.gate,
        operations=tuple(operation for operation in pipeline.operations if operation.name in kept),
        affine={name: value for name, value in pipeline.affine.items() if name in kept},
        carried=tuple(value for value in pipeline.carried if value.name in kept),
        conditions={name: value for name, value in pipeline.conditions.items() if name in kept},
    )


@dataclass
class _Rewriting:
    """A reader being rewritten."""

    reader: Pipeline
    writers: Sequence[_Writer]
    memory: str
    extents: Mapping[str, int]
    operations: list[Operation] = field(default_factory=list[Operation])
    affine: dict[str, Affine] = field(default_factory=dict[str, Affine])
    names: dict[str, Operand] = field(default_factory=dict[str, Operand])

    def pipeline(self) -> Pipeline | None:
        """The reader with the words from where they come from; None if that is not possible."""
        if not self._ports_suffice():
            return None
        self.affine = dict(self.reader.affine)
        for operation in self.reader.operations:
            operands = tuple(self._renamed(operand) for operand in operation.operands)
            if operation.op == "load" and operation.detail == self.memory:
                value = self._value(operation)
                if value is None:
                    return None
                self.names[operation.name] = value
            else:
                self.operations.append(replace(operation, operands=operands))
        used = {operand for operation in self.operations for operand in operation.operands}
        carried = tuple(
            replace(c, initial=self._renamed(c.initial), following=self._renamed(c.following))
            for c in self.reader.carried
        )
        used |= {value.initial for value in carried}
        used |= {value.following for value in carried}
        conditions = {
            name: replace(condition, flags=tuple(self._renamed(flag) for flag in condition.flags))
            for name, condition in self.reader.conditions.items()
            if name not in self.names
        }
        results = [self._renamed(name) for name in self.reader.results]
        if any(not isinstance(name, str) for name in results):
            return None
        return replace(
            self.reader,
            operations=tuple(self.operations),
            affine={name: value for name, value in self.affine.items() if name in used},
            carried=carried,
            conditions=conditions,
            results=tuple(str(name) for name in results),
        )

    def _renamed(self, operand: Operand) -> Operand:
        return self.names.get(operand, operand) if isinstance(operand, str) else operand

    def _ports_suffice(self) -> bool:
        """Whether every memory gets at most one new access where there was one of the scratch memory."""
        own = [operation.detail for operation in self.reader.operations if operation.is_memory]
        new = [operation.detail for writer in self.writers for operation in writer.operations if operation.op == "load"]
        return len(new) == len(set(new)) and set(own).isdisjoint(new)

    def _value(self, load: Operation) -> Operand | None:
        """What ``load`` gives, computed."""
        (access,) = (access for access in accesses(self.reader) if access.operation is load)
        if access.index is None or any(name not in access.counters for name in access.index.strides):
            return None
        extents = {counter.name: counter.extent for counter in self.reader.counters}
        address = Sum({name: step for name, step in access.index.strides.items() if step}, access.index.offset)
        value: Operand | None = None
        for number, writer in enumerate(self.writers):
            found = digits_of(writer.access, address, extents)
            if found is None:
                return None
            inside = self._inside(f"{load.name}.{number}", found, extents, load.source)
            if value is None and inside is not None:
                return None
            new = self._computed(f"{load.name}.{number}", writer, found)
            if inside is None or value is None:
                value = new
            elif new != value:
                name = f"{load.name}.{number}.word"
                widths = (1, load.width, load.width)
                self.operations.append(Operation(name, "select", (inside, new, value), load.width, widths, load.source))
                value = name
        return value

    def _inside(self, name: str, found: Sequence[Digit], extents: Mapping[str, int], source: str) -> str | None:
        """A flag: whether all digits are in their range; None: always."""
        flag: str | None = None
        for number, digit in enumerate(found):
            low, high = affine_range(digit.value.terms, digit.value.offset, extents)
            if low >= 0 and high < digit.extent:
                continue
            width = 1 + max((~low).bit_length() if low < 0 else 0, max(high, digit.extent).bit_length())
            index = self._sum(f"{name}.digit{number}", digit.value)
            test = f"{name}.test{number}"
            operands = (index, Constant(digit.extent, width))
            self.operations.append(Operation(test, "icmp", operands, 1, (width, width), source, "ult"))
            if flag is not None:
                both = f"{name}.inside{number}"
                self.operations.append(Operation(both, "and", (flag, test), 1, (1, 1), source))
                test = both
            flag = test
        return flag

    def _computed(self, name: str, writer: _Writer, found: Sequence[Digit]) -> Operand:
        """The value that ``writer`` stored where its counters are the digits."""
        counters = {digit.counter: digit.value for digit in found}
        names: dict[str, Operand] = {}

        def operand(value: Operand) -> Operand:
            if not isinstance(value, str):
                return value
            if value in names:
                return names[value]
            if value in writer.pipeline.affine or value in counters:
                own = writer.pipeline.affine.get(value, Affine({value: 1}))
                total = Sum({}, own.offset)
                for counter, step in own.strides.items():
                    total = total.plus(counters.get(counter, Sum({counter: 1})), step)
                return self._sum(f"{name}.{value}", total)
            return value

        for operation in writer.operations:
            operands = tuple(operand(value) for value in operation.operands)
            names[operation.name] = f"{name}.{operation.name}"
            self.operations.append(replace(operation, name=f"{name}.{operation.name}", operands=operands))
        return operand(writer.value)

    def _sum(self, name: str, value: Sum) -> str:
        if value.offset == 0 and list(value.terms.values()) == [1]:
            return next(iter(value.terms))
        known = next((known for known, other in self.affine.items() if other == value.affine), None)
        if known is None:
            self.affine[name] = value.affine
        return known or name
