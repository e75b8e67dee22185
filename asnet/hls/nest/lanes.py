"""Lanes: several iterations of a counter at once, and one pipeline for what they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.nest.counters import INDEX_WIDTH, distance, substituted
from asnet.hls.nest.program import Affine, Carried, Condition, Counter, Pipeline, Streamed
from asnet.hls.nest.reduction import Reduction, varying

__all__ = ["UNITS", "separable", "stream", "unit_of"]

UNITS = frozenset(("call", "fadd", "fsub", "fmul", "fdiv", "mul", "sitofp", "uitofp", "fptosi", "fptoui"))
"""Operations that are not made twice without need."""


def unit_of(operation: Operation) -> str | None:
    """The unit that ``operation`` runs on if every slot has one of its own: its opcode, or the slot's symbol."""
    if operation.op not in UNITS and operation.op != "fcmp":
        return None
    return operation.detail if operation.op == "call" else {"fsub": "fadd"}.get(operation.op, operation.op)


def separable(pipeline: Pipeline, found: Reduction) -> bool:
    """Whether everything outside the core is for the end of the reduction: every store counts only then."""
    last = _last(pipeline, found)
    stores = [operation for operation in pipeline.operations if operation.op == "store"]
    return (
        bool(stores)
        and found.parallel
        and set(pipeline.results) <= found.core
        and all(
            pipeline.conditions.get(store.name, Condition()).bounds.get(name) == (value, value)
            for store in stores
            for name, value in last.items()
        )
    )


def _last(pipeline: Pipeline, found: Reduction) -> Mapping[str, int]:
    return {counter.name: counter.extent - 1 for counter in pipeline.counters if counter.name in found.over}


def stream(pipeline: Pipeline, found: Reduction, lane: Counter) -> Streamed:
    """``pipeline`` as the core, once for every iteration of ``lane``, and what follows it.

    ``found`` is its :func:`reduction` and it is :func:`separable`; ``lane`` is a counter around the reduction (or, if
    its extent is 1, not yet one of the pipeline's).
    """
    crossing = _crossing(pipeline, found)
    main, copies = _main(pipeline, found, lane)
    last = _last(pipeline, found)
    names = {name: f"{name}.result" for name in crossing}
    return Streamed(
        main=main,
        tail=_tail(pipeline, found, lane, names),
        lane=lane.name,
        values={names[name]: tuple(copy.get(name, name) for copy in copies) for name in crossing},
        when=Condition({name: (value, value) for name, value in last.items() if value > 0}),
    )


def _main(pipeline: Pipeline, found: Reduction, lane: Counter) -> tuple[Pipeline, list[dict[str, str]]]:
    """The core with lanes, and for each lane: name → its name there, of what differs between lanes."""
    changing = varying(pipeline, lane.name)
    core = [operation for operation in pipeline.operations if operation.name in found.core]
    used = {value for operation in core for value in operation.operands}
    used |= {value for item in pipeline.carried for value in (item.initial, item.following)}
    own = {name for name in (*pipeline.affine, *found.core) if name in changing}
    own |= {item.name for item in pipeline.carried if item.name in changing}
    copies = [{name: _of_lane(name, index, lane.extent) for name in own} for index in range(lane.extent)]
    affine: dict[str, Affine] = {}
    operations: list[Operation] = []
    carried: list[Carried] = []
    conditions: dict[str, Condition] = {}
    counters = tuple(counter for counter in pipeline.counters if counter.name != lane.name)

    def here(value: Operand, index: int) -> Operand:
        if value == lane.name:
            return Constant(index, INDEX_WIDTH)
        return copies[index].get(value, value) if isinstance(value, str) else value

    def turns(name: str) -> range:
        return range(lane.extent if name in own else 1)

    for name, item in pipeline.affine.items():
        for index in turns(name) if name in used else ():
            affine[str(here(name, index))] = substituted(item, {lane.name: index})
    for operation in core:
        for index in turns(operation.name):
            name = str(here(operation.name, index))
            operands = tuple(here(value, index) for value in operation.operands)
            operations.append(replace(operation, name=name, operands=operands))
            hint = pipeline.conditions.get(operation.name)
            if hint is not None and not hint.flags and lane.name not in hint.bounds:
                conditions[name] = hint
    for item in pipeline.carried:
        for index in turns(item.name):
            name, initial = str(here(item.name, index)), here(item.initial, index)
            following = here(item.following, index)
            carried.append(replace(item, name=name, initial=initial, following=following))
    gate = next(index for index, counter in enumerate(counters) if counter.name in found.over)
    main = Pipeline(
        name=pipeline.name,
        counters=counters,
        operations=tuple(operations),
        affine=affine,
        carried=tuple(replace(item, distance=distance(counters, item)) for item in carried),
        conditions=conditions,
        results=pipeline.results,
        gate=gate,
    )
    return main, copies


