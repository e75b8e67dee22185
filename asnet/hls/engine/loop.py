"""One flat loop as Verilog: its odometer, the valid bits of its stages, and every value where it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asnet.hls.engine.parts import SHORT, Delay, Hold, Line, Register, Section, delayed
from asnet.hls.expressions import Signal, SignalUse, literal
from asnet.hls.kernel import Constant, Operand
from asnet.hls.names import Names, comment, identifier
from asnet.hls.nest import Affine, Counter
from asnet.hls.planning import LoopPlan
from asnet.hls.ranges import Width
from asnet.hls.wires import number_bits

__all__ = ["LoopSignals", "Outside"]


@dataclass(frozen=True)
class Outside:
    """What is there before a loop starts: ``signals`` of values, and the counters of repeats with their last flags."""

    signals: Mapping[str, Signal]
    repeats: tuple[tuple[Counter, str], ...]


@dataclass(frozen=True)
class _Signal:
    """A wire that has a value in one stage; ``base``: what later registers are named after."""

    wire: str
    width: int
    ready: int
    base: str


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
        self._final = names.fresh(f"{prefix}_final")
        self._final_used = False
        self._names = names
        self._use = use
        self._outside = outside
        self._values: dict[str, _Signal] = {}
        self._taps: dict[_Signal, dict[int, str]] = {}
        self._chains: dict[_Signal, str] = {}
        self._positions: dict[_Position, dict[int, _Signal]] = {}
        self._addressed = {
            str(operation.operands[0]): f"{identifier(operation.detail)}_address"
            for operation in reversed(plan.pipeline.operations)
            if operation.is_memory
        }
        self._tests: dict[str, _Signal] = {}
        self._valid = names.fresh(f"{prefix}_v")
        self._stages = 0
        self._slot = names.fresh(f"{prefix}_slot")
        self._slot_offset = 0
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
        self._values[value] = _Signal(wire, width, ready, identifier(value))

    def at(self, operand: Operand, stage: int, width: int, iterations: int = 0) -> Signal:
        """``operand``, of type i``width``, in ``stage`` of an iteration; of one that many ``iterations`` before."""
        if isinstance(operand, Constant):
            return Signal("", Width(operand.width), operand.width, self._use, operand)
        if operand in self._values:
            value = self.plan.values[operand]
            name = self._delayed(self._values[operand], stage, iterations)
            return Signal(name, value.stored, value.width, self._use)
        affine = self._affine(operand)
        if affine is not None:
            kept = self.plan.values[operand].stored
            name = self._addressed.get(operand, "")
            return Signal(self._position(affine, kept.bits, stage, iterations, name), kept, width, self._use)
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
                self._delayed(signal, there),
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
        return Affine({operand: 1}) if operand in self.counters else None

    def _delayed(self, signal: _Signal, stage: int, iterations: int = 0) -> str:
        cycles = stage + iterations * self.interval - signal.ready
        steps = -(-cycles // self.interval)
        if steps == 0:
            return signal.wire
        taps = self._taps.setdefault(signal, {})
        if steps not in taps:
            one_bit = signal.width == 1
            taps[steps] = f"{self._chain(signal)}[{steps}]" if one_bit else self._names.fresh(f"{signal.base}_{steps}")
        return taps[steps]

    def _chain(self, signal: _Signal) -> str:
        """The name of the shift register behind a bit."""
        if signal not in self._chains:
            self._chains[signal] = self._names.fresh(f"{signal.base}_at")
        return self._chains[signal]

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
        return self._delayed(_Signal(wire, 1, 0, wire), stage)

    def when(self, bounds: Mapping[str, tuple[int, int]], stage: int) -> str:
        """1 in ``stage`` of iterations in which the counters are within ``bounds``; empty if they always are."""
        tests: list[str] = []
        for name, (low, high) in bounds.items():
            tests += self._within(name, low, high)
        if not tests:
            return ""
        expression = " & ".join(tests)
        if expression in self._flags_used:
            return self._delayed(_Signal(expression, 1, 0, expression), stage)
        if expression not in self._tests:
            name = self._names.fresh(f"{self.prefix}_when")
            self.section.wires.append(Line(1, name, expression, comment(f"iterations with {_ranges(bounds)}")))
            self._tests[expression] = _Signal(name, 1, 0, name)
        return self._delayed(self._tests[expression], stage)

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
        wide = number_bits(extent)
        if low == high:
            return [f"({counter} == {literal(low, wide)})"]
        tests = [f"({counter} >= {literal(low, wide)})"] if low > 0 else []
        return [*tests, f"({counter} <= {literal(high, wide)})"] if high < extent - 1 else tests

    def _position(self, affine: Affine, width: int, stage: int, iterations: int, name: str) -> str:
        position = _Position(tuple(sorted(affine.strides.items())), affine.offset, width)
        if iterations:
            return self._delayed(self._place(position, 0, name), stage, iterations)
        return self._place(position, stage, name).wire

    def _place(self, position: _Position, stage: int, name: str) -> _Signal:
        """``position`` in ``stage``; ``name``: what a sum of counters is called, where that is known."""
        places = self._positions.setdefault(position, {})
        if stage not in places:
            counter = self._counter(position) if stage == 0 else None
            over = [counter for counter, stride in position.strides if stride]
            text = name if name and len(over) > 1 else "_".join(over) or "fixed"
            wire = counter or self._names.fresh(f"{self.prefix}_{text}_{stage}")
            places[stage] = _Signal(wire, position.bits, stage, wire)
        return places[stage]

    def _counter(self, position: _Position) -> str | None:
        """The counter that is ``position``."""
        if position.offset or len(position.strides) != 1:
            return None
        name, stride = position.strides[0]
        for counter in self.plan.pipeline.counters:
            if counter.name == name and stride == 1 and counter.extent > 1:
                return self.counters[name] if position.bits == number_bits(counter.extent) else None
        return None

    # Ends

    @property
    def final(self) -> str:
        """1 when the last iteration starts."""
        self._final_used = True
        return self._final

    @property
    def early(self) -> str:
        """1 when the first iteration of the innermost counter's last round starts."""
        *outer, inner = [counter for counter in self.plan.pipeline.counters if counter.extent > 1] or [None]
        if inner is None:
            return self.final
        tests = [self.go, *(self.last(counter.name, 0) for counter in outer if counter), self.first(inner.name, 0)]
        expression = " & ".join(tests)
        if expression not in self._tests:
            name = self._names.fresh(f"{self.prefix}_round")
            self.section.wires.append(Line(1, name, expression, "the last round of the innermost counter starts"))
            self._tests[expression] = _Signal(name, 1, 0, name)
        return self._tests[expression].wire

    def later(self, wire: str, cycles: int) -> str:
        """A control signal, ``cycles`` later."""
        if cycles == 0:
            return wire
        chain = self._names.fresh(f"{wire}_end")
        self.section.registers.append(Register(cycles, chain, f"{wire}, [n] cycles later", stages=True))
        self._vector(chain, cycles, wire, reset=True)
        return f"{chain}[{cycles}]"

    # What everybody asked for

    def finish(self) -> None:
        """Make the positions, delays, valid bits and counters that were asked for."""
        for position, places in self._positions.items():
            self._finish_position(position, places)
        for signal, taps in list(self._taps.items()):
            self._finish_delay(signal, taps)
        self._finish_counters()
        if self._stages:
            self.section.registers.append(
                Register(self._stages, self._valid, "an iteration is in stage [n]", stages=True)
            )
            self._vector(self._valid, self._stages, self.go, reset=True)
        if self.slotted:
            wide = number_bits(self.interval)
            self.section.registers.append(Register(wide, self._slot, "cycle of the interval"))

    def _finish_position(self, position: _Position, places: Mapping[int, _Signal]) -> None:
        before: _Signal | None = None
        for stage, place in sorted(places.items()):
            steps = -(-(stage - before.ready) // self.interval) if before is not None else 0
            if before is not None and steps <= SHORT and steps not in self._taps.get(before, ()):
                self._taps.setdefault(before, {})[steps] = place.wire
                continue
            if place.wire not in self.counters.values():
                self._step(position, stage, place.wire)
            before = place

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
        self.section.registers.append(Register(position.bits, name, f"{_formula(position)}  (stage {stage})"))
        start = literal(position.offset & mask, position.bits)
        if not text and value == 0:
            self.section.controlled.append(f"{name} <= {start};")
            self.section.resets.append(f"{name} <= {start};")
            return
        self.section.resets.append(f"{name} <= {start};")
        amount = text or literal(value, position.bits)
        self.section.controlled.append(f"if ({self.valid(stage)}) {name} <= {name} + {amount};")

    def _finish_delay(self, signal: _Signal, taps: Mapping[int, str]) -> None:
        enable, chain = self.tick(signal.ready), self._chains.get(signal)
        if chain is not None:
            bits = {steps for steps, name in taps.items() if name == f"{chain}[{steps}]"}
            self.section.registers.append(Register(max(bits), chain, f"{signal.wire} in later stages", stages=True))
            self._vector(chain, max(bits), signal.wire, enable=enable)
            taps = {steps: name for steps, name in taps.items() if steps not in bits}
        before, source = 0, signal.wire
        for steps, name in sorted(taps.items()):
            delayed(self.section, self._names, Delay(signal.width, name, source, steps - before, enable))
            before, source = steps, name

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

    def _declare(self, counter: Counter) -> None:
        """A counter and its flags, as far as they are used."""
        name, shown, extent = self.counters[counter.name], comment(counter.name), counter.extent
        first, last = f"{name}_first", f"{name}_last"
        if extent == 1:
            self.section.wires += [
                Line(1, flag, "1'b1", "one value only") for flag in (first, last) if flag in self._flags_used
            ]
            return
        wide = number_bits(extent)
        self.section.registers.append(Register(wide, name, f"counter {shown}: 0 … {extent - 1}"))
        self.section.resets.append(f"{name} <= {literal(0, wide)};")
        if self._has_last(counter):
            self.section.registers.append(Register(1, last, f"{shown} is {extent - 1}"))
            self.section.resets.append(f"{last} <= 1'b0;")
        if first in self._flags_used:
            self.section.registers.append(Register(1, first, f"{shown} is 0"))
            self.section.resets.append(f"{first} <= 1'b1;")

    def _has_last(self, counter: Counter) -> bool:
        """Whether anything asks for the flag of the counter's last value, be it the counter itself."""
        name = self.counters[counter.name]
        outermost = next(each for each in self.plan.pipeline.counters if each.extent > 1)
        asked = not self._flags_used.isdisjoint((f"{name}_first", f"{name}_last"))
        return asked or self._final_used or counter != outermost or not _wraps(counter)

    def _finish_counters(self) -> None:
        """The odometer: the innermost counter steps with every iteration, the others when all inside wrap."""
        for counter in self.plan.pipeline.counters:
            self._declare(counter)
        lines: list[str] = []
        inside: list[str] = []
        for counter in reversed(self.plan.pipeline.counters):
            name, extent = self.counters[counter.name], counter.extent
            if extent == 1:
                continue
            wide = number_bits(extent)
            lines.append(f"if ({' & '.join([self.go, *inside])}) begin")
            step = f"{name} + {literal(1, wide)}"
            lines.append(f"    {name} <= {step if _wraps(counter) else f'{name}_last ? {literal(0, wide)} : {step}'};")
            if self._has_last(counter):
                lines.append(f"    {name}_last <= {name} == {literal(extent - 2, wide)};")
            if f"{name}_first" in self._flags_used:
                lines.append(f"    {name}_first <= {name}_last;")
            lines.append("end")
            inside.append(f"{name}_last")
        self.section.controlled += lines
        if self._final_used:
            everything = " & ".join([self.go, *inside])
            self.section.wires.append(Line(1, self._final, everything, "the last iteration starts"))


def _ranges(bounds: Mapping[str, tuple[int, int]]) -> str:
    """The bounds of counters in words."""
    return ", ".join(
        f"{name} = {low}" if low == high else f"{name} = {low} … {high}" for name, (low, high) in bounds.items()
    )


def _formula(position: _Position) -> str:
    """The sum in words."""
    terms = [(abs(stride), stride, comment(name)) for name, stride in position.strides if stride]
    signed = [("-" if stride < 0 else "+", name if size == 1 else f"{size}·{name}") for size, stride, name in terms]
    if position.offset or not signed:
        signed.append(("-" if position.offset < 0 else "+", str(abs(position.offset))))
    return " ".join(f"{sign} {term}" for sign, term in signed).removeprefix("+ ")


def _wraps(counter: Counter) -> bool:
    """Whether the register is 0 again behind the counter's last value by itself."""
    return counter.extent == 1 << number_bits(counter.extent)
