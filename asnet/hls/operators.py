"""The operator library: which operation needs a unit and which, and what the others cost.

A unit's facts (ports, parameters, latency) are those of its description; nothing here knows a unit by name. Exact
operators are the shipped units that are called like their LLVM opcode, of integers with the type and ``_exact``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property

from asnet.errors import SynthesisError, UnitError
from asnet.types import FloatMode, operand_type
from asnet.units import UnitInstance, exact_unit
from asnet.units.pipelined import check_pipelined
from asnet.units.timing import timings

__all__ = [
    "CLOCK_MARGIN",
    "LEVEL_NS",
    "PREDICATE_EDGES",
    "READ_EDGES",
    "UNIT_EDGES",
    "UNIT_OPS",
    "WIDE_OPS",
    "WRAPPED_EDGES",
    "WRITE_EDGES",
    "Edges",
    "Operator",
    "UnitOp",
    "alone",
    "exact_instance",
    "is_logic",
    "logic_levels",
    "operator",
]

OPERAND_LATENCY = 1
"""Cycles through the registers at a shared unit's operands: they keep the choice of operands off its first stage."""

CLOCK_MARGIN = 1.15
"""How much faster than the wanted clock a unit by itself must be: in a design its wires are longer."""

LEVEL_NS = 1.1
"""Nanoseconds of a level of logic: a look-up table and the wires to it, on an ECP5 of speed grade 6."""

RESULT_LATENCY = 1
"""Cycles through the register at the result of a combinational unit."""


@dataclass(frozen=True)
class UnitOp:
    """How an LLVM operation uses a unit: the op of the unit, and whether the second operand's sign is turned."""

    op: str
    negate: bool = False


@dataclass(frozen=True)
class Edges:
    """Levels of logic of a resource: from its operands to its first register, and from its last one to its result."""

    before: float
    after: float


UNIT_EDGES = Edges(before=3, after=6)
"""Of a unit: choosing its operands for the registers before it; rounding and packing behind its last register."""

PREDICATE_EDGES = Edges(before=3, after=2)
"""Of a comparison, whose result is a bit."""

WRAPPED_EDGES = Edges(before=3, after=1)
"""Of a combinational unit, which has a register behind it too."""

READ_EDGES = Edges(before=2, after=5)
"""Of a memory's read port: the address; the block RAM's access time."""

WRITE_EDGES = Edges(before=2, after=0)
"""Of a memory's write port."""


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

_LEVELS: Mapping[str, int] = {
    **dict.fromkeys(("zext", "sext", "trunc"), 0),
    **dict.fromkeys(("and", "or", "xor", "select"), 1),
    **dict.fromkeys(("add", "sub", "icmp"), 2),
    **dict.fromkeys(("umin", "umax", "smin", "smax"), 3),
    **dict.fromkeys(("shl", "lshr", "ashr"), 3),
    "mul": 4,
}
"""Combinational opcode → levels of logic, without the carry chain."""

_CARRY = frozenset(("add", "sub", "mul", "icmp", "umin", "umax", "smin", "smax"))
_BITS_PER_LEVEL = 12
"""Bits through which a carry runs in the time of a level."""


def is_logic(op: str) -> bool:
    """Whether an LLVM operation is combinational logic rather than a unit."""
    return op in _LEVELS