def _of_lane(name: str, index: int, lanes: int) -> str:
    return name if lanes == 1 else f"{name}.l{index}"


def _crossing(pipeline: Pipeline, found: Reduction) -> tuple[str, ...]:
    """The values that the core hands on, in the order of the text."""
    needed = _wanted(pipeline, found)
    carried = {item.name for item in pipeline.carried}
    made = [item.name for item in pipeline.carried] + [operation.name for operation in pipeline.operations]
    used = {value for name in needed for value in pipeline.operation[name].operands}
    return tuple(
        name for name in made if name in used and name not in needed and (name in carried or name in found.core)
    )


def _wanted(pipeline: Pipeline, found: Reduction) -> set[str]:
    """The operations of the tail: what is not in the core, and what is cheaper to make again than to hand on."""
    reduced = {item.name for item in pipeline.carried}
    for operation in pipeline.operations:
        if operation.is_memory or operation.op in UNITS or not reduced.isdisjoint(operation.operands):
            reduced.add(operation.name)
    wanted = {operation.name for operation in pipeline.operations if operation.name not in found.core}
    wanted |= {value for item in pipeline.conditions.values() for value in item.flags if isinstance(value, str)}
    work = list(wanted)
    while work:
        for value in pipeline.operation[work.pop()].operands:
            if value in pipeline.operation and value not in wanted and not (value in found.core and value in reduced):
                wanted.add(str(value))
                work.append(str(value))
    return wanted


def _tail(pipeline: Pipeline, found: Reduction, lane: Counter, names: Mapping[str, str]) -> Pipeline:
    wanted = _wanted(pipeline, found)
    last = _last(pipeline, found)
    fixed: dict[str, Operand] = {name: Constant(value, INDEX_WIDTH) for name, value in last.items()}
    fixed |= {lane.name: Constant(0, INDEX_WIDTH)} if lane.extent == 1 else {}
    fixed |= names

    def here(value: Operand) -> Operand:
        return fixed.get(value, value) if isinstance(value, str) else value

    operations = tuple(
        replace(operation, operands=tuple(here(value) for value in operation.operands))
        for operation in pipeline.operations
        if operation.name in wanted
    )
    used = {value for operation in operations for value in operation.operands}
    used |= {value for item in pipeline.conditions.values() for value in item.flags}
    conditions = {
        name: Condition({c: b for c, b in item.bounds.items() if c not in last}, tuple(here(v) for v in item.flags))
        for name, item in pipeline.conditions.items()
        if name in wanted
    }
    outside = [counter for counter in pipeline.counters if counter.name in found.outside and counter.name != lane.name]
    inside = [counter for counter in pipeline.counters if counter.name in found.inside]
    counters = (*outside, lane, *inside)
    return Pipeline(
        name=f"{pipeline.name}.tail",
        counters=counters,
        operations=operations,
        affine={name: substituted(item, last) for name, item in pipeline.affine.items() if name in used},
        conditions={name: item for name, item in conditions.items() if item.bounds or item.flags},
        gate=len(outside),
    )
