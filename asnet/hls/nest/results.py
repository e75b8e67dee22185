"""Values that a loop keeps for nobody: what took them is the same without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from asnet.hls.kernel import Operand
from asnet.hls.nest.counters import pruned
from asnet.hls.nest.program import Carried, Condition, Node, Pipeline, Program, Repeat, Streamed

__all__ = ["without_unused_results"]


def without_unused_results(program: Program) -> Program:
    """``program`` without results and values of repeats that no store depends on, what only they needed, and loops that
    do nothing then.

    Loops with lanes stay as they are.
    """
    taken = {pipeline.name: dict(_taken(pipeline)) for pipeline in program.pipelines}
    repeated = {value.name: (value.initial, value.following) for value in _repeated(program.body)}
    alive = _reached(_first(program.body), [repeated, *taken.values()])

    def outside(pipeline: Pipeline) -> set[Operand]:
        """What other loops and repeats take of those values that count."""
        others = [repeated, *(found for name, found in taken.items() if name != pipeline.name)]
        return {operand for found in others for name, takes in found.items() if name in alive for operand in takes}

    def kept(nodes: Iterable[Node]) -> Iterator[Node]:
        for node in nodes:
            if isinstance(node, Repeat):
                body = tuple(kept(node.body))
                carried = tuple(value for value in node.carried if value.name in alive)
                if body or carried:
                    yield replace(node, body=body or node.body, carried=carried)
            elif isinstance(node, Pipeline):
                others = outside(node)
                results = tuple(name for name in node.results if name in others)
                left = node if results == node.results else pruned(replace(node, results=results))
                if left.operations or left.results:
                    yield left
            else:
                yield node

    body = tuple(kept(program.body))
    return program if body == program.body else replace(program, body=body)


def _taken(pipeline: Pipeline) -> Iterator[tuple[str, tuple[Operand, ...]]]:
    """Each value and store of a pipeline, and what it depends on at once."""
    for operation in pipeline.operations:
        yield operation.name, (*operation.operands, *pipeline.conditions.get(operation.name, Condition()).flags)
    for value in pipeline.carried:
        yield value.name, (value.initial, value.following)


def _repeated(nodes: Iterable[Node]) -> Iterator[Carried]:
    for node in nodes:
        if isinstance(node, Repeat):
            yield from node.carried
            yield from _repeated(node.body)


def _first(nodes: Iterable[Node]) -> Iterator[str]:
    """Stores, and all that loops with lanes have."""
    for node in nodes:
        match node:
            case Pipeline():
                yield from (operation.name for operation in node.operations if operation.op == "store")
            case Streamed():
                yield from (name for pipeline in (node.main, node.tail) for name, _ in _taken(pipeline))
            case Repeat():
                yield from _first(node.body)


def _reached(first: Iterable[Operand], taken: Iterable[Mapping[str, tuple[Operand, ...]]]) -> set[Operand]:
    """``first``, and all that they depend on; ``taken``: value → what it takes at once."""
    takes: dict[Operand, list[Operand]] = {}
    for name, operands in (item for each in taken for item in each.items()):
        takes.setdefault(name, []).extend(operands)
    work, found = list(first), set[Operand]()
    while work:
        operand = work.pop()
        if operand not in found:
            found.add(operand)
            work += takes.get(operand, ())
    return found
