"""Several iterations of a reduction at once: a chain in their order, for sums of integers a tree."""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from math import gcd

from asnet.hls.kernel import Operand, Operation
from asnet.hls.nest.counters import distance, pruned, reorder
from asnet.hls.nest.lanes import separable
from asnet.hls.nest.program import Affine, Carried, Condition, Counter, Pipeline
from asnet.hls.nest.reduction import Reduction, independent, reduction, varying

__all__ = ["factors", "interchangeable", "summed", "sums", "unrolled"]


def factors(pipeline: Pipeline) -> tuple[int, ...]:
    """How many iterations of the reduction can be one, ascending, from 1: divisors, of the innermost counters first."""
    found = reduction(pipeline)
    if found is None or not _unrollable(pipeline, found):
        return (1,)
    extents = {counter.name: counter.extent for counter in pipeline.counters}
    whole = 1
    possible = {1}
    for name in reversed(found.over):
        possible |= {whole * each for each in range(1, extents[name] + 1) if extents[name] % each == 0}
        whole *= extents[name]
    return tuple(sorted(possible))


def _unrollable(pipeline: Pipeline, found: Reduction) -> bool:
    """Whether steps of the reduction may come together: where counters are inside, before others of earlier steps."""
    if found.inside and not independent(pipeline):
        return False
    stored = {operation.detail for operation in pipeline.operations if operation.op == "store"}
    loaded = {operation.detail for operation in pipeline.operations if operation.op == "load"}
    return not stored & loaded and all(name in pipeline.operation for name in pipeline.results)


def unrolled(pipeline: Pipeline, found: Reduction, by: int) -> Pipeline:
    """``pipeline`` with ``by`` iterations of its reduction as one; ``by`` is one of :func:`factors`."""
    for name in reversed(found.over):
        extent = next(counter.extent for counter in pipeline.counters if counter.name == name)
        here = by if by < extent else extent
        by //= here
        if here > 1:
            pipeline = _Unroller(pipeline, name, extent, here).pipeline()
    return _balanced(pruned(pipeline))


def interchangeable(pipeline: Pipeline, found: Reduction) -> bool:
    """Whether the reduction is nothing but sums of integers, of which only the last ones count: any order is right."""
    carried = {item.name: item for item in pipeline.carried}
    users = Count(value for operation in pipeline.operations for value in operation.operands)
    chains: set[str] = set()
    for item in pipeline.carried:
        value: Operand = item.name
        while value != item.following:
            after = [operation for operation in pipeline.operations if value in operation.operands]
            if len(after) != 1 or users[value] != 1 or after[0].op != "add" or after[0].width != item.width:
                return False
            value = after[0].name
            if value in chains:
                return False
            chains.add(value)
        if set(item.over) != set(found.over) or item.initial in carried:
            return False
    changing = {name for over in found.over for name in varying(pipeline, over)}
    if any(item.initial in changing for item in pipeline.carried) or not separable(pipeline, found):
        return False
    sums = chains | carried.keys()
    inside = [operation for operation in pipeline.operations if operation.name in found.core - chains]
    return sums.isdisjoint(value for operation in inside for value in operation.operands)


def sums(pipeline: Pipeline, found: Reduction) -> tuple[int, ...]:
    """How many products an :func:`interchangeable` reduction can add up at once, ascending, from 1."""
    possible = {1}
    for counter in pipeline.counters:
        if counter.name in found.over:
            divisors = [each for each in range(1, counter.extent + 1) if counter.extent % each == 0]
            possible = {one * each for one in possible for each in divisors}
    return tuple(sorted(possible))


def summed(pipeline: Pipeline, found: Reduction, by: int) -> Pipeline:
    """``pipeline`` with ``by`` products, one of :func:`sums`, added up at once: of the outermost counters first."""
    for name in found.over:
        extent = next(counter.extent for counter in pipeline.counters if counter.name == name)
        here = gcd(extent, by)
        by //= here
        if here > 1:
            order = [counter.name for counter in pipeline.counters]
            over = [other for other in found.over if other in order and other != name]
            innermost = reorder(pipeline, [*found.outside, *over, name, *found.inside])
            done = _Unroller(innermost, name, extent, here).pipeline()
            pipeline = reorder(done, order)
    return _balanced(pruned(pipeline))


