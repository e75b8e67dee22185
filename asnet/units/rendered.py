"""A unit with its Verilog rendered for values of all its parameters, identified by that content; how it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from asnet.cache import digest
from asnet.errors import UnitError
from asnet.jsonfile import ParameterValue
from asnet.types import EXACT, FloatMode, OperandType
from asnet.units.description import StageParameter, UnitDescription
from asnet.units.rendering import VerilogFile

__all__ = ["RenderedUnit", "instance_name", "parse_instance_name"]

_WRITTEN: Final = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:\((.*)\))?\s*", re.ASCII)
_PARAMETER: Final = re.compile(r"\s*([A-Za-z_][\w$]*)\s*=\s*(-?\d{1,18}|[A-Za-z_]\w*)\s*", re.ASCII)


def instance_name(unit: str, parameters: Mapping[str, ParameterValue]) -> str:
    """How an instance is written: ``fmul_trunc(p=20)``; without parameters just the unit's name."""
    if not parameters:
        return unit
    return f"{unit}({','.join(f'{name}={value}' for name, value in parameters.items())})"


def parse_instance_name(text: str) -> tuple[str, dict[str, ParameterValue]]:
    """Unit name and parameter values of a written instance; ``exact`` gives ``("exact", {})``.

    Raises:
        UnitError: it is not written ``unit`` or ``unit(p=1,q=word)``.
    """
    found = _WRITTEN.fullmatch(text)
    values: dict[str, ParameterValue] = {}
    parts = found[2].split(",") if found is not None and found[2] is not None else []
    assignments = [_PARAMETER.fullmatch(part) for part in parts]
    for assignment in assignments:
        if assignment is not None:
            word = assignment[2]
            values[assignment[1]] = word if word[0].isalpha() or word[0] == "_" else int(word)
    if found is None or len(values) != len(parts) or (found[1] == EXACT and parts):
        raise UnitError(f"malformed unit instance {text!r}; write it like fmul_trunc(p=20), or {EXACT}")
    return found[1], values


@dataclass(frozen=True, eq=False)
class RenderedUnit:
    """A unit with values for all its parameters, its Verilog rendered.

    Two instances are equal if their ``digest`` is: the content counts, not the names. ``verilog_parameters`` are to be
    given where the top module ``module`` is instantiated (empty for a template, whose values are in the text).
    """

    unit: UnitDescription
    parameters: Mapping[str, ParameterValue]
    module: str
    files: tuple[VerilogFile, ...]
    verilog_parameters: Mapping[str, int]

    @property
    def name(self) -> str:
        """How it is written, ``fmul_trunc(p=20)``."""
        return instance_name(self.unit.name, self.parameters)

    @property
    def op(self) -> str:
        """The LLVM opcode it stands for."""
        return self.unit.op

    @property
    def type(self) -> OperandType:
        """The type of its operands."""
        return self.unit.type

    @property
    def stages(self) -> StageParameter | None:
        """The Verilog parameter that sets the number of pipeline stages."""
        return self.unit.stages

    @property
    def latency(self) -> int:
        """Clock cycles from operands to result; with ``stages`` that many come on top."""
        return self.unit.latency

    @property
    def float_mode(self) -> str | None:
        """The Verilog parameter that selects the float mode (1 ftz, 0 ieee)."""
        return self.unit.float_mode

    def settings(self, mode: FloatMode, stages: int = 0, *, dsps: bool = True) -> dict[str, int]:
        """The Verilog parameters to instantiate it with: its values, its float mode, its number of pipeline stages, and
        whether its products are for DSP blocks."""
        values = dict(self.verilog_parameters)
        if self.float_mode is not None:
            values[self.float_mode] = int(mode is FloatMode.FTZ)
        if self.stages is not None:
            values[self.stages.parameter] = stages
        if self.unit.dsps is not None:
            values[self.unit.dsps] = int(dsps)
        return values

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the rendered texts, the top module, the parameter values and the interface."""
        unit = self.unit
        stages = unit.stages
        return digest(
            [
                "unit 1",
                *(part for file in self.files for part in (file.name, file.text)),
                self.module,
                *(f"{name}={value}" for name, value in self.verilog_parameters.items()),
                f"{unit.op} {unit.type} {unit.result} {unit.latency} {unit.float_mode}",
                f"{stages.parameter} {stages.max} {stages.default}" if stages else "no stages",
                repr(sorted(unit.ports.items())) if unit.ports is not None else "inferred ports",
                *([f"dsps {unit.dsps}"] if unit.dsps is not None else []),
            ]
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RenderedUnit) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<UnitInstance {self.name} {self.digest[:12]}>"
