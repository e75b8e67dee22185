"""What the values of a kernel are, whoever asks: other names, sums of counters, widths, users."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.nest.affine import Sum, constant_sum, fits, sum_of
from asnet.hls.nest.program import Counter
from asnet.hls.nest.tree import Item, Loop, Recurrence, Straight, Tree

__all__ = ["Scope"]


class Scope:
    """The values of ``tree``. ``items``: its items without loops of one iteration and without sums of counters."""

    def __init__(self, tree: Tree) -> None:
        self.flags = tree.flags
        self.extents: dict[str, int] = {}
        self._names: dict[str, Operand] = dict(tree.names)
        self._sums: dict[str, Sum] = {}
        self._widths: dict[str, int] = {}
        self._users: defaultdict[str, set[str]] = defaultdict(set)
        self.items = self._cleaned(tree.items, ())
        self._note_users(self.items)

    def rename(self, value: str, name: Operand) -> None:
        """From now on ``value`` goes by ``name``."""
        if value != name:
            self._names[value] = name

    def operand(self, value: Operand) -> Operand:
        """``value`` under its own name."""
        while isinstance(value, str) and value in self._names:
            value = self._names[value]
        return value

    def counter(self, loop: Loop) -> Counter:
        """The counter of a loop."""
        plain = loop.first == 0 and loop.step == 1
        return Counter(loop.counter if plain else f"{loop.counter}.count", loop.extent)

    def resolve(self, value: Operand, running: Iterable[str]) -> Operand | Sum:
        """A literal, a name, or a sum of those counters that are ``running``: the other loops have ended."""
        value = self.operand(value)
        if isinstance(value, Constant) or value not in self._sums:
            return value
        found = self._at_end(self._sums[value], running)
        if found.terms:
            return found
        width = self._widths[value]
        return Constant(found.offset & ((1 << width) - 1), width)

    def users(self, value: str) -> frozenset[str]:
        """The operations and recurrences that take ``value``."""
        return frozenset(self._users[value])

    def width(self, value: str) -> int:
        """Bits of a value."""
        return self._widths[value]

    def _at_end(self, value: Sum, running: Iterable[str]) -> Sum:
        ended = set(value.terms) - set(running)
        return value.at({name: self.extents[name] - 1 for name in ended})

    def _sum(self, value: Operand, running: Sequence[str]) -> Sum | None:
        value = self.operand(value)
        if isinstance(value, Constant):
            return constant_sum(value)
        found = self._sums.get(value)
        return None if found is None else self._at_end(found, running)

    def _cleaned(self, items: Iterable[Item], running: tuple[str, ...]) -> tuple[Item, ...]:
        result: list[Item] = []
        for item in items:
            if isinstance(item, Straight):
                kept = Straight(item.name, self._straight(item.operations, running))
                self._append(result, [kept] if kept.operations else [])
            elif item.extent == 1:
                self._widths[item.counter] = item.width
                self._sums[item.counter] = Sum({}, item.first)
                for recurrence in item.recurrences:
                    self.rename(recurrence.name, recurrence.initial)
                self._append(result, self._cleaned(item.items, running))
            else:
                result.append(self._loop(item, running))
        return tuple(result)

    @staticmethod
    def _append(result: list[Item], items: Iterable[Item]) -> None:
        for item in items:
            last = result[-1] if result else None
            if isinstance(item, Straight) and isinstance(last, Straight):
                result[-1] = Straight(last.name, last.operations + item.operations)
            else:
                result.append(item)

    def _straight(self, operations: Iterable[Operation], running: tuple[str, ...]) -> tuple[Operation, ...]:
        kept: list[Operation] = []
        for operation in operations:
            self._widths[operation.name] = operation.width
            found = sum_of(operation, tuple(self._sum(o, running) for o in operation.operands), self.extents)
            if found is not None:
                self._sums[operation.name] = found
            else:
                kept.append(operation)
        return tuple(kept)

    def _loop(self, loop: Loop, running: tuple[str, ...]) -> Loop:
        counter = self.counter(loop)
        self.extents[counter.name] = counter.extent
        self._widths[loop.counter] = self._widths[counter.name] = loop.width
        self._sums[loop.counter] = Sum({counter.name: loop.step}, loop.first)
        inside = {operation.name: operation for item in loop.items for operation in _straight_operations(item)}
        kept: list[Recurrence] = []
        for recurrence in loop.recurrences:
            self._widths[recurrence.name] = recurrence.width
            step = _step(recurrence, inside)
            start = self._sum(recurrence.initial, running)
            if step is not None and start is not None:
                line = start.plus(Sum({counter.name: 1}), step.offset)
                if fits(line, recurrence.width, self.extents):
                    self._sums[recurrence.name] = line
                    continue
            kept.append(recurrence)
        items = self._cleaned(loop.items, (*running, counter.name))
        return replace(loop, recurrences=tuple(kept), items=items)

    def _note_users(self, items: Iterable[Item]) -> None:
        for item in items:
            if isinstance(item, Straight):
                for operation in item.operations:
                    self._note(operation.name, (*operation.operands, *self.flags.get(operation.name, ())))
            else:
                for recurrence in item.recurrences:
                    self._note(recurrence.name, (recurrence.initial, recurrence.following))
                self._note_users(item.items)

    def _note(self, user: str, operands: Iterable[Operand]) -> None:
        for operand in operands:
            value = self.operand(operand)
            if isinstance(value, str):
                self._users[value].add(user)


def _straight_operations(item: Item) -> tuple[Operation, ...]:
    return item.operations if isinstance(item, Straight) else ()


def _step(recurrence: Recurrence, inside: Mapping[str, Operation]) -> Sum | None:
    """By how much a recurrence grows in every iteration, if that is a literal."""
    following = inside.get(recurrence.following) if isinstance(recurrence.following, str) else None
    if following is None or following.op != "add" or following.operands[0] != recurrence.name:
        return None
    return constant_sum(following.operands[1])
