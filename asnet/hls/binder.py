"""Binding: which operator or memory port an operation runs on. Both engines of a layer ask here.

A resource takes new operands every cycle and gives the result ``latency`` cycles later, for that cycle only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from asnet.hls.delays import choice_ns, is_logic, read_ns
from asnet.hls.kernel import Operation, fault
from asnet.hls.operands import unit_constants
from asnet.hls.operators import UNIT_OPS, WIDE_OPS, Operator, alone, exact_instance, operator, tied
from asnet.hls.storage import DEEP_CYCLES
from asnet.ir import Slot
from asnet.types import FloatMode
from asnet.units import UnitInstance

__all__ = ["Binder", "Resource", "memory_port", "unit_port"]

_READ = "read"
_WRITE = "write"
_FAR = 4
"""A word of a deep memory comes from block RAMs far away, at least as late as one that is chosen from so many."""


@dataclass(frozen=True)
class Resource:
    """Something that ``count`` operations may use in one cycle.

    ``before``: nanoseconds from its operands to its first register, where they are chosen among; ``after``: from its
    last register to its result.
    """

    name: str
    latency: int
    before: float
    after: float
    count: int = 1


class Binder:
    """Chooses the operators of a design: one for each unit instance, shared by everything that uses it, and another for
    operations that have a unit each."""

    def __init__(
        self,
        instances: Mapping[str, UnitInstance | None],
        slots: Mapping[str, Slot],
        mode: FloatMode,
        clock: float | None = None,
        *,
        dsps: bool = True,
        stages: Mapping[str, int] | None = None,
        specialise: Collection[str] = (),
    ) -> None:
        """``instances``: slot name → instance, None = exact; ``slots``: symbol → slot; ``clock`` in MHz and ``dsps`` as
        of :func:`~asnet.hls.operators.operator`; ``stages``: op → pipeline stages of its units, whatever the clock;
        ``specialise``: ops whose operations with a constant operand get a unit for that constant."""
        self._instances = instances
        self._slots = slots
        self._mode = mode
        self.clock = clock
        self._dsps = dsps
        self._stages = dict(stages or {})
        self._specialise = specialise
        self._tied: dict[str, Operator] = {}
        self._operators: dict[str, Operator] = {}
        self._alone: dict[str, Operator] = {}
        self._common: frozenset[str] = frozenset()

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The operators asked for so far, in order."""
        return (*self._operators.values(), *self._tied.values(), *self._alone.values())

    def share(self, layers: Iterable[tuple[str, Iterable[Operation]]]) -> None:
        """Tell of the design's layers and their operations, where layers share units: what several of them use is for
        no operation alone."""
        users = Counter[str]()
        for layer, operations in layers:
            found = [self._instance(layer, operation) for operation in operations if not operation.is_memory]
            users.update({instance.digest for instance in found if instance is not None})
        self._common = frozenset(digest for digest, count in users.items() if count > 1)

    def alone(self, unit: Operator) -> Operator:
        """``unit`` for operations of a layer that share it with nobody; itself where other layers use it too, or where
        nobody knows how fast it is."""
        if unit.fmax is None or unit.instance.digest in self._common:
            return unit
        return self._alone.setdefault(unit.name, alone(unit))

    def operator(self, layer: str, operation: Operation) -> Operator | None:
        """The operator that ``operation`` of ``layer`` runs on; None if it is logic.

        Raises:
            SynthesisError: there is no operator for it, or its unit does not fit its operands.
        """
        instance = self._instance(layer, operation)
        if instance is None:
            if not is_logic(operation.op):
                raise fault(layer, operation.source, f"there is no operator for {operation.op!r}")
            return None
        unit = self._operator(instance)
        _check_fit(layer, operation, unit)
        return self._specialised(operation, unit)

    def _instance(self, layer: str, operation: Operation) -> UnitInstance | None:
        """The unit that ``operation`` needs; None if it is logic."""
        if operation.op == "call":
            slot = self._slots[operation.detail]
            chosen = self._instances.get(slot.name)
            if chosen is None:
                return exact_instance(slot.op, slot.type)
            if (chosen.op, chosen.type.name) != (slot.op, slot.type):
                raise fault(
                    layer,
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
            wanted = self._stages.get(instance.op)
            known = operator(instance, self._mode, self.clock, dsps=self._dsps, stages=wanted)
            taken = {other.name for other in self._operators.values()}
            name, number = known.name, 1
            while known.name in taken:
                number += 1
                known = replace(known, name=f"{name}_{number}")
            self._operators[instance.digest] = known
        return known

    def _specialised(self, operation: Operation, unit: Operator) -> Operator:
        """``unit`` with the constants of ``operation``, if that is wanted and something else is left."""
        if unit.instance.op not in self._specialise:
            return unit
        constants = unit_constants(operation)
        if not 0 < len(constants) < len(unit.widths):
            return unit
        made = tied(unit, constants)
        return self._tied.setdefault(made.name, made)


def memory_port(operation: Operation, sources: int, late: int = 0) -> Resource:
    """The port of its memory that a load or a store uses, one of ``sources``. ``late``: of a deep memory
    :func:`~asnet.hls.storage.late_words`, else 0."""
    if operation.op == "load":
        latency, after = (DEEP_CYCLES, choice_ns(max(late, _FAR))) if late else (1, read_ns())
        return Resource(f"{_READ} {operation.detail}", latency, choice_ns(sources), after)
    return Resource(f"{_WRITE} {operation.detail}", 0, choice_ns(sources), 0.0)


def unit_port(unit: Operator, sources: int) -> Resource:
    """The operands of a unit, of one of ``sources`` operations."""
    return Resource(unit.name, unit.latency, unit.before(sources), unit.after)


def _check_fit(layer: str, operation: Operation, unit: Operator) -> None:
    if len(unit.widths) != len(operation.operands):
        raise fault(
            layer,
            operation.source,
            f"{unit.instance.name} takes {len(unit.widths)} operands, the operation has {len(operation.operands)}",
        )
    if unit.instance.type.is_float and any(width != 32 for width in operation.widths):
        raise fault(layer, operation.source, f"{unit.instance.name} takes float, the operation has other operands")
    if operation.op.startswith("fpto") and operation.width > unit.result_width:
        raise fault(layer, operation.source, f"{unit.instance.name} gives {unit.result_width} bits")
