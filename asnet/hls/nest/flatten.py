"""One flat loop out of nested ones: every operation in every iteration, values held where they are needed longer.

Of a value that an outer loop computes before its inner loop, only the first of the inner iterations need have the
right one; of a value after it, only the last. So each value has *phases*, per counter: the first, the last or all of
its iterations, in which it is right, and in which it is needed. Where it is needed longer than it is right, a carried
value holds it. Pure operations, and loads from memories that the nest does not write, are right always: they are done
again in every iteration.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod

from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.nest.affine import Sum
from asnet.hls.nest.program import Affine, Carried, Condition, Counter, Pipeline
from asnet.hls.nest.scope import Scope
from asnet.hls.nest.tree import NotCounted, Recurrence

__all__ = ["Level", "flatten"]

_FIRST, _LAST, _ALL = 1, 2, 7
"""Sets of iterations of a counter; what is neither the first nor the last is 4."""

_Phases = tuple[int, ...]


@dataclass(frozen=True)
class Level:
    """A loop of the nest: its counter (None: no loop around), recurrences, operations before and after the next."""

    counter: Counter | None
    recurrences: tuple[Recurrence, ...]
    before: tuple[Operation, ...]
    after: tuple[Operation, ...] = ()


@dataclass(frozen=True)
class _Step:
    """An operation or recurrence in the order of the body. ``depth``: the counters around it; ``phases``: when."""

    item: Operation | Recurrence
    depth: int
    phases: _Phases

    @property
    def name(self) -> str:
        return self.item.name

    def accessed(self, op: str) -> str:
        """The memory that it accesses if it is the operation ``op``; "" if it is not."""
        return self.item.detail if isinstance(self.item, Operation) and self.item.op == op else ""


def flatten(scope: Scope, name: str, levels: Sequence[Level], repeats: tuple[str, ...]) -> Pipeline:
    """``levels``, the outermost first, as one loop. ``repeats``: counters around it, of loops that it is not part of.

    Values that are used elsewhere become results; ``scope`` knows them by their new name then.
    """
    return _Flattener(scope, name, levels, repeats).pipeline()


class _Flattener:
    def __init__(self, scope: Scope, name: str, levels: Sequence[Level], repeats: tuple[str, ...]) -> None:
        self._scope = scope
        self._name = name
        self._repeats = repeats
        self._counters = tuple(level.counter for level in levels if level.counter is not None)
        self._over = tuple(counter.name for counter in self._counters)
        self._steps = self._ordered(levels)
        self._step = {step.name: step for step in self._steps}
        self._written = {step.accessed("store") for step in self._steps} - {""}
        self._exported = [
            step.name
            for step in self._steps
            if not step.accessed("store") and any(user not in self._step for user in scope.users(step.name))
        ]
        self._right: dict[str, _Phases] = {}
        self._affine: dict[str, Affine] = {}
        self._held: dict[tuple[str, int], str] = {}
        self._carried: dict[str, Carried] = {}
        self._conditions: dict[str, Condition] = {}

    def pipeline(self) -> Pipeline:
        needed = self._needed(self._alive())
        operations: list[Operation] = []
        for step in self._steps:
            if step.name not in needed:
                continue
            if isinstance(step.item, Recurrence):
                self._start(step, step.item, needed[step.name])
            else:
                operations.append(self._operation(step, step.item, needed[step.name]))
        for step in self._steps:
            if isinstance(step.item, Recurrence) and step.name in self._carried:
                following = self._fetch(step.item.following, self._end_of(step), step.depth)
                self._carried[step.name] = replace(self._carried[step.name], following=following)
        results: list[str] = []
        for value in self._exported:
            found = self._fetch(value, (_LAST,) * len(self._over), 0)
            self._scope.rename(value, found)
            results += [found] if isinstance(found, str) else []
        carried = _merged(self._carried.values(), operations, self._conditions, results)
        crossing = [self._over.index(name) for value in carried for name in value.over]
        return Pipeline(
            self._name,
            self._counters,
            tuple(operations),
            dict(self._affine),
            carried,
            dict(self._conditions),
            tuple(dict.fromkeys(results)),
            min(crossing, default=len(self._over)),
        )

    def _ordered(self, levels: Sequence[Level]) -> tuple[_Step, ...]:
        count = len(self._counters)
        before: list[_Step] = []
        after: list[_Step] = []
        depth = 0
        for level in levels:
            depth += level.counter is not None
            outside = (_ALL,) * depth
            first, last = outside + (_FIRST,) * (count - depth), outside + (_LAST,) * (count - depth)
            before += [_Step(item, depth, first) for item in (*level.recurrences, *level.before)]
            after[:0] = [_Step(item, depth, last) for item in level.after]
        return (*before, *after)

    def _impure(self, step: _Step) -> bool:
        return step.accessed("load") in self._written

    def _operands(self, step: _Step) -> tuple[Operand, ...]:
        if isinstance(step.item, Recurrence):
            return (step.item.initial, step.item.following)
        return (*step.item.operands, *self._scope.flags.get(step.name, ()))

    def _members(self, operands: Iterable[Operand]) -> list[str]:
        """The operands that this loop computes."""
        found = (self._scope.resolve(operand, ()) for operand in operands)
        return [value for value in found if isinstance(value, str) and value in self._step]

    def _alive(self) -> Collection[str]:
        work = [step.name for step in self._steps if step.accessed("store")] + self._exported
        alive: set[str] = set()
        while work:
            name = work.pop()
            if name not in alive:
                alive.add(name)
                work += self._members(self._operands(self._step[name]))
        return alive

    def _end_of(self, step: _Step) -> _Phases:
        """When what follows a recurrence is needed: at the end of each iteration of its loop."""
        return (_ALL,) * step.depth + (_LAST,) * (len(self._over) - step.depth)

    def _begin_of(self, step: _Step, needed: _Phases) -> _Phases:
        """When what a recurrence starts with is needed."""
        inner = needed[step.depth :] if self._late(step, needed) else (_FIRST,) * (len(self._over) - step.depth)
        return (*needed[: step.depth - 1], _FIRST, *inner)

    def _late(self, step: _Step, needed: _Phases) -> bool:
        """Whether a recurrence is only needed after all inner loops."""
        return all(phase | _LAST == _LAST for phase in needed[step.depth :])

    def _needed(self, alive: Collection[str]) -> dict[str, _Phases]:
        needed: dict[str, _Phases] = {}

        def ask(operands: Iterable[Operand], phases: _Phases) -> None:
            for name in self._members(operands):
                known = needed.get(name, (0,) * len(phases))
                needed[name] = tuple(a | b for a, b in zip(known, phases, strict=True))

        for step in self._steps:
            if step.name in alive and isinstance(step.item, Recurrence):
                ask([step.item.following], self._end_of(step))
        ask(self._exported, (_LAST,) * len(self._over))
        for step in reversed(self._steps):
            if step.name not in alive:
                continue
            wanted = needed.setdefault(step.name, step.phases)
            if isinstance(step.item, Recurrence):
                ask([step.item.initial], self._begin_of(step, wanted))
            else:
                ask(self._operands(step), step.phases if self._impure(step) else wanted)
        return needed

    def _fetch(self, operand: Operand, needed: _Phases, depth: int) -> Operand:
        """The name under which ``operand`` is right when ``needed``, by something inside ``depth`` counters."""
        running = (*self._repeats, *self._over[:depth])
        found = self._scope.resolve(operand, running)
        if isinstance(found, Sum):
            return self._index(self._scope.operand(operand), found)
        if isinstance(found, Constant) or found not in self._step:
            return found
        right = self._seen(found, depth)
        short = [k for k, (a, b) in enumerate(zip(right, needed, strict=True)) if b & ~a]
        if not short:
            return found
        if any(not phase & _FIRST for phase in right[short[0] :]):
            raise NotCounted(f"value {found!r} of loop {self._name!r} is used in iterations before it is computed")
        return self._hold(found, short[0])

    def _seen(self, value: str, depth: int) -> _Phases:
        """When ``value`` is right for something inside ``depth`` counters: deeper, once those loops have ended."""
        right = self._right[value]
        deeper = self._step[value].depth if value in self._step else depth
        return tuple(p & _LAST if depth <= k < deeper else p for k, p in enumerate(right))

    def _hold(self, value: str, outermost: int) -> str:
        """A carried value that keeps what ``value`` is in the first iteration of counter ``outermost`` and inside."""
        key = value, outermost
        if key not in self._held:
            name = f"{value}.held.{outermost}"
            width, source = self._scope.width(value), self._step[value].item.source
            self._carried[name] = Carried(name, width, value, name, self._over[outermost:], 1, source)
            self._held[key] = name
        return self._held[key]

    def _index(self, value: Operand, found: Sum) -> str:
        """The name of a sum of counters: the counter's, if it is one."""
        if found.offset == 0 and list(found.terms.values()) == [1]:
            return next(iter(found.terms))
        affine = found.affine
        known = next((name for name, other in self._affine.items() if other == affine), None)
        if known is not None:
            return known
        name = str(value)
        while name in self._affine or name in self._scope.extents:
            name += ".last"
        self._affine[name] = affine
        return name

    def _start(self, step: _Step, recurrence: Recurrence, needed: _Phases) -> None:
        own = step.depth - 1
        late = self._late(step, needed)
        initial = self._fetch(recurrence.initial, self._begin_of(step, needed), own)
        over = self._over[own : own + 1] if late else self._over[own:]
        distance = prod(counter.extent for counter in self._counters[step.depth :]) if late else 1
        self._carried[recurrence.name] = Carried(
            recurrence.name, recurrence.width, initial, recurrence.name, over, distance, recurrence.source
        )
        outside = self._right.get(str(initial), (_ALL,) * len(self._over))[:own]
        inside = (_LAST if late else _FIRST,) * (len(self._over) - step.depth)
        self._right[recurrence.name] = (*outside, _ALL, *inside)

    def _operation(self, step: _Step, operation: Operation, needed: _Phases) -> Operation:
        fixed = operation.op == "store" or self._impure(step)
        wanted = step.phases if fixed else needed
        right = step.phases if fixed else (_ALL,) * len(self._over)
        flags = self._scope.flags.get(operation.name, ())
        fetched = [self._fetch(operand, wanted, step.depth) for operand in (*operation.operands, *flags)]
        for value in fetched:
            if isinstance(value, str) and value in self._right:
                right = tuple(a & b for a, b in zip(right, self._seen(value, step.depth), strict=True))
        self._right[operation.name] = right
        count = len(operation.operands)
        if fixed:
            self._condition(step, tuple(fetched[count:]))
        return replace(operation, operands=tuple(fetched[:count]))

    def _condition(self, step: _Step, flags: tuple[Operand, ...]) -> None:
        bounds: dict[str, tuple[int, int]] = {}
        for counter, phase in zip(self._counters, step.phases, strict=True):
            if phase != _ALL:
                bounds[counter.name] = (0, 0) if phase == _FIRST else (counter.extent - 1, counter.extent - 1)
        if bounds or flags:
            self._conditions[step.name] = Condition(bounds, flags)


def _merged(
    values: Iterable[Carried], operations: Iterable[Operation], conditions: dict[str, Condition], results: list[str]
) -> tuple[Carried, ...]:
    """Chains of carried values that follow one value made one, and those that nobody uses left out."""
    carried = {value.name: value for value in values}
    changed = True
    while changed:
        changed = False
        for value in carried.values():
            outer = carried.get(value.initial) if isinstance(value.initial, str) else None
            if (
                outer is not None
                and outer is not value
                and outer.following == value.following
                and outer.distance == value.distance
                and outer.over[-len(value.over) :] == value.over
                and value.following != value.name
            ):
                carried[value.name] = replace(value, initial=outer.initial, over=outer.over)
                changed = True
                break
    used: list[Operand] = [operand for operation in operations for operand in operation.operands]
    used += [flag for condition in conditions.values() for flag in condition.flags] + results
    alive: set[str] = set()
    while used:
        name = used.pop()
        if isinstance(name, str) and name in carried and name not in alive:
            alive.add(name)
            used += [carried[name].initial, carried[name].following]
    return tuple(value for value in carried.values() if value.name in alive)
