"""The order of outputs in which layers that follow one another wait least: all channels of a row, row after row.

Arrays of images are stored channel after channel, and so loops make them. A window needs some rows of all channels:
where they are made row after row, it has all its words when only these rows are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asnet.hls.nest.accesses import accesses
from asnet.hls.nest.counters import Digit, split
from asnet.hls.nest.program import Pipeline, Program, Repeat, Streamed
from asnet.ir import Memory

__all__ = ["by_rows", "made_by_rows", "row_counters"]


@dataclass(frozen=True)
class _Plane:
    """Words of a row, and of all rows of a channel."""

    row: int
    rows: int


def row_counters(pipeline: Pipeline, memories: Mapping[str, Memory]) -> frozenset[str]:
    """The counters that step from row to row of what ``pipeline`` stores; none if its stores do not agree."""
    found = _planes(pipeline, memories)
    counters = [
        frozenset(name for name, stride in strides.items() if plane.row <= stride < plane.rows)
        for plane, strides in found
    ]
    return counters[0] if len(set(counters)) == 1 else frozenset()


def by_rows(pipeline: Pipeline, memories: Mapping[str, Memory]) -> Pipeline:
    """``pipeline`` with counters that go through several rows split into one for rows and those around and inside."""
    for plane, strides in _planes(pipeline, memories)[:1]:
        for counter in pipeline.counters:
            if strides.get(counter.name) == 1 and counter.extent > plane.row and counter.extent % plane.row == 0:
                pipeline = _split(pipeline, counter.name, counter.extent, plane)
    return pipeline


def made_by_rows(program: Program) -> frozenset[str]:
    """The arrays of several channels that ``program`` makes row after row."""
    found: set[str] = set()
    for node in program.body:
        if isinstance(node, Repeat):
            continue
        pipeline = node.tail if isinstance(node, Streamed) else node
        outermost = next((counter.name for counter in pipeline.counters if counter.extent > 1), None)
        if outermost in row_counters(pipeline, program.memory):
            found |= {access.memory for access in accesses(pipeline) if access.store}
    return frozenset(found)


def _split(pipeline: Pipeline, name: str, extent: int, plane: _Plane) -> Pipeline:
    if extent > plane.rows and extent % plane.rows:
        return pipeline
    digits = [
        Digit(f"{name}.channel", max(1, extent // plane.rows), plane.rows),
        Digit(f"{name}.row", min(extent, plane.rows) // plane.row, plane.row),
        Digit(f"{name}.column", plane.row, 1),
    ]
    return split(pipeline, name, digits)


def _planes(pipeline: Pipeline, memories: Mapping[str, Memory]) -> list[tuple[_Plane, Mapping[str, int]]]:
    """Of each store to an array of several channels: the size of these, and the steps of its address by counter.

    Empty if there are other stores.
    """
    found: list[tuple[_Plane, Mapping[str, int]]] = []
    for access in accesses(pipeline):
        if not access.store:
            continue
        *_, channels, height, width = (1, 1, 1, *memories[access.memory].shape)
        if access.index is None or channels == 1 or height == 1:
            return []
        found.append((_Plane(width, height * width), access.index.strides))
    return found
