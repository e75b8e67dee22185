"""The counters of a loop: what they count, and what is known of an iteration from them."""

from __future__ import annotations

from collections.abc import Mapping

from asnet.hls.engine.later import Later, StageWire
from asnet.hls.engine.parts import Line, Register
from asnet.hls.engine.scope import LoopScope
from asnet.hls.expressions import literal
from asnet.hls.names import comment
from asnet.hls.nest import Counter
from asnet.hls.wires import number_bits

__all__ = ["Odometer"]


class Odometer:
    """The counters of a loop, and their flags, as far as they are asked for. ``counters``: name → register.

    ``go`` is 1 in the cycle in which an iteration starts.
    """

    def __init__(self, scope: LoopScope, go: str, later: Later) -> None:
        self._plan = scope.plan
        self._go = go
        self._prefix = scope.prefix
        self._names = scope.names
        self._section = scope.section
        self._outside = scope.outside
        self._later = later
        self._tests: dict[str, StageWire] = {}
        self._flags_used: set[str] = set()
        self._final = scope.names.fresh(f"{scope.prefix}_final")
        self._final_used = False
        self.counters = {
            counter.name: scope.names.fresh(f"{scope.prefix}_{counter.name}", ("", "_first", "_last"))
            for counter in scope.plan.pipeline.counters
        }

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
        return self._later.at(StageWire(wire, 1, 0, wire), stage)

    def when(self, bounds: Mapping[str, tuple[int, int]], stage: int) -> str:
        """1 in ``stage`` of iterations in which the counters are within ``bounds``; empty if they always are."""
        tests: list[str] = []
        for name, (low, high) in bounds.items():
            tests += self._within(name, low, high)
        if not tests:
            return ""
        expression = " & ".join(tests)
        if expression in self._flags_used:
            return self._later.at(StageWire(expression, 1, 0, expression), stage)
        if expression not in self._tests:
            name = self._names.fresh(f"{self._prefix}_when")
            self._section.wires.append(Line(1, name, expression, comment(f"iterations with {_ranges(bounds)}")))
            self._tests[expression] = StageWire(name, 1, 0, name)
        return self._later.at(self._tests[expression], stage)

    def _within(self, name: str, low: int, high: int) -> list[str]:
        around = next((counter for counter, _ in self._outside.repeats if counter.name == name), None)
        own = next((counter for counter in self._plan.pipeline.counters if counter.name == name), around)
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

    @property
    def final(self) -> str:
        """1 when the last iteration starts."""
        self._final_used = True
        return self._final

    @property
    def early(self) -> str:
        """1 when the first iteration of the innermost counter's last round starts."""
        *outer, inner = [counter for counter in self._plan.pipeline.counters if counter.extent > 1] or [None]
        if inner is None:
            return self.final
        tests = [self._go, *(self.last(counter.name, 0) for counter in outer if counter), self.first(inner.name, 0)]
        expression = " & ".join(tests)
        if expression not in self._tests:
            name = self._names.fresh(f"{self._prefix}_round")
            self._section.wires.append(Line(1, name, expression, "the last round of the innermost counter starts"))
            self._tests[expression] = StageWire(name, 1, 0, name)
        return self._tests[expression].wire

    def finish(self) -> None:
        """Make what was asked for. The innermost counter steps with every iteration, others when all inside wrap."""
        for counter in self._plan.pipeline.counters:
            self._declare(counter)
        lines: list[str] = []
        inside: list[str] = []
        for counter in reversed(self._plan.pipeline.counters):
            name, extent = self.counters[counter.name], counter.extent
            if extent == 1:
                continue
            wide = number_bits(extent)
            lines.append(f"if ({' & '.join([self._go, *inside])}) begin")
            step = f"{name} + {literal(1, wide)}"
            lines.append(f"    {name} <= {step if _wraps(counter) else f'{name}_last ? {literal(0, wide)} : {step}'};")
            if self._has_last(counter):
                lines.append(f"    {name}_last <= {name} == {literal(extent - 2, wide)};")
            if f"{name}_first" in self._flags_used:
                lines.append(f"    {name}_first <= {name}_last;")
            lines.append("end")
            inside.append(f"{name}_last")
        self._section.controlled += lines
        if self._final_used:
            everything = " & ".join([self._go, *inside])
            self._section.wires.append(Line(1, self._final, everything, "the last iteration starts"))

    def _declare(self, counter: Counter) -> None:
        """A counter and its flags, as far as they are used."""
        name, shown, extent = self.counters[counter.name], comment(counter.name), counter.extent
        first, last = f"{name}_first", f"{name}_last"
        if extent == 1:
            self._section.wires += [
                Line(1, flag, "1'b1", "one value only") for flag in (first, last) if flag in self._flags_used
            ]
            return
        wide = number_bits(extent)
        self._section.registers.append(Register(wide, name, f"counter {shown}: 0 … {extent - 1}"))
        self._section.resets.append(f"{name} <= {literal(0, wide)};")
        if self._has_last(counter):
            self._section.registers.append(Register(1, last, f"{shown} is {extent - 1}"))
            self._section.resets.append(f"{last} <= 1'b0;")
        if first in self._flags_used:
            self._section.registers.append(Register(1, first, f"{shown} is 0"))
            self._section.resets.append(f"{first} <= 1'b1;")

    def _has_last(self, counter: Counter) -> bool:
        """Whether anything asks for the flag of the counter's last value, be it the counter itself."""
        name = self.counters[counter.name]
        outermost = next(each for each in self._plan.pipeline.counters if each.extent > 1)
        asked = not self._flags_used.isdisjoint((f"{name}_first", f"{name}_last"))
        return asked or self._final_used or counter != outermost or not _wraps(counter)


def _ranges(bounds: Mapping[str, tuple[int, int]]) -> str:
    """The bounds of counters in words."""
    return ", ".join(
        f"{name} = {low}" if low == high else f"{name} = {low} … {high}" for name, (low, high) in bounds.items()
    )


def _wraps(counter: Counter) -> bool:
    """Whether the register is 0 again behind the counter's last value by itself."""
    return counter.extent == 1 << number_bits(counter.extent)
