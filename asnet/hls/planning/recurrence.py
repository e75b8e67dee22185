"""How many cycles a recurrence takes, before anybody knows how often iterations start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from asnet.hls.binder import Binder, Resource, memory_port, unit_port
from asnet.hls.nest import Carried, Pipeline
from asnet.hls.planning.problem import loop_problem
from asnet.hls.planning.values import Value
from asnet.hls.ranges import stored, top
from asnet.hls.scheduling import recurrence

__all__ = ["recurrence_cycles"]

_SOURCES = 2
"""Operations among which a port chooses, as far as its delay goes."""


def recurrence_cycles(binder: Binder, layer: str, clock: float) -> Callable[[Pipeline, Carried], int]:
    """Of a carried value of a loop of ``layer``: the cycles from it to the value that follows on it, at least 1.

    With logic that does not fit into a cycle at ``clock`` MHz; values have all bits of their types.
    """

    def cycles(pipeline: Pipeline, carried: Carried) -> int:
        alone = replace(pipeline, carried=(replace(carried, distance=1),), conditions={})
        resources: dict[str, Resource] = {}
        for operation in pipeline.operations:
            unit = None if operation.is_memory else binder.operator(layer, operation)
            if unit is not None:
                resources[operation.name] = unit_port(unit, _SOURCES)
            elif operation.is_memory:
                resources[operation.name] = memory_port(operation, _SOURCES)
        widths = {value.name: value.width for value in (*pipeline.operations, *alone.carried) if value.width}
        values = {name: Value(w, top(w), stored(top(w), w, w)) for name, w in widths.items()}
        counts = {resource.name: len(resources) for resource in resources.values()}
        return recurrence(loop_problem(alone, values, resources, counts, (), clock)).interval

    return cycles
