"""Which loop reads a memory through which port, and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from asnet.hls.nest import Counter, Node, Pipeline, Repeat, Streamed
from asnet.hls.planning.loop import LoopPlan
from asnet.hls.planning.plan import ProgramPlan
from asnet.hls.storage import PortUse

__all__ = ["port_uses"]


def port_uses(plan: ProgramPlan, memory: str) -> tuple[tuple[PortUse, ...], ...]:
    """How the loops of ``plan`` read ``memory``: those together that run at the same time, a main loop and its tail.

    No others meet: each uses the first port, or what it belongs to does (see :mod:`asnet.hls.planning.layout`).
    """
    found: list[tuple[PortUse, ...]] = []
    for loops, around in _nodes(plan.program.body, iter(plan.loops), ()):
        uses = [_use(loop, memory, around) for loop in loops]
        if together := tuple(use for use in uses if use.ports):
            found.append(together)
    return tuple(found)


def _nodes(
    nodes: Iterable[Node], loops: Iterator[LoopPlan], around: tuple[Counter, ...]
) -> Iterator[tuple[tuple[LoopPlan, ...], tuple[Counter, ...]]]:
    """The loops of each node that is no repeat, and the counters around it."""
    for node in nodes:
        match node:
            case Pipeline():
                yield (next(loops),), around
            case Streamed():
                yield (next(loops), next(loops)), around
            case Repeat():
                yield from _nodes(node.body, loops, (*around, node.counter))


def _use(loop: LoopPlan, memory: str, around: tuple[Counter, ...]) -> PortUse:
    loads = [o.name for o in loop.pipeline.operations if o.op == "load" and o.detail == memory]
    return PortUse(
        loop.pipeline,
        {name: loop.instance[name] for name in loads},
        {name: loop.start(name) for name in loads},
        around,
    )
