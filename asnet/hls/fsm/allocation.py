"""Allocation: which operation of a kernel runs on which resource, and what is left as plain logic.

A resource takes new operands every cycle and gives the result ``latency`` cycles later, for that cycle only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from asnet.hls.kernel import Constant, Kernel, Operand, Operation
from asnet.hls.operators import (
    PREDICATE_EDGES,
    READ_EDGES,
    UNIT_EDGES,
    UNIT_OPS,
    WIDE_OPS,
    WRAPPED_EDGES,
    WRITE_EDGES,
    Edges,
    Operator,
    exact_instance,
    is_logic,
    logic_levels,
    operator,
)
from asnet.hls.options import HlsOptions
from asnet.hls.ranges import Width
from asnet.ir import Slot
from asnet.types import FloatMode
from asnet.units import UnitInstance

__all__ = ["Allocation", "Binder", "Resource"]

_READ = "read"
_WRITE = "write"


@dataclass(frozen=True)
class Resource:
    """Something that ``count`` operations may use in one cycle."""

    name: str
    latency: int
    edges: Edges
    count: int = 1


@dataclass(frozen=True)
class Allocation:
    """The resources of one kernel. An operation that is not in ``resources`` is combinational logic of its own."""

    kernel: Kernel
    resources: Mapping[str, Resource]
    operators: Mapping[str, Operator]
    widths: Mapping[str, Width]
    chain: int

    def latency(self, name: str) -> int:
        """Cycles from the operands of operation ``name`` to its result; 0 for logic."""
        found = self.resources.get(name)
        return found.latency if found is not None else 0

    def levels(self, operation: Operation) -> int:
        """Levels of logic from the operands to the result, or to the resource's first register."""
        found = self.resources.get(operation.name)
        if found is not None:
            return found.edges.before
        stored = [self.widths[operand].bits for operand in operation.operands if isinstance(operand, str)]
        bits = max([*stored, 1]) if operation.width == 1 else self.widths[operation.name].bits
        return logic_levels(operation.op, bits, by_constant=isinstance(operation.operands[-1], Constant))

    @cached_property
    def static(self) -> Mapping[str, int]:
        """Logic that needs no register within its block: its leaves hold still there. Value → levels of logic.

        The leaves are constants, phis and values of other blocks; the depth is at most half of what may be chained.
        """
        found: dict[str, int] = {}
        for block in self.kernel.blocks:
            local = {operation.name for operation in block.operations}

            def depth(operand: Operand, local: set[str] = local) -> int | None:
                return found.get(operand) if isinstance(operand, str) and operand in local else 0

            for operation in block.operations:
                depths = [depth(operand) for operand in operation.operands]
                if operation.name in self.resources or None in depths:
                    continue
                levels = max((d for d in depths if d is not None), default=0) + self.levels(operation)
                if levels <= self.chain // 2:
                    found[operation.name] = levels
        return found


class Binder:
    """Chooses the operators of a design: one for each unit instance, shared by everything that uses it."""

    def __init__(
        self,
        instances: Mapping[str, UnitInstance | None],
        slots: Mapping[str, Slot],
        mode: FloatMode,
        options: HlsOptions,
    ) -> None:
        """``instances``: slot name → instance, None = exact; ``slots``: symbol → slot."""
        self._instances = instances
        self._slots = slots
        self._mode = mode
        self._options = options
        self._operators: dict[str, Operator] = {}

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The operators asked for so far, in order."""
        return tuple(self._operators.values())

    def allocate(self, kernel: Kernel, widths: Mapping[str, Width]) -> Allocation:
        """The resources of ``kernel``, whose values are as wide as ``widths`` say.

        Raises:
            SynthesisError: an operation for which there is no operator, or a unit that does not fit its operands.
        """
        resources: dict[str, Resource] = {}
        operators: dict[str, Operator] = {}
        for block in kernel.blocks:
            for operation in block.operations:
                if operation.is_memory:
                    resources[operation.name] = _port(operation)
                    continue
                instance = self._instance(kernel, operation)
                if instance is None:
                    if not is_logic(operation.op):
                        raise kernel.error(operation.source, f"there is no operator for {operation.op!r}")
                    continue
                unit = self._operator(instance)
                _check_fit(kernel, operation, unit)
                operators[operation.name] = unit
                resources[operation.name] = Resource(unit.name, unit.latency, _edges(unit))
        return Allocation(kernel, resources, operators, widths, self._options.chain)

    def _instance(self, kernel: Kernel, operation: Operation) -> UnitInstance | None:
        """The unit that ``operation`` needs; None if it is logic."""
        if operation.op == "call":
            slot = self._slots[operation.detail]
            chosen = self._instances.get(slot.name)
            if chosen is None:
                return exact_instance(slot.op, slot.type)
            if (chosen.op, chosen.type.name) != (slot.op, slot.type):
                raise kernel.error(
                    operation.source,
                    f"slot {slot.name!r} ({slot.op} of {slot.type}) is bound to {chosen.name}, a unit for {chosen.op} "
                    f"of {chosen.type}",
                )
            return chosen
        use = UNIT_OPS.get(operation.op)
        if use is None:
            return None
        return exact_instance(f"{use.op}64" if use.op in WIDE_OPS and operation.widths[0] > 32 else use.op)

    def _operator(self, instance: UnitInstance) -> Operator:
        known = self._operators.get(instance.digest)
        if known is None:
            known = operator(instance, self._mode)
            taken = {other.name for other in self._operators.values()}
            name, number = known.name, 1
            while known.name in taken:
                number += 1
                known = replace(known, name=f"{name}_{number}")
            self._operators[instance.digest] = known
        return known


def _port(operation: Operation) -> Resource:
    if operation.op == "load":
        return Resource(f"{_READ} {operation.detail}", 1, READ_EDGES)
    return Resource(f"{_WRITE} {operation.detail}", 0, WRITE_EDGES)


def _edges(unit: Operator) -> Edges:
    if unit.wrapped:
        return WRAPPED_EDGES
    return PREDICATE_EDGES if unit.result_width < unit.widths[0] else UNIT_EDGES


def _check_fit(kernel: Kernel, operation: Operation, unit: Operator) -> None:
    if len(unit.widths) != len(operation.operands):
        raise kernel.error(
            operation.source,
            f"{unit.instance.name} takes {len(unit.widths)} operands, the operation has {len(operation.operands)}",
        )
    if unit.instance.type.is_float and any(width != 32 for width in operation.widths):
        raise kernel.error(operation.source, f"{unit.instance.name} takes float, the operation has other operands")
    if operation.op.startswith("fpto") and operation.width > unit.result_width:
        raise kernel.error(operation.source, f"{unit.instance.name} gives {unit.result_width} bits")
