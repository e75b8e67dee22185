"""One flat loop as Verilog: the valid bits of its stages, and every value where it is needed."""

from __future__ import annotations

from asnet.hls.engine.later import Later, StageWire, shift_register
from asnet.hls.engine.odometer import Odometer
from asnet.hls.engine.parts import Hold, Register
from asnet.hls.engine.positions import Positions
from asnet.hls.engine.scope import LoopScope
from asnet.hls.expressions import Signal, SignalUse, literal
from asnet.hls.kernel import Constant, Operand
from asnet.hls.names import identifier
from asnet.hls.nest import Affine
from asnet.hls.ranges import Width
from asnet.hls.wires import number_bits

__all__ = ["LoopSignals"]


class LoopSignals:
    """The signals of a loop. ``go`` is 1 in the cycle in which an iteration starts: its stage 0.

    ``at`` gives a value in the stage in which somebody needs it, ``odometer`` what counters tell of an iteration;
    registers, delay lines and counters that follow are made when :meth:`finish` is called, after everybody has asked.
    """

    def __init__(self, scope: LoopScope, use: SignalUse) -> None:
        plan, names, prefix = scope.plan, scope.names, scope.prefix
        self.plan = plan
        self.prefix = prefix
        self.section = scope.section
        self.go = names.fresh(f"{prefix}_go")
        self._names = names
        self._use = use
        self._outside = scope.outside
        self._values: dict[str, StageWire] = {}
        self._addressed = {
            str(operation.operands[0]): f"{identifier(operation.detail)}_address"
            for operation in reversed(plan.pipeline.operations)
            if operation.is_memory
        }
        self._later = Later(scope.section, names, self.interval, self.tick)
        self.odometer = Odometer(scope, self.go, self._later)
        self._positions = Positions(scope, self.odometer, self._later, self.valid)
        self._valid = names.fresh(f"{prefix}_v")
        self._stages = self._read = 0
        self._slot = names.fresh(f"{prefix}_slot")
        self._slot_offset = 0
        self.slotted = plan.interval > 1 and plan.pipeline.iterations > 1

    # Stages

    @property
    def interval(self) -> int:
        """Cycles from one iteration to the next; of a single iteration, its depth."""
        return self.plan.interval if self.plan.pipeline.iterations > 1 else max(1, self.plan.depth)

    def valid(self, stage: int, *, choice: bool = False) -> str:
        """1 while an iteration is in ``stage``. ``choice``: to choose by, which a port with one user does not."""
        if stage == 0:
            return self.go
        self._stages = max(self._stages, stage)
        self._read = self._read if choice else max(self._read, stage)
        return f"{self._valid}[{stage}]"

    def tick(self, stage: int) -> str:
        """1 in the cycles in which an iteration may be in ``stage``; empty if it may always."""
        if self.plan.pipeline.iterations == 1:
            return self.valid(stage) if self.interval > 1 else ""
        return f"{self._slot} == {self._slot_number(stage)}" if self.interval > 1 else ""

    def _slot_number(self, stage: int) -> str:
        return literal((stage + self._slot_offset) % self.interval, number_bits(self.interval))

    def follow(self, other: LoopSignals, stage: int) -> None:
        """Be in stage 0 when ``other`` is in ``stage``."""
        self._slot, self._slot_offset, self.slotted = other._slot, stage + other._slot_offset, False

    @property
    def slot(self) -> str:
        """The register that counts the cycles of the interval."""
        return self._slot

    # Values

    def define(self, value: str, wire: str, width: int, ready: int) -> None:
        """``wire`` carries ``value`` of an iteration in its stage ``ready``, for that one cycle of an interval."""
        self._values[value] = StageWire(wire, width, ready, identifier(value))

    def at(self, operand: Operand, stage: int, width: int, iterations: int = 0) -> Signal:
        """``operand``, of type i``width``, in ``stage`` of an iteration; of one that many ``iterations`` before."""
        if isinstance(operand, Constant):
            return Signal("", Width(operand.width), operand.width, self._use, operand)
        if operand in self._values:
            value = self.plan.values[operand]
            name = self._later.at(self._values[operand], stage, iterations)
            return Signal(name, value.stored, value.width, self._use)
        affine = self._affine(operand)
        if affine is not None:
            kept = self.plan.values[operand].stored
            name = self._addressed.get(operand, "")
            return Signal(self._positions.at(affine, kept.bits, stage, iterations, name), kept, width, self._use)
        return self._outside.signals[operand]

    def held(self, operand: Operand, stage: int, width: int, iterations: int) -> Signal:
        """As :meth:`at`, where more time may pass between iterations than their number says: values are counted."""
        if not isinstance(operand, str) or operand not in self._values:
            return self.at(operand, stage, width, iterations)
        signal, value = self._values[operand], self.plan.values[operand]
        there = max(signal.ready, stage)
        target = self._names.fresh(f"{signal.base}_held")
        self.section.holds.append(
            Hold(
                signal.width,
                target,
                self._later.at(signal, there),
                iterations,
                self.valid(there),
                self.valid(stage),
                straight=there - stage == iterations * self.interval,
            )
        )
        return Signal(target, value.stored, value.width, self._use)

    def _affine(self, operand: str) -> Affine | None:
        pipeline = self.plan.pipeline
        if operand in pipeline.affine:
            return pipeline.affine[operand]
        return Affine({operand: 1}) if operand in self.odometer.counters else None

    # Ends

    def later(self, wire: str, cycles: int) -> str:
        """A control signal, ``cycles`` later."""
        if cycles == 0:
            return wire
        chain = self._names.fresh(f"{wire}_end")
        shift_register(self.section, chain, cycles, wire, f"{wire}, [n] cycles later")
        return f"{chain}[{cycles}]"

    def finish(self) -> None:
        """Make the positions, delays, valid bits and counters that were asked for."""
        self._positions.finish()
        self._later.finish()
        self.odometer.finish()
        if self._stages:
            shift_register(self.section, self._valid, self._stages, self.go, "an iteration is in stage [n]")
            if self._read < self._stages:
                self._use.part.add(self._valid)
        if self.slotted:
            wide = number_bits(self.interval)
            self.section.registers.append(Register(wide, self._slot, "cycle of the interval"))
