"""Kernels as loop nests: structure, order of loops, lanes; the result is flat loops for pipelined hardware."""

from asnet.hls.nest.arrange import Arranged, Arrangement, arrange, iterations, possible_lanes, possible_unrolls
from asnet.hls.nest.dependence import Lag, MemoryDependence, lags, memory_dependences
from asnet.hls.nest.forward import forwarded
from asnet.hls.nest.fuse import Fused, fuse
from asnet.hls.nest.inline import inline
from asnet.hls.nest.interpret import run
from asnet.hls.nest.program import Affine, Carried, Condition, Counter, Node, Pipeline, Program, Repeat, Streamed
from asnet.hls.nest.reduction import longest_recurrence
from asnet.hls.nest.rows import made_by_rows
from asnet.hls.nest.structure import structure
from asnet.hls.nest.tree import NotCounted

__all__ = [
    "Affine",
    "Arranged",
    "Arrangement",
    "Carried",
    "Condition",
    "Counter",
    "Fused",
    "Lag",
    "MemoryDependence",
    "Node",
    "NotCounted",
    "Pipeline",
    "Program",
    "Repeat",
    "Streamed",
    "arrange",
    "forwarded",
    "fuse",
    "inline",
    "iterations",
    "lags",
    "longest_recurrence",
    "made_by_rows",
    "memory_dependences",
    "possible_lanes",
    "possible_unrolls",
    "run",
    "structure",
]
