"""The form of units whose netlist is known: gates on vectors of bits."""

from __future__ import annotations

from dataclasses import replace

from asnet.emulate.bitsliced.kernel import kernel_text
from asnet.emulate.bitsliced.program import Circuit, program_of
from asnet.emulate.bitsliced.shape import shape_of
from asnet.emulate.inside import InsideForm
from asnet.emulate.kernels import Target
from asnet.ir import Products
from asnet.ir.optimise import Machine
from asnet.types import operand_type
from asnet.units import UnitInstance

__all__ = ["BitSliced"]


class BitSliced(InsideForm[Circuit]):
    """Evaluates a unit's netlist for as many products at once as a vector has bits.

    What depends on one operand alone is computed once for all products that it is in. Sums of integers are bit-sliced
    too; sums of floats are the host's.
    """

    kind = "bits"

    @property
    def machine(self) -> Machine:
        """The target's; LLVM only selects instructions."""
        return replace(super().machine, effort=2)

    def widths(self, inside: Circuit) -> tuple[int, int, int]:
        """Inputs and outputs of the netlist."""
        return inside.width_a, inside.width_b, len(inside.outputs)

    def text(self, inside: Circuit, what: Products, instance: UnitInstance, target: Target) -> str:
        """Its gates, one instruction each."""
        return kernel_text(shape_of(program_of(inside), operand_type(what.type), instance.unit.result, what, target))
