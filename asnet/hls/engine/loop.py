"""One flat loop as Verilog: its odometer, the valid bits of its stages, and every value where it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asnet.hls.engine.parts import Delay, Line, Section, width_of
from asnet.hls.expressions import Signal, SignalUse, literal
from asnet.hls.kernel import Constant, Operand
from asnet.hls.names import Names
from asnet.hls.nest import Affine, Counter
from asnet.hls.planning import LoopPlan
from asnet.hls.ranges import Width

__all__ = ["LoopSignals", "Outside"]

_SHORT = 3
"""Steps that a value is delayed by registers of its own, and stages a position follows another one by registers."""


@dataclass(frozen=True)
class Outside:
    """What is there before a loop starts: ``signals`` of values, and the counters of repeats with their last flags."""

    signals: Mapping[str, Signal]
    repeats: tuple[tuple[Counter, str], ...]


@dataclass(frozen=True)
class _Position:
    """A sum of counters, in ``bits`` bits."""

    strides: tuple[tuple[str, int], ...]
    offset: int
    bits: int


class LoopSignals:
    """The signals of a loop. ``go`` is 1 in the cycle in which an iteration starts: its stage 0.

    ``at`` gives a value in the stage in which somebody needs it; registers, delay lines and counters that follow are
    made when :meth:`finish` is called, after everybody has asked.
    """

    def __init__(
        self, plan: LoopPlan, prefix: str, names: Names, use: SignalUse, section: Section, outside: Outside
    ) -> None:
        self.plan = plan
        self.prefix = prefix
        self.section = section
        self.go = names.fresh(f"{prefix}_go")
        self.final = names.fresh(f"{prefix}_final")
        self._names = names
        self._use = use
        self._outside = outside
        self._wires: dict[str, str] = {}
        self._ready: dict[str, int] = {}
        self._width: dict[str, int] = {}
        self._taps: dict[str, dict[int, str]] = {}
        self._positions: dict[_Position, dict[int, str]] = {}
        self._tests: dict[str, str] = {}
        self._valid = names.fresh(f"{prefix}_v")
        self._stages = 0
        self._slot = names.fresh(f"{prefix}_slot")
        self.slotted = plan.interval > 1 and plan.pipeline.iterations > 1
        self.counters = {
            counter.name: names.fresh(f"{prefix}_{counter.name}", ("", "_first", "_last"))
            for counter in plan.pipeline.counters
        }
        self._flags_used: set[str] = set()

    # Stages

    @property
    def interval(self) -> int:
        """Cycles from one iteration to the next; of a single iteration, its depth."""
        return self.plan.interval if self.plan.pipeline.iterations > 1 else max(1, self.plan.depth)

    def valid(self, stage: int) -> str:
        """1 while an iteration is in ``stage``."""
        if stage == 0:
            return self.go
        self._stages = max(self._stages, stage)
        return f"{self._valid}[{stage}]"

    def tick(self, stage: int) -> str:
        """1 in the cycles in which an iteration may be in ``stage``; empty if it may always."""
        if self.plan.pipeline.iterations == 1:
            return self.valid(stage) if self.interval > 1 else ""
        return f"{self._slot} == {self._slot_number(stage)}" if self.interval > 1 else ""

    def _slot_number(self, stage: int) -> str:
        return literal(stage % self.interval, width_of(self.interval))

    # Values

    def define(self, value: str, wire: str, width: int, ready: int) -> None:
        """``wire`` carries ``value`` of an iteration in its stage ``ready``, for that one cycle of an interval."""
        self._wires[value] = wire
        self._ready[wire] = ready
        self._width[wire] = width

    def at(self, operand: Operand, stage: int, width: int, iterations: int = 0) -> Signal:
        """``operand``, of type i``width``, in ``stage`` of an iteration; of one that many ``iterations`` before."""
        if isinstance(operand, Constant):
            return Signal("", Width(operand.width), operand.width, self._use, operand)
        if operand in self._wires:
            value = self.plan.values[operand]
            name = self._delayed(self._wires[operand], stage, iterations)
            return Signal(name, value.stored, value.width, self._use)
        affine = self._affine(operand)
        if affine is not None:
            kept = self.plan.values[operand].stored
            return Signal(self._position(affine, kept.bits, stage, iterations), kept, width, self._use)
        return self._outside.signals[operand]

    def _affine(self, operand: str) -> Affine | None:
        pipeline = self.plan.pipeline
        if operand in pipeline.affine:
            return pipeline.affine[operand]
        return Affine({operand: 1}) if operand in self.counters else None

    def _delayed(self, wire: str, stage: int, iterations: int = 0) -> str:
        cycles = stage + iterations * self.interval - self._ready[wire]
        steps = -(-cycles // self.interval)
        if steps == 0:
            return wire
        taps = self._taps.setdefault(wire, {})
        if steps not in taps:
            one_bit = self._width[wire] == 1
            taps[steps] = f"{self._chain(wire)}[{steps}]" if one_bit else self._names.fresh(f"{wire}_{steps}")
        return taps[steps]

    def _chain(self, wire: str) -> str:
        """The name of the shift register behind a bit."""
        if wire not in self._tests:
            self._tests[wire] = self._names.fresh(f"{wire}_at")
        return self._tests[wire]

    # Positions: counters and sums of them

    def last(self, counter: str, stage: int) -> str:
        """1 while ``counter`` has its last value in ``stage``."""
        for around, flag in self._outside.repeats:
            if around.name == counter:
                return flag
        return self._flag(counter, "_last", stage)

    def first(self, counter: str, stage: int) -> str:
        """1 while ``counter`` is 0 in ``stage``."""
        return self._flag(counter, "_first", stage)

    def _flag(self, counter: str, suffix: str, stage: int) -> str:
        wire = f"{self.counters[counter]}{suffix}"
        self._flags_used.add(wire)
        self._ready.setdefault(wire, 0)
        self._width.setdefault(wire, 1)
        return self._delayed(wire, stage)

    def when(self, bounds: Mapping[str, tuple[int, int]], stage: int) -> str:
        """1 in ``stage`` of iterations in which the counters are within ``bounds``; empty if they always are."""
        tests: list[str] = []
        for name, (low, high) in bounds.items():
            tests += self._within(name, low, high)
        if not tests:
            return ""
        expression = " & ".join(tests)
        if len(tests) == 1 and expression in self._ready:
            return self._delayed(expression, stage)
        known = next((line.name for line in self.section.wires if line.expression == expression), None)
        if known is None:
            known = self._names.fresh(f"{self.prefix}_when")
            self.section.wires.append(Line(1, known, expression, "where something counts"))
            self._ready[known], self._width[known] = 0, 1
        return self._delayed(known, stage)

    def _within(self, name: str, low: int, high: int) -> list[str]:
        around = next((counter for counter, _ in self._outside.repeats if counter.name == name), None)
        own = next((counter for counter in self.plan.pipeline.counters if counter.name == name), around)
        assert own is not None
        extent = own.extent
        if low <= 0 and high >= extent - 1:
            return []
        if around is None and (low, high) == (0, 0):
            return [self.first(name, 0)]
        if low == high == extent - 1:
            return [self.last(name, 0)]
        counter = self._outside.signals[name].name if around is not None else self.counters[name]
        wide = width_of(extent)
        if low == high:
            return [f"({counter} == {literal(low, wide)})"]
        tests = [f"({counter} >= {literal(low, wide)})"] if low > 0 else []
        return [*tests, f"({counter} <= {literal(high, wide)})"] if high < extent - 1 else tests

    def _position(self, affine: Affine, width: int, stage: int, iterations: int) -> str:
        position = _Position(tuple(sorted(affine.strides.items())), affine.offset, width)
        if iterations:
            base = self._place(position, 0)
            return self._delayed(base, stage, iterations)
        return self._place(position, stage)

    def _place(self, position: _Position, stage: int) -> str:
        places = self._positions.setdefault(position, {})
        if stage not in places:
            text = "_".join(name for name, stride in position.strides if stride) or "fixed"
            if len(position.strides) == 1 and position.strides[0][0] in self.counters and stage == 0:
                (name, stride), offset = position.strides[0], position.offset
                if stride == 1 and offset == 0 and position.bits == width_of(self._extent(name)):
                    places[stage] = self.counters[name]
                    self._ready[places[stage]], self._width[places[stage]] = 0, position.bits
                    return places[stage]
            places[stage] = self._names.fresh(f"{self.prefix}_{text}_{stage}")
            self._ready[places[stage]], self._width[places[stage]] = stage, position.bits
        return places[stage]

    def _extent(self, name: str) -> int:
        return next(counter.extent for counter in self.plan.pipeline.counters if counter.name == name)

    # What everybody asked for

    def finish(self) -> None:
        """Make the positions, delays, valid bits and counters that were asked for."""
        for position, places in self._positions.items():
            self._finish_position(position, places)
        for wire, taps in self._taps.items():
            self._finish_delay(wire, taps)
        self._finish_counters()
        if self._stages:
            self.section.registers.append((self._stages, self._valid, "valid bits: an iteration is in stage [n]"))
            self._vector(self._valid, self._stages, self.go, reset=True)
        if self.slotted:
            wide = width_of(self.interval)
            self.section.registers.append((wide, self._slot, "cycle of the interval"))

    def _finish_position(self, position: _Position, places: Mapping[int, str]) -> None:
        before: tuple[int, str] | None = None
        for stage, name in sorted(places.items()):
            if name in self.counters.values():
                before = stage, name
                continue
            steps = -(-(stage - before[0]) // self.interval) if before is not None else 0
            if before is not None and steps <= _SHORT:
                self._taps.setdefault(before[1], {})[steps] = name
                continue
            self._step(position, stage, name)
            before = stage, name

    def _step(self, position: _Position, stage: int, name: str) -> None:
        """A register that is ``position`` in ``stage``, and steps when an iteration leaves it."""
        strides, mask = dict(position.strides), (1 << position.bits) - 1
        around = [(counter, flag) for counter, flag in self._outside.repeats if counter.name in strides]
        order = [counter for counter, _ in around] + list(self.plan.pipeline.counters)
        back = 0
        steps: list[int] = []
        for counter in reversed(order):
            stride = strides.get(counter.name, 0)
            steps.insert(0, (stride - back) & mask)
            back += stride * (counter.extent - 1)
        text, value = "", -back & mask
        for counter, step in zip(order, steps, strict=True):
            if counter.extent == 1 or (not text and step == value):
                continue
            wrapped = text or literal(value, position.bits)
            text = f"({self.last(counter.name, stage)} ? {wrapped} : {literal(step, position.bits)})"
        self.section.registers.append((position.bits, name, self._formula(position)))
        start = literal(position.offset & mask, position.bits)
        if not text and value == 0:
            self.section.controlled.append(f"{name} <= {start};")
            self.section.resets.append(f"{name} <= {start};")
            return
        self.section.resets.append(f"{name} <= {start};")
        amount = text or literal(value, position.bits)
        self.section.controlled.append(f"if ({self.valid(stage)}) {name} <= {name} + {amount};")

    def _formula(self, position: _Position) -> str:
        terms = [name if stride == 1 else f"{stride}·{name}" for name, stride in position.strides if stride]
        if position.offset or not terms:
            terms.append(str(position.offset))
        return " + ".join(terms)

    def _finish_delay(self, wire: str, taps: Mapping[int, str]) -> None:
        width, enable = self._width[wire], self.tick(self._ready[wire])
        if width == 1 and wire in self._tests:
            length = max(taps)
            chain = self._tests[wire]
            self.section.registers.append((length, chain, f"{wire} in later stages"))
            self._vector(chain, length, wire, enable=enable)
            taps = {steps: name for steps, name in taps.items() if not name.startswith(f"{chain}[")}
        before, source = 0, wire
        for steps, name in sorted(taps.items()):
            self._line(width, source, name, steps - before, enable)
            before, source = steps, name

    def _line(self, width: int, source: str, target: str, length: int, enable: str) -> None:
        if length > _SHORT:
            self.section.delays.append(Delay(width, target, source, length, enable or "1'b1"))
            return
        for step in range(1, length + 1):
            name = target if step == length else self._names.fresh(f"{target}_{step}")
            self.section.registers.append((width, name, f"{source}, {'an interval' if enable else 'a cycle'} later"))
            self.section.clocked.append(f"{f'if ({enable}) ' if enable else ''}{name} <= {source};")
            source = name

    def _vector(self, name: str, length: int, source: str, *, enable: str = "", reset: bool = False) -> None:
        shifted = f"{{{name}[{length - 1}:1], {source}}}" if length > 1 else source
        if length == 1:
            shifted = source
        guard = f"if ({enable}) " if enable else ""
        if reset:
            self.section.resets.append(f"{name} <= {literal(0, length)};")
            self.section.controlled.append(f"{name} <= {shifted};")
        else:
            self.section.clocked.append(f"{guard}{name} <= {shifted};")

    def _finish_counters(self) -> None:
        """The odometer: the innermost counter steps with every iteration, the others when all inside wrap."""
        lines: list[str] = []
        for counter in self.plan.pipeline.counters:
            name, extent = self.counters[counter.name], counter.extent
            first, last = f"{name}_first", f"{name}_last"
            if extent == 1:
                self.section.wires += [
                    Line(1, flag, "1'b1", "one value only") for flag in (first, last) if flag in self._flags_used
                ]
                continue
            wide = width_of(extent)
            self.section.registers.append((wide, name, f"counter {counter.name}: 0 … {extent - 1}"))
            self.section.resets.append(f"{name} <= {literal(0, wide)};")
            self.section.registers.append((1, last, ""))
            self.section.resets.append(f"{last} <= 1'b0;")
            if first in self._flags_used:
                self.section.registers.append((1, first, ""))
                self.section.resets.append(f"{first} <= 1'b1;")
        inside: list[str] = []
        for counter in reversed(self.plan.pipeline.counters):
            name, extent = self.counters[counter.name], counter.extent
            if extent == 1:
                continue
            wide = width_of(extent)
            test = " & ".join([self.go, *inside])
            lines.append(f"if ({test}) begin")
            power = extent == 1 << wide
            step = f"{name} + {literal(1, wide)}"
            zero = literal(0, wide)
            lines.append(f"    {name} <= {step if power else f'{name}_last ? {zero} : {step}'};")
            lines.append(f"    {name}_last <= {name} == {literal(extent - 2, wide)};")
            if f"{name}_first" in self._flags_used:
                lines.append(f"    {name}_first <= {name}_last;")
            lines.append("end")
            inside.append(f"{name}_last")
        self.section.controlled += lines
        everything = " & ".join([self.go, *inside])
        self.section.wires.append(Line(1, self.final, everything, "the last iteration starts"))

