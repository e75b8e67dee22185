"""Layers that work word by word, moved to where the words are made: one pass fewer, and no memory between."""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from asnet.hls.kernel import Operand, Operation
from asnet.hls.nest.accesses import Access, accesses
from asnet.hls.nest.affine import Sum, affine_range
from asnet.hls.nest.counters import pruned
from asnet.hls.nest.digits import digits_of
from asnet.hls.nest.lanes import UNITS, unit_of
from asnet.hls.nest.program import Affine, Pipeline, Program
from asnet.hls.nest.reduction import independent, reduction
from asnet.ir import MemoryKind

__all__ = ["Fused", "fuse", "has_time"]


@dataclass(frozen=True)
class Fused:
    """The programs that are left. ``into``: layer that is none of its own any more → the one that it is part of.

    ``removed``: memories that nobody needs any more.
    """

    programs: tuple[Program, ...]
    into: Mapping[str, str]
    removed: tuple[str, ...]


def fuse(programs: Sequence[Program], *, most: int = 1) -> Fused:
    """The layers of a network, in their order, with each that works word by word in the one that makes its words.

    It moves if nobody else reads these words, and everything else that it reads can be there before. Programs that are
    not arranged yet only. ``most``: operations of one unit for each word, at most, behind a reduction or without one.
    """
    left = list(programs)
    groups: dict[str, tuple[str, ...]] = {program.layer: (program.layer,) for program in programs}
    removed: list[str] = []
    place = 0
    while place < len(left):
        found = next(_moves(left, place, most), None)
        if found is None:
            place += 1
            continue
        maker, memory, merged, at = found
        groups[merged.layer] += groups.pop(left[place].layer)
        removed.append(memory)
        left[at] = merged
        del left[maker + place - at]
        place = at if at < place else place - 1
    into = {member: maker for maker, members in groups.items() for member in members[1:]}
    return Fused(tuple(left), into, tuple(removed))


def _moves(programs: Sequence[Program], place: int, most: int) -> Iterator[tuple[int, str, Program, int]]:
    """Where the layer at ``place`` may move: the maker, the memory that is saved, both as one, and its place."""
    layer = programs[place]
    if len(layer.body) != 1:
        return
    (node,) = layer.body
    if not isinstance(node, Pipeline) or node.carried or node.conditions or node.results or not independent(node):
        return
    found = accesses(node)
    stores = [access for access in found if access.store]
    if len(stores) != 1 or not _closed(node) or _writers(programs, stores[0].memory) != [place]:
        return
    makers = {access.memory: _writers(programs, access.memory) for access in found if not access.store}
    for access in sorted((a for a in found if not a.store), key=lambda a: makers[a.memory], reverse=True):
        users = [at for at, program in enumerate(programs) if access.memory in program.memory]
        if len(users) != 2 or users[1] != place or makers[access.memory] != users[:1]:
            continue
        at = _place(programs, users[0], place)
        if at is not None and sum(other.memory == access.memory for other in found) == 1:
            merged = _merged(programs[users[0]], layer, node, access, most)
            if merged is not None:
                yield users[0], access.memory, merged, at


def _place(programs: Sequence[Program], maker: int, place: int) -> int | None:
    """Where both programs can be one: where the later one is, or where the earlier one is."""
    between = range(maker + 1, place)
    for one, other in ((place, maker), (maker, place)):
        moved = programs[other]
        if all(_apart(moved, programs[at]) for at in between):
            return one
    return None


def _apart(one: Program, other: Program) -> bool:
    """Whether the order of two programs does not matter."""
    stores = [_stored(program) for program in (one, other)]
    return stores[0].isdisjoint(other.memory) and stores[1].isdisjoint(one.memory)


def _stored(program: Program) -> set[str]:
    return {o.detail for pipeline in program.pipelines for o in pipeline.operations if o.op == "store"}


def _closed(pipeline: Pipeline) -> bool:
    """Whether it uses no value of another node."""
    own = {*pipeline.operation, *pipeline.affine, *(counter.name for counter in pipeline.counters)}
    return all(value in own for o in pipeline.operations for value in o.operands if isinstance(value, str))


def _writers(programs: Sequence[Program], memory: str) -> list[int]:
    return [at for at, program in enumerate(programs) if memory in _stored(program)]