class _Unroller:
    """Unrolls one counter, the innermost of every carried value over it."""

    def __init__(self, pipeline: Pipeline, name: str, extent: int, by: int) -> None:
        self._pipeline, self._name, self._by = pipeline, name, by
        names = [*pipeline.operation, *pipeline.affine]
        self._mark = next(mark for mark in map("u{}.".format, count()) if not any(f".{mark}" in old for old in names))
        self._left = extent // by
        self._own = self._changing()
        self._affine = {key: item for key, item in pipeline.affine.items() if key not in self._own}
        self._names: list[dict[str, Operand]] = []

    def _changing(self) -> set[str]:
        """What differs between the iterations: what depends on the counter, or on what is carried over it."""
        found = {self._name}
        found |= {key for key, item in self._pipeline.affine.items() if item.strides.get(self._name, 0)}
        found |= {item.name for item in self._pipeline.carried if self._name in item.over}
        before = 0
        while len(found) != before:
            before = len(found)
            found |= {item.name for item in self._pipeline.carried if item.initial in found or item.following in found}
            for operation in self._pipeline.operations:
                if operation.op == "store" or not found.isdisjoint(operation.operands):
                    found.add(operation.name)
        return found

    def pipeline(self) -> Pipeline:
        old = self._pipeline
        for turn in range(self._by):
            self._names.append(self._named(turn))
        carried = tuple(self._carried())
        operations: list[Operation] = []
        conditions: dict[str, Condition] = {}
        for turn in range(self._by):
            for operation in old.operations:
                if turn > 0 and operation.name not in self._own:
                    continue
                condition = self._condition(operation, turn)
                if condition is None and operation.op == "store":
                    continue
                made = self._operation(operation, turn)
                operations.append(made)
                if condition is not None and (condition.bounds or condition.flags):
                    conditions[made.name] = condition
        counters: list[Counter] = []
        for counter in old.counters:
            extent = self._left if counter.name == self._name else counter.extent
            counters += [Counter(counter.name, extent)] if extent > 1 else []
        over = {name for item in carried for name in item.over}
        return Pipeline(
            name=old.name,
            counters=tuple(counters),
            operations=_ordered(operations),
            affine=self._affine,
            carried=tuple(replace(item, distance=distance(counters, item)) for item in carried),
            conditions=conditions,
            results=old.results,
            gate=next((k for k, counter in enumerate(counters) if counter.name in over), len(counters)),
        )

    def _named(self, turn: int) -> dict[str, Operand]:
        """Name → its name in iteration ``turn`` of those that become one, of what differs between them."""
        names: dict[str, Operand] = {}
        for key, item in self._pipeline.affine.items():
            if key in self._own:
                names[key] = self._address(key, item, turn)
        if self._name in self._pipeline.taken:
            names[self._name] = self._address(self._name, Affine({self._name: 1}), turn)
        own = (item.name for item in self._pipeline.operations if item.name in self._own)
        names |= {name: self._turned(name, turn) for name in own}
        for item in self._pipeline.carried:
            if self._name in item.over:
                names[item.name] = item.name
            elif item.name in self._own:
                names[item.name] = self._turned(item.name, turn)
        for item in self._pipeline.carried:
            if self._name not in item.over:
                continue
            if turn > 0:
                names[item.name] = self._of(item.following, turn - 1)
            elif not self._over(item):
                names[item.name] = names.get(str(item.initial), item.initial)
        return names

    def _turned(self, name: str, turn: int) -> str:
        """The last keeps the name, under which other nodes may know it."""
        return name if turn == self._by - 1 else f"{name}.{self._mark}{turn}"

    def _address(self, key: str, item: Affine, turn: int) -> str:
        strides = {name: stride * (self._by if name == self._name else 1) for name, stride in item.strides.items()}
        if self._left == 1:
            del strides[self._name]
        name = f"{key}.{self._mark}{turn}" if key == self._name else self._turned(key, turn)
        self._affine[name] = Affine(strides, item.offset + item.strides[self._name] * turn)
        return name

    def _of(self, value: Operand, turn: int) -> Operand:
        return self._names[turn].get(value, value) if isinstance(value, str) else value

    def _over(self, item: Carried) -> tuple[str, ...]:
        return tuple(name for name in item.over if name != self._name or self._left > 1)

    def _carried(self) -> Iterable[Carried]:
        for item in self._pipeline.carried:
            over = self._over(item)
            if self._name in item.over:
                following = self._of(item.following, self._by - 1)
                if over:
                    yield replace(item, initial=self._of(item.initial, 0), following=following, over=over)
                continue
            for turn in range(self._by if item.name in self._own else 1):
                name, initial = str(self._of(item.name, turn)), self._of(item.initial, turn)
                yield replace(item, name=name, initial=initial, following=self._of(item.following, turn))

    def _operation(self, operation: Operation, turn: int) -> Operation:
        operands = tuple(self._of(value, turn) for value in operation.operands)
        return replace(operation, name=str(self._of(operation.name, turn)), operands=operands)

    def _condition(self, operation: Operation, turn: int) -> Condition | None:
        """When the operation counts in iteration ``turn`` of those that become one; None: never."""
        condition = self._pipeline.conditions.get(operation.name, Condition())
        bounds = dict(condition.bounds)
        low, high = bounds.pop(self._name, (0, self._left * self._by - 1))
        low, high = -((turn - low) // self._by), (high - turn) // self._by
        low, high = max(low, 0), min(high, self._left - 1)
        if low > high:
            return None
        if (low, high) != (0, self._left - 1):
            bounds[self._name] = (low, high)
        return Condition(bounds, tuple(self._of(flag, turn) for flag in condition.flags))


def _ordered(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """``operations`` with each behind its operands, else in their order."""
    made = {operation.name: operation for operation in operations}
    done: dict[str, Operation] = {}

    def visit(operation: Operation) -> None:
        for value in operation.operands:
            if isinstance(value, str) and value in made and value not in done:
                visit(made[value])
        done.setdefault(operation.name, operation)

    for operation in operations:
        visit(operation)
    return tuple(done.values())


def _balanced(pipeline: Pipeline) -> Pipeline:
    """``pipeline`` with trees in place of chains of integer additions; what is carried comes in last."""
    users = Count(value for operation in pipeline.operations for value in operation.operands)
    users.update(value for item in pipeline.carried for value in (item.initial, item.following))
    users.update(pipeline.results)
    users.update(value for item in pipeline.conditions.values() for value in item.flags)
    adds = {operation.name: operation for operation in pipeline.operations if operation.op == "add"}
    inner = {
        value
        for operation in adds.values()
        for value in operation.operands
        if users[value] == 1 and value in adds and adds[str(value)].width == operation.width
    }
    carried = {item.name for item in pipeline.carried}
    made: dict[str, Operation] = {}
    for name in adds:
        if name not in inner:
            made |= _tree(adds, inner, name, carried)
    return replace(pipeline, operations=_ordered([made.get(item.name, item) for item in pipeline.operations]))


def _tree(adds: Mapping[str, Operation], inner: set[Operand], root: str, carried: set[str]) -> dict[str, Operation]:
    """The additions under ``root`` as a tree, under their old names."""
    leaves: list[Operand] = []
    nodes: list[str] = []
    work: list[Operand] = [root]
    while work:
        value = work.pop()
        if value == root or value in inner:
            nodes.append(str(value))
            work += reversed(adds[str(value)].operands)
        else:
            leaves.append(value)
    late = [value for value in leaves if value in carried]
    level = [value for value in leaves if value not in carried]
    made: dict[str, Operation] = {}

    def add(a: Operand, b: Operand) -> str:
        name = nodes.pop()
        made[name] = replace(adds[name], operands=(a, b))
        return name

    while len(level) > 1:
        pairs = [add(*level[k : k + 2]) for k in range(0, len(level) - 1, 2)]
        level = [*pairs, *level[len(level) // 2 * 2 :]]
    level += late
    while len(level) > 1:
        level = [add(level[0], level[1]), *level[2:]]
    return made
