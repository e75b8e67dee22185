"""Values that a loop keeps for nobody: what took them is the same without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from asnet.hls.kernel import Operand
from asnet.hls.nest.counters import pruned
from asnet.hls.nest.program import Carried, Node, Pipeline, Program, Repeat

__all__ = ["without_unused_results"]


def without_unused_results(program: Program) -> Program:
    """``program`` without results that no other loop takes, what only they needed, and loops that do nothing then.

    Loops with lanes stay as they are.
    """
    taken = {pipeline.name: set(_taken(pipeline)) for pipeline in program.pipelines}
    repeated = set(_taken_by_repeats(program.body))

    def kept(nodes: Iterable[Node]) -> Iterator[Node]:
        for node in nodes:
            if isinstance(node, Repeat):
                body = tuple(kept(node.body))
                if body or node.carried:
                    yield replace(node, body=body or node.body)
            elif isinstance(node, Pipeline):
                others = repeated.union(*(names for name, names in taken.items() if name != node.name))
                results = tuple(name for name in node.results if name in others)
                left = node if results == node.results else pruned(replace(node, results=results))
                if left.operations or left.results:
                    yield left
            else:
                yield node

    body = tuple(kept(program.body))
    return program if body == program.body else without_unused_results(replace(program, body=body))


def _taken(pipeline: Pipeline) -> Iterator[Operand]:
    """What a pipeline takes, values of its own included."""
    for operation in pipeline.operations:
        yield from operation.operands
    for condition in pipeline.conditions.values():
        yield from condition.flags
    yield from _starts_and_follows(pipeline.carried)


def _taken_by_repeats(nodes: Iterable[Node]) -> Iterator[Operand]:
    for node in nodes:
        if isinstance(node, Repeat):
            yield from _starts_and_follows(node.carried)
            yield from _taken_by_repeats(node.body)


def _starts_and_follows(values: Iterable[Carried]) -> Iterator[Operand]:
    for carried in values:
        yield from (carried.initial, carried.following)