def _merged(maker: Program, layer: Program, loop: Pipeline, load: Access, most: int) -> Program | None:
    """Both layers as one program; None if the words are not made one by one, each once."""
    memory = maker.memory[load.memory]
    if memory.kind != MemoryKind.ACTIVATION:
        return None
    touching = [(p, o) for p in maker.pipelines for o in p.operations if o.is_memory and o.detail == memory.name]
    if len(touching) != 1 or touching[0][0] not in maker.body:
        return None
    (target, store), *_ = touching
    (made,) = (access for access in accesses(target) if access.operation is store)
    if made.index is None or made.cells != memory.size or not independent(target) or load.index is None:
        return None
    if not has_time(target, loop.operations, most):
        return None
    extents = {counter.name: counter.extent for counter in target.counters}
    counters = _counters(made, load, extents)
    if counters is None or prod(counter.extent for counter in loop.counters) != memory.size:
        return None
    joined = _joined(target, store, layer.layer, loop, load, counters)
    if joined is None:
        return None
    body = tuple(joined if node is target else node for node in maker.body)
    memories = {item.name: item for item in (*maker.memories, *layer.memories) if item.name != memory.name}
    return replace(maker, memories=tuple(memories.values()), body=body)


def has_time(loop: Pipeline, more: Iterable[Operation], most: int) -> bool:
    """Whether no unit has more than ``most`` operations for each word behind a reduction with ``more`` in ``loop``."""
    found = reduction(loop)
    own = [operation for operation in loop.operations if found is None or operation.name not in found.core]
    units, added = (Count(unit_of(o) for o in part if o.op in UNITS) for part in (own, more))
    return all(units[unit] + count <= most for unit, count in added.items())


def _counters(made: Access, load: Access, extents: Mapping[str, int]) -> Mapping[str, Sum] | None:
    """The counters that read a word, by those that make it."""
    assert made.index is not None
    used = {name: step for name, step in made.index.strides.items() if step}
    found = digits_of(load, Sum(used, made.index.offset), extents) if used.keys() <= extents.keys() else None
    if found is None:
        return None
    for digit in found:
        low, high = affine_range(digit.value.terms, digit.value.offset, extents)
        if low < 0 or high >= digit.extent:
            return None
    return {digit.counter: digit.value for digit in found}


def _joined(
    target: Pipeline, store: Operation, name: str, loop: Pipeline, load: Access, counters: Mapping[str, Sum]
) -> Pipeline | None:
    """``target`` with the operations of ``loop`` in place of ``store``; None if a memory would need more ports."""
    loaded = {operation.detail: operation for operation in target.operations if operation.op == "load"}
    affine = dict(target.affine)
    names: dict[str, Operand] = {load.operation.name: store.operands[1]}
    operations: list[Operation] = []
    conditions = {key: item for key, item in target.conditions.items() if key != store.name}

    def here(value: Operand) -> Operand:
        if not isinstance(value, str) or value in names:
            return names.get(value, value) if isinstance(value, str) else value
        own = loop.affine.get(value, Affine({value: 1}) if value in counters else None)
        if own is None:
            return value
        total = Sum({}, own.offset)
        for counter, step in own.strides.items():
            total = total.plus(counters[counter], step)
        affine[f"{name}.{value}"] = total.affine
        names[value] = f"{name}.{value}"
        return names[value]

    for operation in target.operations:
        if operation is not store:
            operations.append(operation)
            continue
        for moved in loop.operations:
            if moved is load.operation:
                continue
            made = replace(moved, name=f"{name}.{moved.name}", operands=tuple(here(value) for value in moved.operands))
            if made.op == "load" and made.detail in loaded:
                same = loaded[made.detail]
                if not _same(affine, made.operands[0], same.operands[0]):
                    return None
                names[moved.name] = same.name
                continue
            names[moved.name] = made.name
            operations.append(made)
            if made.op == "store" and store.name in target.conditions:
                conditions[made.name] = target.conditions[store.name]
    return pruned(replace(target, operations=tuple(operations), affine=affine, conditions=conditions))


def _same(affine: Mapping[str, Affine], a: Operand, b: Operand) -> bool:
    """Whether two addresses are the same sum of counters."""
    return a == b or _terms(affine, a) == _terms(affine, b)


def _terms(affine: Mapping[str, Affine], index: Operand) -> Sum:
    found = affine.get(index, Affine({index: 1})) if isinstance(index, str) else Affine({}, index.bits)
    return Sum({name: step for name, step in found.strides.items() if step}, found.offset)
