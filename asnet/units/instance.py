"""A unit with values for all its parameters: the thing a configuration chooses, identified by its content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from asnet.cache import digest
from asnet.errors import UnitError
from asnet.jsonfile import ParameterValue
from asnet.types import EXACT, OperandType
from asnet.units.rendering import VerilogFile, is_template, render_sources

if TYPE_CHECKING:
    from asnet.units.unit import ApproximateUnit, StageParameter

__all__ = ["ROLES", "UnitInstance", "instance_name", "make_instance", "parse_instance_name"]

ROLES: Final = ("a", "b", "y", "clk", "ce")
"""What a port may be for: operands, result, clock, clock enable."""

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
class UnitInstance:
    """A unit with values for all its parameters, its Verilog rendered.

    Two instances are equal if their ``digest`` is: the content counts, not the names. ``verilog_parameters`` are to be
    given where the top module ``module`` is instantiated (empty for a template, whose values are in the text).
    """

    unit: ApproximateUnit
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

    @cached_property
    def ports(self) -> Mapping[str, str]:
        """Role (``a``, ``b``, ``y``, ``clk``, ``ce``) → port of the top module.

        As described; if the description does not say, inferred from the interface that Verilator finds.

        Raises:
            UnitError: inferred, and the Verilog does not compile or has other ports than the operation needs.
        """
        if self.unit.ports is not None:
            return self.unit.ports
        from asnet.units.elaborate import interface

        return interface(self).roles

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
            ]
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnitInstance) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<UnitInstance {self.name} {self.digest[:12]}>"


def _unique_module(module: str, parameters: Mapping[str, ParameterValue]) -> str:
    """The top module's name with the parameter values in it: ``fmul_mantissa_mul_drum_k6``."""
    words = [value if isinstance(value, str) else f"{name}{value}" for name, value in parameters.items()]
    return "_".join([module, *words]).replace("-", "m")


def make_instance(unit: ApproximateUnit, parameters: Mapping[str, ParameterValue]) -> UnitInstance:
    """The instance of ``unit`` with the (checked, complete) values ``parameters``.

    Raises:
        UnitError: a source is missing or a template is wrong, or a word is given to a Verilog parameter.
    """
    template = is_template(unit.verilog[0])
    known = {**unit.constants, **parameters}
    module = _unique_module(unit.module, known) if template else unit.module
    files = render_sources(unit.verilog, unit=unit.name, module=module, parameters=known, folders=unit.folders)
    verilog_parameters: dict[str, int] = {}
    if not template:
        verilog_parameters.update(unit.constants)
        for name, value in parameters.items():
            if isinstance(value, str):
                raise UnitError(
                    f"unit {unit.name!r}: parameter {name}={value!r}: a Verilog parameter takes an integer; "
                    "for words make the source a template (.v.j2)"
                )
            verilog_parameters[name] = value
    return UnitInstance(unit, parameters, module, files, verilog_parameters)
