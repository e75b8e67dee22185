"""Layers that work word by word, moved to where the words are made: one pass fewer, and no memory between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from asnet.hls.kernel import Operand, Operation
from asnet.hls.nest.accesses import Access, accesses
from asnet.hls.nest.affine import Sum, affine_range
from asnet.hls.nest.counters import pruned
from asnet.hls.nest.digits import digits_of
from asnet.hls.nest.lanes import UNITS
from asnet.hls.nest.program import Affine, Pipeline, Program
from asnet.hls.nest.reduction import independent, reduction
from asnet.ir import MemoryKind

__all__ = ["Fused", "fuse"]


@dataclass(frozen=True)
class Fused:
    """The programs that are left. ``into``: layer that is none of its own any more → the one that it is part of.

    ``removed``: memories that nobody needs any more.
    """

    programs: tuple[Program, ...]
    into: Mapping[str, str]
    removed: tuple[str, ...]


def fuse(programs: Sequence[Program]) -> Fused:
    """The layers of a network, in their order, with each that works word by word in the one that makes its words.

    It moves if nobody else reads these words, everything else that it reads is there before, and its units have time
    enough there: not more operations on units for each word than iterations. Not yet arranged programs only.
    """
    left = list(programs)
    into: dict[str, str] = {}
    removed: list[str] = []
    place = 0
    while place < len(left):
        found = next(_moves(left, place), None)
        if found is None:
            place += 1
            continue
        maker, memory, merged = found
        into |= {layer: merged.layer for layer, old in into.items() if old == left[place].layer}
        into[left[place].layer] = merged.layer
        removed.append(memory)
        left[maker] = merged
        del left[place]
    return Fused(tuple(left), into, tuple(removed))


def _moves(programs: Sequence[Program], place: int) -> Iterator[tuple[int, str, Program]]:
    """Where the layer at ``place`` may move: the program, the memory that is saved, both layers as one."""
    layer = programs[place]
    if layer.images > 1 or len(layer.body) != 1:
        return
    (node,) = layer.body
    if not isinstance(node, Pipeline) or node.carried or node.conditions or node.results or not independent(node):
        return
    found = accesses(node)
    stores = [access for access in found if access.store]
    if len(stores) != 1 or any(stores[0].memory in other.memory for other in programs[:place]):
        return
    makers = {access.memory: _writers(programs, access.memory) for access in found if not access.store}
    for access in sorted((a for a in found if not a.store), key=lambda a: makers[a.memory], reverse=True):
        maker = makers[access.memory]
        others = [at for name, ats in makers.items() if name != access.memory for at in ats]
        users = [at for at, program in enumerate(programs) if access.memory in program.memory]
        if len(maker) != 1 or users != [*maker, place] or any(at >= maker[0] for at in others):
            continue
        if sum(a.memory == access.memory for a in found) == 1:
            merged = _merged(programs[maker[0]], layer, node, access)
            if merged is not None:
                yield maker[0], access.memory, merged


def _writers(programs: Sequence[Program], memory: str) -> list[int]:
    return [
        at
        for at, program in enumerate(programs)
        if any(o.op == "store" and o.detail == memory for p in program.pipelines for o in p.operations)
    ]


def _merged(maker: Program, layer: Program, loop: Pipeline, load: Access) -> Program | None:
    """Both layers as one program; None if the words are not made one by one, each once."""
    memory = maker.memory[load.memory]
    if maker.images > 1 or memory.kind != MemoryKind.ACTIVATION:
        return None
    touching = [(p, o) for p in maker.pipelines for o in p.operations if o.is_memory and o.detail == memory.name]
    if len(touching) != 1 or touching[0][0] not in maker.body:
        return None
    (target, store), *_ = touching
    (made,) = (access for access in accesses(target) if access.operation is store)
    if made.index is None or made.cells != memory.size or not independent(target) or load.index is None:
        return None
    found = reduction(target)
    own = _units(operation for operation in target.operations if found is None or operation.name not in found.core)
    if 0 < _units(loop.operations) > target.iterations // made.cells - own:
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


def _units(operations: Iterable[Operation]) -> int:
    return sum(operation.op in UNITS for operation in operations)


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
