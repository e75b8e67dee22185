"""What a bit-sliced kernel consists of: the parts of the unit's program, and where everything lies in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asnet.emulate.bitsliced.placed import Bit, Place, Placed
from asnet.emulate.bitsliced.program import Program, accumulating, split, variable
from asnet.emulate.kernels import Target
from asnet.ir import Products
from asnet.ir.products import COLUMNS, container
from asnet.types import ELEMENT_TYPES, OperandType

__all__ = ["WORD", "Shape", "shape_of"]

WORD = 32
"""Bits of the scalar operand that travel together, in a 32-bit lane."""

_STEPS = 128
_PLANES = 192 << 10  # bytes of bit planes that are worked on at a time: they stay in the level 2 cache


@dataclass(frozen=True)
class Shape:
    """The parts: ``vector`` and ``scalar`` compute what depends on one operand alone, from its bit planes; ``step``
    does the rest for one product.

    ``fixed``: the planes of a product (of floats) that are constant, and their bits; they are not written.
    ``step`` reads the planes of v behind pointer 0, words of s behind pointer 1, and writes behind pointer 2 the
    planes of the product if numbers are floats, else those of a sum of ``sums`` bits, which are an input too.
    """

    target: Target
    element: int  # bits of a number in memory
    accumulator: int  # bits of a sum in memory
    is_float: bool
    signed: bool  # the result, and with it the sum of bit planes
    vector: Program
    scalar: Program
    step: Placed
    planes: int
    words: int
    sums: int
    fixed: Mapping[int, int]
    steps: int

    @property
    def lanes(self) -> int:
        """Products that are computed at once."""
        return 8 * self.target.width

    @property
    def repeats(self) -> tuple[int, ...]:
        """How many rows may share the lanes, each with its part of the columns."""
        return tuple(1 << power for power in range((self.lanes // COLUMNS).bit_length()))

    @property
    def row(self) -> int:
        """Numbers that a vector holds."""
        return self.lanes // self.element


def shape_of(program: Program, operand: OperandType, result: OperandType, what: Products, target: Target) -> Shape:
    """The shape of the kernel of ``program`` (inputs: operand a, then b) for ``what``."""
    widths = (operand.width, operand.width)
    parts = split(program, widths)
    order = (0, 1) if what.vector_is_a else (1, 0)
    vector, scalar = (parts.sides[side] for side in order)
    planes = len(vector.outputs) if vector.gates else operand.width
    words = -(-len(scalar.outputs) // WORD) if scalar.gates else 1
    steps = _STEPS
    while steps > 8 and steps * planes * target.width > _PLANES:
        steps //= 2
    sources = [
        [Place(0, n if vector.gates else signal) for n, signal in enumerate(vector.outputs)],
        [
            Bit(Place(1, place // WORD), place % WORD)
            for place in (n if scalar.gates else signal for n, signal in enumerate(scalar.outputs))
        ],
    ]
    inputs: list[Place | Bit] = [*sources[order[0]], *sources[order[1]]]
    kind = ELEMENT_TYPES[what.accumulator]
    fixed: dict[int, int] = {}
    if operand.is_float:
        sums = len(program.outputs)
        rest, fixed = variable(parts.rest)
    else:
        sums = min(kind.bits, len(program.outputs) + (steps - 1).bit_length())
        rest = accumulating(parts.rest, sums, signed=result.signed)
        inputs += [Place(2, bit) for bit in range(sums)]
    return Shape(
        target=target,
        element=ELEMENT_TYPES[container(what.type)].bits,
        accumulator=kind.bits,
        is_float=operand.is_float,
        signed=result.signed,
        vector=vector,
        scalar=scalar,
        step=Placed(rest, tuple(inputs), tuple(Place(2, bit) for bit in range(sums) if bit not in fixed)),
        planes=planes,
        words=words,
        sums=sums,
        fixed=fixed,
        steps=steps,
    )
