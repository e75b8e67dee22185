"""What layers take of a chip, before synthesis: figures of units and memories, and a rule for what is around them.

Units: as placed and routed by themselves (:mod:`asnet.units.timing`); memories: as yosys maps them
(:mod:`asnet.hls.storage.cost`); control, addresses and operands in registers: LUTs in proportion to register bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from asnet.hls.module import LayerModule
from asnet.hls.operators import Operator
from asnet.hls.ranges import address_bits
from asnet.hls.storage import memory_cost
from asnet.ir import MemoryKind
from asnet.types import FloatMode
from asnet.units.timing import timings

__all__ = ["DEVICES", "Area", "layer_area", "total_area"]

_LUTS_PER_REGISTER_BIT = 0.9
_LUTS_PER_LAYER = 80
"""Of control and buffers."""

_LUTS_PER_PRODUCT_BIT = 1.1
"""Of an integer multiplier without figures: for every pair of operand bits."""

_USABLE = 0.85
"""The part of a device's LUTs that can be placed and routed without trouble."""

_FRAMES = 2


@dataclass(frozen=True)
class Area:
    """LUT4s, multiplier blocks of 18 bits, block RAMs of 18 kbit."""

    luts: int = 0
    dsps: int = 0
    brams: int = 0

    def __add__(self, other: Area) -> Area:
        """Both together."""
        return Area(self.luts + other.luts, self.dsps + other.dsps, self.brams + other.brams)

    def __sub__(self, other: Area) -> Area:
        """This without the other."""
        return Area(self.luts - other.luts, self.dsps - other.dsps, self.brams - other.brams)

    def fits(self, budget: Area) -> bool:
        """Whether it takes no more of anything than ``budget``."""
        return self.luts <= budget.luts and self.dsps <= budget.dsps and self.brams <= budget.brams

    def __str__(self) -> str:
        return f"{self.luts:,} LUT4, {self.dsps:,} DSP, {self.brams:,} block RAM"


DEVICES: Mapping[str, Area] = {
    "ecp5-25k": Area(int(24_288 * _USABLE), 28, 56),
    "ecp5-45k": Area(int(43_848 * _USABLE), 72, 108),
    "ecp5-85k": Area(int(83_640 * _USABLE), 156, 208),
}
"""Device → what a design may take of it."""


def layer_area(layer: LayerModule, mode: FloatMode) -> Area:
    """A layer of a dataflow design: its engine, units, constants and buffers."""
    total = Area(luts=_LUTS_PER_LAYER + int(_LUTS_PER_REGISTER_BIT * layer.register_bits))
    for port in layer.operators:
        total += _unit_area(port.operator, mode)
    for port in layer.memories:
        memory = port.memory
        constant = memory.kind is MemoryKind.CONSTANT
        buffered = not constant and port.reads and not port.writes
        depth = memory.size + (((_FRAMES - 1) << address_bits(memory)) if buffered else 0)
        if port.reads:
            cost = memory_cost(memory.element_bytes * 8, depth, reads=port.reads, writable=not constant)
            total += Area(luts=cost.all_luts, brams=cost.blocks)
    return total


def _unit_area(operator: Operator, mode: FloatMode) -> Area:
    """The figures of a unit; where it was not measured, those of a multiplier made of LUTs."""
    figures = timings(operator.instance, mode)
    if not figures:
        bits = operator.widths[0] * operator.widths[-1]
        return Area(luts=int(_LUTS_PER_PRODUCT_BIT * bits) if operator.instance.op == "mul" else bits)
    nearest = min(figures, key=lambda count: (abs(count - operator.stages), count))
    found = figures[nearest]
    return Area(luts=found.luts, dsps=found.dsps)


def total_area(areas: Iterable[Area]) -> Area:
    """All together."""
    return sum(areas, Area())
