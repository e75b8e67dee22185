"""Scheduling by systems of difference constraints: blocks and, modulo an initiation interval, loops."""

from asnet.hls.scheduling.check import check
from asnet.hls.scheduling.problem import Edge, Item, Limit, Problem, Solution
from asnet.hls.scheduling.solve import solve

__all__ = ["Edge", "Item", "Limit", "Problem", "Solution", "check", "solve"]
