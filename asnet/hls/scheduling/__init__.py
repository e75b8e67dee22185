"""Scheduling by systems of difference constraints: blocks and, modulo an initiation interval, loops."""

from asnet.hls.scheduling.bounds import Bound, recurrence
from asnet.hls.scheduling.check import check
from asnet.hls.scheduling.overlap import least_offset
from asnet.hls.scheduling.problem import Edge, Item, Limit, Problem, Solution
from asnet.hls.scheduling.solve import solve
from asnet.hls.scheduling.timeline import Access, Strand, Tick, Timeline, Use

__all__ = [
    "Access",
    "Bound",
    "Edge",
    "Item",
    "Limit",
    "Problem",
    "Solution",
    "Strand",
    "Tick",
    "Timeline",
    "Use",
    "check",
    "least_offset",
    "recurrence",
    "solve",
]
