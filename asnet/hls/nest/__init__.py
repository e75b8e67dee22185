"""Kernels as loop nests: structure, order of loops, lanes; the result is flat loops for pipelined hardware."""

from asnet.hls.nest.program import Affine, Carried, Condition, Counter, Node, Pipeline, Program, Repeat, Streamed

__all__ = ["Affine", "Carried", "Condition", "Counter", "Node", "Pipeline", "Program", "Repeat", "Streamed"]
