"""The operator library: which operation needs a unit and which, and what the others cost.

A unit's facts (ports, parameters, latency) are those of its description; nothing here knows a unit by name. Exact
operators are the shipped units that are called like their LLVM opcode, of integers with the type and ``_exact``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import NamedTuple

from asnet.errors import SynthesisError, UnitError
from asnet.hls.delays import CLOCK_MARGIN, REGISTER_NS, budget_ns, choice_ns
from asnet.types import FloatMode, operand_type
from asnet.units import UnitInstance, exact_unit
from asnet.units.pipelined import check_pipelined
from asnet.units.timing import timings

__all__ = [
    "UNIT_OPS",
    "WIDE_OPS",
    "Input",
    "Operator",
    "UnitOp",
    "alone",
    "exact_instance",
    "operator",
    "tied",
]

_ROLES = ("a", "b")

OPERAND_LATENCY = 1
"""Cycles through the registers at a shared unit's operands: they keep the choice of operands off its first stage."""

RESULT_LATENCY = 1
"""Cycles through the register at a unit's result, where there is one."""

_RESULT_NS = 5.5
"""From the last register of a unit that nobody measured to its result: rounding and packing."""

_PREDICATE_NS = 2.0
"""Of a comparison, whose result is a few bits."""

_FEW = 2
"""Operations among which operands are chosen at least, where a result is somebody's operand."""


@dataclass(frozen=True)
class UnitOp:
    """How an LLVM operation uses a unit: the op of the unit, and whether the second operand's sign is turned."""

    op: str
    negate: bool = False


UNIT_OPS: Mapping[str, UnitOp] = {
    "fmul": UnitOp("fmul"),
    "fdiv": UnitOp("fdiv"),
    "fadd": UnitOp("fadd"),
    "fsub": UnitOp("fadd", negate=True),  # a - b = a + (-b) for all binary32, and one adder serves both
    "fcmp": UnitOp("fcmp"),
    "sitofp": UnitOp("sitofp"),
    "uitofp": UnitOp("uitofp"),
    "fptosi": UnitOp("fptosi"),
    "fptoui": UnitOp("fptoui"),
}
"""LLVM opcode → the unit it needs."""

WIDE_OPS = ("sitofp",)
"""Those with a second unit, ``<op>64``, for operands of 33 to 64 bits."""


class Input(NamedTuple):
    """An operand of a unit: its number, its role, its bits."""

    number: int
    role: str
    width: int


@dataclass(frozen=True)
class Operator:
    """A unit instance as hardware. ``widths`` are the operands'; ``latency`` ≥ 1 cycles; new operands every cycle.

    ``result_signed``: the result is extended by its sign where it is used wider. ``stages``: pipeline stages
    of the unit that were chosen. ``wrapped``: a register stands at its result, behind combinational units and where the
    result would be late; ``registered``: registers stand at its operands. ``after``: nanoseconds from the last register
    to the result. ``fmax``: the clock in MHz that the unit by itself reaches, None where that is not known. ``remark``:
    why the wanted clock is out of its reach, empty if it is not. ``tied``: number of an operand → the bits that it
    always has.
    """

    name: str
    instance: UnitInstance
    widths: tuple[int, ...]
    result_width: int
    result_signed: bool
    latency: int
    stages: int
    wrapped: bool
    after: float
    parameters: tuple[tuple[str, int], ...]
    fmax: float | None
    remark: str
    registered: bool = True
    tied: tuple[tuple[int, int], ...] = ()

    @cached_property
    def ports(self) -> Mapping[str, str]:
        """Role → port of the unit."""
        return self.instance.ports

    @property
    def title(self) -> str:
        """The instance's name, and the constants."""
        constants = [f"{_ROLES[n]} = {self.widths[n]}'h{value:x}" for n, value in self.tied]
        return ", ".join([self.instance.name, *constants])

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """The operands that are no constants."""
        tied = dict(self.tied)
        return tuple(Input(n, _ROLES[n], width) for n, width in enumerate(self.widths) if n not in tied)

    def before(self, sources: int) -> float:
        """Nanoseconds from one of ``sources`` operations' operands to the first register."""
        if self.registered or self.fmax is None:
            return choice_ns(sources)
        return 1000.0 / self.fmax - REGISTER_NS

    def instantiated(self, name: str) -> dict[str, object]:
        """What a template needs to make the instance ``name``, but for where its operands come from.

        Its operands are ``<name>_a`` and ``_b``, the registers there ``<name>_a_q`` and ``_b_q``, its result is
        ``<name>_y``; what stands before the register at its result is ``<name>_now``.
        """
        ports, ending = self.ports, "_q" if self.registered else ""
        connections = [(ports[role], value) for role, value in (("clk", "clk"), ("ce", "1'b1")) if role in ports]
        connections += [(ports[role], f"{name}_{role}{ending}") for _, role, _ in self.inputs]
        connections += [(ports[_ROLES[n]], f"{self.widths[n]}'h{value:x}") for n, value in self.tied]
        connections.append((ports["y"], f"{name}_now" if self.wrapped else f"{name}_y"))
        return {
            "name": name,
            "what": f"{self.title}: {self.latency} cycles, digest {self.instance.digest}",
            "module": self.instance.module,
            "parameters": self.parameters,
            "connections": connections,
            "result_width": self.result_width,
            "wrapped": self.wrapped,
            "registered": self.registered,
        }


