"""Values that a loop keeps for nobody: what took them is the same without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from asnet.hls.kernel import Operand
from asnet.hls.nest.counters import pruned, reached
from asnet.hls.nest.program import Carried, Node, Pipeline, Program, Repeat, Streamed

__all__ = ["without_unused_results"]


def without_unused_results(program: Program) -> Program:
    """``program`` without results and values of repeats that no store depends on, what only they needed, and loops that
    do nothing then.

    Loops with lanes stay as they are.
    """
    repeated = {value.name: (value.initial, value.following) for value in _repeated(program.body)}
    sources = {"": repeated} | {pipeline.name: pipeline.sources for pipeline in program.pipelines}
    alive = reached(_first(program.body), sources.values())
    takers: dict[Operand, set[str]] = {}
    for place, found in sources.items():
        for operand in (operand for name, operands in found.items() if name in alive for operand in operands):
            takers.setdefault(operand, set()).add(place)

    def kept(nodes: Iterable[Node]) -> Iterator[Node]:
        for node in nodes:
            if isinstance(node, Repeat):
                body = tuple(kept(node.body))
                carried = tuple(value for value in node.carried if value.name in alive)
                if body or carried:
                    yield replace(node, body=body or node.body, carried=carried)
            elif isinstance(node, Pipeline):
                results = tuple(name for name in node.results if takers.get(name, set()) - {node.name})
                left = node if results == node.results else pruned(replace(node, results=results))
                if left.operations or left.results:
                    yield left
            else:
                yield node

    body = tuple(kept(program.body))
    return program if body == program.body else replace(program, body=body)


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
                yield from node.stores
            case Streamed():
                yield from (*node.main.sources, *node.tail.sources)
            case Repeat():
                yield from _first(node.body)