def logic_levels(op: str, bits: int, *, by_constant: bool) -> int:
    """Levels of a combinational operation on ``bits`` bits. A shift by a constant costs none."""
    if by_constant and op in ("shl", "lshr", "ashr"):
        return 0
    return _LEVELS[op] + (-(-bits // _BITS_PER_LEVEL) if op in _CARRY else 0)


@dataclass(frozen=True)
class Operator:
    """A unit instance as hardware. ``widths`` are the operands'; ``latency`` ≥ 1 cycles; new operands every cycle.

    ``result_signed``: the result is extended by its sign where it is used wider. ``wrapped``: a combinational unit with
    a register at its result; ``registered``: registers stand at its operands. ``fmax``: the clock in MHz that the unit
    by itself reaches, None where that is not known. ``remark``: why the wanted clock is out of its reach, empty if it
    is not.
    """

    name: str
    instance: UnitInstance
    widths: tuple[int, ...]
    result_width: int
    result_signed: bool
    latency: int
    wrapped: bool
    parameters: tuple[tuple[str, int], ...]
    fmax: float | None
    remark: str
    registered: bool = True

    @cached_property
    def ports(self) -> Mapping[str, str]:
        """Role → port of the unit."""
        return self.instance.ports

    @property
    def roles(self) -> tuple[str, ...]:
        """The operands' roles."""
        return ("a", "b")[: len(self.widths)]

    @property
    def stages(self) -> int:
        """Pipeline stages of the unit that were chosen."""
        operands = OPERAND_LATENCY if self.registered else 0
        return 0 if self.wrapped else self.latency - operands - self.instance.latency

    @property
    def edges(self) -> Edges:
        """The logic around its registers."""
        predicate = self.result_width < self.widths[0]
        edges = WRAPPED_EDGES if self.wrapped else PREDICATE_EDGES if predicate else UNIT_EDGES
        if self.registered or self.fmax is None:
            return edges
        return replace(edges, before=1000 / self.fmax * CLOCK_MARGIN / LEVEL_NS)

    def instantiated(self, name: str) -> dict[str, object]:
        """What a template needs to make the instance ``name``, but for where its operands come from.

        Its operands are ``<name>_a`` and ``_b``, the registers there ``<name>_a_q`` and ``_b_q``, its result is
        ``<name>_y``; what a combinational unit says before the register at its result is ``<name>_now``.
        """
        ports, ending = self.ports, "_q" if self.registered else ""
        connections = [(ports[role], value) for role, value in (("clk", "clk"), ("ce", "1'b1")) if role in ports]
        connections += [(ports[role], f"{name}_{role}{ending}") for role in self.roles]
        connections.append((ports["y"], f"{name}_now" if self.wrapped else f"{name}_y"))
        return {
            "name": name,
            "what": f"{self.instance.name}: {self.latency} cycles, digest {self.instance.digest}",
            "module": self.instance.module,
            "parameters": self.parameters,
            "connections": connections,
            "result_width": self.result_width,
            "wrapped": self.wrapped,
            "registered": self.registered,
        }


def operator(instance: UnitInstance, mode: FloatMode, clock: float | None = None, *, dsps: bool = True) -> Operator:
    """The hardware of ``instance`` in float mode ``mode``.

    Args:
        instance: the unit.
        mode: the design's float mode.
        clock: the wanted clock in MHz: the fewest stages with which the unit reaches it with a margin. None: the
            number of stages that its description prefers.
        dsps: products in DSP blocks; else of LUTs.

    Raises:
        UnitError: the description promises a latency without a clock, or the unit does not take operands in every clock
            cycle.
    """
    unit, ports = instance.unit, instance.ports
    stages, fmax, remark = _stages(instance, mode, clock, dsps)
    latency = instance.latency + stages
    wrapped = latency == 0
    if not wrapped and "clk" not in ports:
        raise UnitError(
            f"unit {instance.name}: a latency of {latency} without a clock; name its clk port, or state latency 0"
        )
    check_pipelined(instance, mode, stages)
    operands = sum(role in ports for role in ("a", "b"))
    return Operator(
        name=re.sub(r"\W+", "_", instance.name).strip("_"),
        instance=instance,
        widths=(unit.type.width,) * operands,
        result_width=unit.result.width,
        result_signed=unit.result.signed and not unit.result.is_float,
        latency=OPERAND_LATENCY + (RESULT_LATENCY if wrapped else latency),
        wrapped=wrapped,
        parameters=tuple(instance.settings(mode, stages, dsps=dsps).items()),
        fmax=fmax,
        remark=remark,
    )


def alone(operator: Operator) -> Operator:
    """``operator`` for a single operation: its operands are never chosen, so they need no registers of their own."""
    return replace(
        operator, name=f"{operator.name}_alone", latency=operator.latency - OPERAND_LATENCY, registered=False
    )


def _stages(instance: UnitInstance, mode: FloatMode, clock: float | None, dsps: bool) -> tuple[int, float | None, str]:
    """Pipeline stages for ``clock``, the clock they reach, and why that is too little."""
    preferred = instance.stages.default if instance.stages is not None else 0
    figures = {stages: found.fmax for stages, found in timings(instance, mode, dsps=dsps).items()}
    if figures.keys() > {0}:  # a register inside serves better than one behind the result
        del figures[0]
    if clock is None or not figures:
        return preferred, figures.get(preferred), ""
    wanted = clock * CLOCK_MARGIN
    best = max(figures.values())
    stages = next(count for count, fmax in sorted(figures.items()) if fmax >= min(wanted, best))
    if best >= clock:
        return stages, figures[stages], ""
    most = (
        f"with {stages} pipeline stages, its most useful number" if instance.stages is not None else "between registers"
    )
    return stages, best, f"unit {instance.name} reaches {best:.0f} MHz {most}; the wanted clock is {clock:g} MHz"


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
