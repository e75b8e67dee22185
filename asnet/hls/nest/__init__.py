"""Kernels as loop nests: structure, order of loops, lanes; the result is flat loops for pipelined hardware."""

from asnet.hls.nest.program import Affine, Carried, Condition, Counter, Node, Pipeline, Program, Repeat, Streamed
from asnet.hls.nest.structure import structure
from asnet.hls.nest.tree import NotCounted

__all__ = [
    "Affine",
    "Carried",
    "Condition",
    "Counter",
    "Node",
    "NotCounted",
    "Pipeline",
    "Program",
    "Repeat",
    "Streamed",
    "structure",
]
