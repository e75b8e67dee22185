"""What is known of a unit before any value is chosen for its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from asnet.jsonfile import ParameterValue
from asnet.types import OperandType

__all__ = ["ROLES", "Parameter", "StageParameter", "UnitDescription"]

ROLES: Final = ("a", "b", "y", "clk", "ce")
"""What a port may be for: operands, result, clock, clock enable."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a unit: the values it may have, in order, and what it means."""

    values: tuple[ParameterValue, ...]
    doc: str = ""

    def __str__(self) -> str:
        low, high = self.values[0], self.values[-1]
        if len(self.values) > 2 and isinstance(low, int) and self.values == tuple(range(low, low + len(self.values))):
            return f"{low}..{high}"
        return ", ".join(map(str, self.values))


@dataclass(frozen=True)
class StageParameter:
    """The Verilog parameter that sets the number of pipeline stages: 0 is combinational, n has latency n.

    ``useful``: the numbers among which one is chosen for a clock, ascending.
    """

    parameter: str
    max: int
    default: int
    useful: tuple[int, ...]


@dataclass(frozen=True)
class UnitDescription:
    """A unit's description. ``ports`` maps roles to ports (None: inferred); ``verilog`` names files, the top one first,
    looked for in ``folders`` in order; ``origin`` is the file the description came from; ``constants`` are Verilog
    parameters that are the same in every instance; ``float_mode`` and ``dsps`` name Verilog parameters: 1 flush to
    zero, 0 gradual underflow; 1 products as synthesis likes them (DSP blocks), 0 as trees of LUTs."""

    name: str
    op: str
    type: OperandType
    result: OperandType
    verilog: tuple[str, ...]
    module: str
    origin: Path
    folders: tuple[Path, ...]
    ports: Mapping[str, str] | None = field(default=None, hash=False)
    parameters: Mapping[str, Parameter] = field(default_factory=dict[str, Parameter], hash=False)
    constants: Mapping[str, int] = field(default_factory=dict[str, int], hash=False)
    float_mode: str | None = None
    dsps: str | None = None
    stages: StageParameter | None = None
    latency: int = 0
    description: str = ""
    source: str = ""
    licence: str = ""
