"""A unit with values for all its parameters: the thing a configuration chooses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from asnet.errors import UnitError
from asnet.jsonfile import ParameterValue
from asnet.units.description import UnitDescription
from asnet.units.elaborate import interface
from asnet.units.rendered import RenderedUnit
from asnet.units.rendering import is_template, render_sources

__all__ = ["UnitInstance", "make_instance"]


class UnitInstance(RenderedUnit):
    """A rendered unit and the roles of its ports."""

    @cached_property
    def ports(self) -> Mapping[str, str]:
        """Role (``a``, ``b``, ``y``, ``clk``, ``ce``) → port of the top module.

        As described; if the description does not say, inferred from the interface that Verilator finds.

        Raises:
            UnitError: inferred, and the Verilog does not compile or has other ports than the operation needs.
        """
        if self.unit.ports is not None:
            return self.unit.ports
        return interface(self).roles


def _unique_module(module: str, parameters: Mapping[str, ParameterValue]) -> str:
    """The top module's name with the parameter values in it: ``fmul_mantissa_mul_drum_k6``."""
    words = [value if isinstance(value, str) else f"{name}{value}" for name, value in parameters.items()]
    return "_".join([module, *words]).replace("-", "m")


def make_instance(unit: UnitDescription, parameters: Mapping[str, ParameterValue]) -> UnitInstance:
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