def operator(
    instance: UnitInstance,
    mode: FloatMode,
    clock: float | None = None,
    *,
    dsps: bool = True,
    stages: int | None = None,
) -> Operator:
    """The hardware of ``instance`` in float mode ``mode``.

    Args:
        instance: the unit.
        mode: the design's float mode.
        clock: the wanted clock in MHz: the fewest stages with which the unit reaches it with a margin. None: the
            number of stages that its description prefers.
        dsps: products in DSP blocks; else of LUTs.
        stages: so many, whatever the clock.

    Raises:
        UnitError: the description promises a latency without a clock, or the unit does not take operands in every clock
            cycle, or it does not have so many stages.
    """
    unit, ports = instance.unit, instance.ports
    if stages is not None:
        _check_stages(instance, stages)
    stages, fmax, remark = _stages(instance, mode, clock, dsps, stages)
    latency = instance.latency + stages
    if latency and "clk" not in ports:
        raise UnitError(
            f"unit {instance.name}: a latency of {latency} without a clock; name its clk port, or state latency 0"
        )
    check_pipelined(instance, mode, stages)
    operands = sum(role in ports for role in ("a", "b"))
    after = _after(instance, fmax)
    wrapped = latency == 0 or (clock is not None and after + choice_ns(_FEW) > budget_ns(clock))
    return Operator(
        name=re.sub(r"\W+", "_", instance.name).strip("_"),
        instance=instance,
        widths=(unit.type.width,) * operands,
        result_width=unit.result.width,
        result_signed=unit.result.signed and not unit.result.is_float,
        latency=OPERAND_LATENCY + latency + (RESULT_LATENCY if wrapped else 0),
        stages=stages,
        wrapped=wrapped,
        after=0.0 if wrapped else after,
        parameters=tuple(instance.settings(mode, stages, dsps=dsps).items()),
        fmax=fmax,
        remark=remark,
    )


def tied(operator: Operator, constants: Mapping[int, int]) -> Operator:
    """``operator`` for operations of which some operands always have the same bits: number of the operand → bits."""
    ending = "".join(f"_{_ROLES[n]}_{value:0{-(-operator.widths[n] // 4)}x}" for n, value in constants.items())
    return replace(operator, name=f"{operator.name}{ending}", tied=tuple(constants.items()))


def alone(operator: Operator) -> Operator:
    """``operator`` for a single operation: its operands are never chosen, so they need no registers of their own."""
    return replace(
        operator, name=f"{operator.name}_alone", latency=operator.latency - OPERAND_LATENCY, registered=False
    )


def _after(instance: UnitInstance, fmax: float | None) -> float:
    """Nanoseconds from the last register of ``instance`` to its result; no more than its clock leaves, if known."""
    if instance.unit.result.width < instance.unit.type.width:
        return _PREDICATE_NS
    return _RESULT_NS if fmax is None else 1000.0 / fmax - REGISTER_NS


def _check_stages(instance: UnitInstance, stages: int) -> None:
    most = instance.stages.max if instance.stages is not None else 0
    if not 1 <= stages <= most:
        offered = f"it has 1 to {most}" if most else "it has none"
        raise UnitError(
            f"unit {instance.name}: no form with {stages} pipeline stages; {offered}: change or leave out "
            f"--stages {instance.op}={stages}"
        )


def _stages(
    instance: UnitInstance, mode: FloatMode, clock: float | None, dsps: bool, wanted: int | None
) -> tuple[int, float | None, str]:
    """Pipeline stages for ``clock``, or those ``wanted``; the clock they reach, and why that is too little."""
    preferred = instance.stages.default if instance.stages is not None else 0
    figures = {count: found.fmax for count, found in timings(instance, mode, dsps=dsps).items()}
    if figures.keys() > {0}:  # a register inside serves better than one behind the result
        del figures[0]
    if wanted is not None:
        stages = wanted
    elif clock is None or not figures:
        stages = preferred
    else:
        enough = min(clock * CLOCK_MARGIN, max(figures.values()))
        stages = next(count for count, fmax in sorted(figures.items()) if fmax >= enough)
    fmax = figures.get(stages)
    if clock is None or fmax is None or fmax >= clock:
        return stages, fmax, ""
    between = "between registers"
    if instance.stages is not None:
        between = f"with {stages} pipeline stages{'' if wanted is not None else ', its most useful number'}"
    return stages, fmax, f"unit {instance.name} reaches {fmax:.0f} MHz {between}; the wanted clock is {clock:g} MHz"


@cache
def exact_instance(op: str, type: str = "f32") -> UnitInstance:  # noqa: A002
    """The shipped exact unit of an LLVM operation on operands of ``type``.

    Raises:
        SynthesisError: there is none.
    """
    found = exact_unit(op, operand_type(type))
    if found is None:
        raise SynthesisError(f"there is no exact operator for {op!r} of {type}; bind a unit to every such slot")
    return found
