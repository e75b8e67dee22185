"""Scheduling by systems of difference constraints: blocks and, modulo an initiation interval, loops."""

from asnet.hls.scheduling.problem import Edge, Item, Limit, Problem, Solution

__all__ = ["Edge", "Item", "Limit", "Problem", "Solution"]
