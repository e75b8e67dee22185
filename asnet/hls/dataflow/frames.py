"""How many images each buffer holds: no more than it takes that no layer waits for another one's room.

Where a stream goes around layers (a skip connection), its images wait for those that go through them: as many as these
layers have under way. That many is always enough; where the layers are faster than the slowest one, fewer are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from asnet.hls.dataflow.model import timing_of
from asnet.hls.dataflow.plan import INPUT, Plan

__all__ = ["balanced"]

_LEAST = 2


def balanced(plan: Plan) -> Plan:
    """``plan`` with buffers for the best interval; with those that are always enough where its timing is unknown."""
    wanted = _enough(plan)
    found = _with(plan, wanted)
    timing = timing_of(found)
    if timing is None:
        return found
    for place in sorted(wanted):
        for frames in range(_LEAST, wanted[place]):
            smaller = timing_of(_with(plan, {**wanted, place: frames}))
            if smaller is not None and smaller.interval <= timing.interval:
                wanted[place] = frames
                break
    return _with(plan, wanted)


def _enough(plan: Plan) -> dict[tuple[int, str], int]:
    """(layer, memory) → images that a buffer has to hold at most, where those are more than two.

    The network's output is the layer behind all others.
    """
    level = {INPUT: 0}
    producer = {stream.memory.name: stream.producer for stream in plan.streams}
    for node in plan.nodes:
        level[node.index] = node.replicas + max(level[producer[inlet.memory.name]] for inlet in node.inlets)
    end = len(plan.nodes)
    level[end] = 1 + max(level[stream.producer] for stream in plan.outputs)
    readers = [(node.index, inlet.memory.name) for node in plan.nodes for inlet in node.inlets]
    readers += [(end, stream.memory.name) for stream in plan.outputs]
    distance = {place: level[place[0]] - level[producer[place[1]]] for place in readers}
    return {place: 1 + steps for place, steps in distance.items() if 1 + steps > _LEAST}


def _with(plan: Plan, frames: Mapping[tuple[int, str], int]) -> Plan:
    """``plan`` with other buffers."""
    end = len(plan.nodes)
    nodes = tuple(
        replace(
            node,
            inlets=tuple(
                replace(inlet, frames=frames.get((node.index, inlet.memory.name), inlet.frames))
                for inlet in node.inlets
            ),
        )
        for node in plan.nodes
    )
    streams = tuple(
        replace(stream, frames=frames.get((end, stream.memory.name), stream.frames)) if stream.output else stream
        for stream in plan.streams
    )
    return Plan(nodes, streams)
