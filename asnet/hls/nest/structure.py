"""Kernels as programs: which loops become one flat loop, which are repeated, in which order they run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asnet.hls.kernel import Constant, Kernel, Operand, Operation
from asnet.hls.nest.affine import Sum
from asnet.hls.nest.flatten import Level, flatten
from asnet.hls.nest.program import Carried, Node, Pipeline, Program, Repeat
from asnet.hls.nest.scope import Scope
from asnet.hls.nest.tree import Item, Loop, Straight, loop_tree, operations_in

__all__ = ["structure"]


def structure(kernel: Kernel) -> Program:
    """``kernel`` as flat loops.

    Loops inside each other, one in each, become one :class:`Pipeline`; what stands before, after and between such
    nests becomes part of a nest beside it where their memories differ, else a pipeline without counters. A loop around
    several becomes a :class:`Repeat`. Sums of counters become affine values.

    Raises:
        NotCounted: the control flow is not counted loops around straight-line code.
    """
    scope = Scope(loop_tree(kernel))
    nodes = _Structure(scope).nodes(scope.items, ())
    return Program(kernel.layer, kernel.memories, tuple(nodes))


class _Structure:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def nodes(self, items: Sequence[Item], repeats: tuple[str, ...]) -> list[Node]:
        """``items`` as nodes, inside the counters ``repeats``."""
        nodes: list[Node] = []
        for name, before, loop, after in self._groups(items):
            levels = None if loop is None else self._chain(loop)
            if loop is not None and levels is None:
                nodes.extend(self._repeat(loop, repeats))
                continue
            around = Level(None, (), before, after)
            nodes.append(flatten(self._scope, name, [around, *(levels or ())], repeats))
        return [node for node in nodes if not (isinstance(node, Pipeline) and _empty(node))]

    def _groups(
        self, items: Sequence[Item]
    ) -> Iterable[tuple[str, tuple[Operation, ...], Loop | None, tuple[Operation, ...]]]:
        """Each loop with the straight-line code around that can be part of its pipeline; the rest alone."""
        waiting: Straight | None = None
        last: Loop | None = None
        before: tuple[Operation, ...] = ()
        for item in items:
            if isinstance(item, Loop):
                if last is not None:
                    yield last.name, before, last, ()
                before, last = (), item
                if waiting is not None:
                    if self._joins(waiting, item):
                        before = waiting.operations
                    else:
                        yield waiting.name, waiting.operations, None, ()
                    waiting = None
            elif last is not None and self._joins(item, last) and self._takes(item, last, before):
                yield last.name, before, last, item.operations
                last = None
            else:
                if last is not None:
                    yield last.name, before, last, ()
                    last = None
                waiting = item
        if last is not None:
            yield last.name, before, last, ()
        if waiting is not None:
            yield waiting.name, waiting.operations, None, ()

    def _joins(self, code: Straight, loop: Loop) -> bool:
        """Whether ``code`` beside ``loop`` can be part of its pipeline without asking more of any memory's ports."""
        inside = {operation.detail for operation in operations_in(loop) if operation.is_memory}
        own = [operation.detail for operation in code.operations if operation.is_memory]
        return self._chain(loop) is not None and len(own) == len(set(own)) and inside.isdisjoint(own)

    def _takes(self, code: Straight, loop: Loop, before: tuple[Operation, ...]) -> bool:
        """Whether ``code`` takes a value of ``loop``."""
        users = {operation.name for operation in code.operations}
        made = {operation.name for operation in (*before, *operations_in(loop))}
        made |= {recurrence.name for inner in _loops(loop) for recurrence in inner.recurrences}
        return any(self._scope.users(value) & users for value in made)

    def _chain(self, loop: Loop) -> list[Level] | None:
        """The levels of a nest with at most one loop in each loop; None if it is not such."""
        inner = [item for item in loop.items if isinstance(item, Loop)]
        if len(inner) > 1:
            return None
        counter = self._scope.counter(loop)
        place = loop.items.index(inner[0]) if inner else len(loop.items)
        before = tuple(operation for item in loop.items[:place] for operation in operations_in(item))
        after = tuple(operation for item in loop.items[place + 1 :] for operation in operations_in(item))
        rest = self._chain(inner[0]) if inner else []
        return None if rest is None else [Level(counter, loop.recurrences, before, after), *rest]

    def _repeat(self, loop: Loop, repeats: tuple[str, ...]) -> list[Node]:
        counter = self._scope.counter(loop)
        inside = (*repeats, counter.name)
        first: list[Node] = []
        starts = [self._named(r.name, "initial", r.width, r.initial, repeats, first) for r in loop.recurrences]
        body = self.nodes(loop.items, inside)
        carried: list[Carried] = []
        for recurrence, initial in zip(loop.recurrences, starts, strict=True):
            name, width = recurrence.name, recurrence.width
            following = self._named(name, "following", width, recurrence.following, inside, body)
            carried.append(Carried(name, width, initial, following, (counter.name,), 1, recurrence.source))
        return [*first, Repeat(counter, tuple(carried), tuple(body))]

    def _named(
        self, name: str, what: str, width: int, value: Operand, running: tuple[str, ...], nodes: list[Node]
    ) -> Operand:
        """``value`` as an operand of a repeat: a sum of counters is computed by a pipeline of its own."""
        found = self._scope.resolve(value, running)
        if not isinstance(found, Sum):
            return found
        made = f"{name}.{what}"
        operands = (f"{made}.index", Constant(0, width))
        operation = Operation(made, "add", operands, width, (width, width), f"%{name}")
        nodes.append(Pipeline(made, (), (operation,), {f"{made}.index": found.affine}, results=(made,)))
        return made


def _loops(loop: Loop) -> Iterable[Loop]:
    yield loop
    for item in loop.items:
        if isinstance(item, Loop):
            yield from _loops(item)


def _empty(pipeline: Pipeline) -> bool:
    """Whether a pipeline does nothing that anybody sees."""
    return not pipeline.operations and not pipeline.results
