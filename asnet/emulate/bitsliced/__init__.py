"""Bit-sliced sums of products: a unit's netlist evaluated for as many products at once as a vector has bits."""

from asnet.emulate.bitsliced.form import BitSliced
from asnet.emulate.bitsliced.program import Builder, Circuit, Gate, Program, program_of

__all__ = ["BitSliced", "Builder", "Circuit", "Gate", "Program", "program_of"]
