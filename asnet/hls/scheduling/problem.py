"""What a scheduler is asked and what it answers, free of where the operations come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Edge", "Item", "Limit", "Problem", "Solution"]


@dataclass(frozen=True)
class Item:
    """An operation. ``latency``: cycles from operands to result, 0 = combinational.

    ``before``: nanoseconds of logic from its operands to its first register, or to its result if it is combinational;
    ``after``: from its last register to its result. ``resource``: what it occupies for one cycle, at its start.
    ``bits``: the width of its result, which is what keeping it costs per cycle. ``held``: nanoseconds behind the last
    register at which those operands are there that are no results of items and hold still.
    """

    name: str
    latency: int
    before: float
    after: float = 0.0
    resource: str | None = None
    bits: int = 1
    held: float = 0.0


@dataclass(frozen=True)
class Edge:
    """``after`` starts at least ``cycles`` after ``before`` of ``distance`` iterations earlier: s_a + II·d ≥ s_b + c.

    ``value``: ``after`` takes the result of ``before`` (``cycles`` is its latency then): logic chains through the edge
    if they start in one cycle, and the value is kept in registers if they do not.
    """

    before: str
    after: str
    cycles: int
    distance: int = 0
    value: bool = False


@dataclass(frozen=True)
class Problem:
    """Operations of one loop body or block. ``resources``: name → operations per cycle; ``period``: nanoseconds."""

    items: tuple[Item, ...]
    edges: tuple[Edge, ...]
    resources: Mapping[str, int]
    period: float


@dataclass(frozen=True)
class Limit:
    """What keeps the initiation interval from being smaller: ``kind`` is ``recurrence``, ``resource`` or ``none``.

    ``names``: the operations of the recurrence, or the resource; ``text`` says it to people.
    """

    kind: str
    names: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Solution:
    """A schedule: start cycle of each operation, the initiation interval (0: no overlap asked), and its depth.

    ``depth``: cycles from the start of an iteration to the end of its last operation.
    """

    start: Mapping[str, int]
    interval: int
    depth: int
    limit: Limit
