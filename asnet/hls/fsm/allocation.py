"""Allocation: which operation of a kernel runs on which resource, and what is left as plain logic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from asnet.hls.binder import Binder, Resource, memory_port, unit_port
from asnet.hls.delays import logic_ns
from asnet.hls.kernel import Constant, Kernel, Operand, Operation
from asnet.hls.operators import Operator
from asnet.hls.ranges import Width
from asnet.hls.storage import late_words

__all__ = ["Allocation", "allocate", "levels"]

_LEVEL_NS = 1.1
"""Nanoseconds of a level of logic: a look-up table and the wires to it, on an ECP5 of speed grade 6."""

_SOURCES = 4
"""Operations among which a port chooses, as far as its delay goes."""


def levels(ns: float) -> int:
    """A delay in levels of logic."""
    return round(ns / _LEVEL_NS)


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
            return levels(found.before)
        stored = [self.widths[operand].bits for operand in operation.operands if isinstance(operand, str)]
        bits = max([*stored, 1]) if operation.width == 1 else self.widths[operation.name].bits
        return levels(logic_ns(operation.op, bits, by_constant=isinstance(operation.operands[-1], Constant)))

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
                behind = max((d for d in depths if d is not None), default=0) + self.levels(operation)
                if behind <= self.chain // 2:
                    found[operation.name] = behind
        return found


def allocate(binder: Binder, kernel: Kernel, widths: Mapping[str, Width], chain: int) -> Allocation:
    """The resources of ``kernel``, whose values are as wide as ``widths`` say.

    Raises:
        SynthesisError: an operation for which there is no operator, or a unit that does not fit its operands.
    """
    resources: dict[str, Resource] = {}
    operators: dict[str, Operator] = {}
    for operation in kernel.operation.values():
        if operation.is_memory:
            late = late_words(kernel.memory[operation.detail], binder.clock)
            resources[operation.name] = memory_port(operation, _SOURCES, late)
            continue
        unit = binder.operator(kernel.layer, operation)
        if unit is not None:
            operators[operation.name] = unit
            resources[operation.name] = unit_port(unit, _SOURCES)
    return Allocation(kernel, resources, operators, widths, chain)
