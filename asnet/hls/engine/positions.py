"""Sums of counters in the stages in which somebody needs them: addresses, mostly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from asnet.hls.engine.later import Later, StageWire
from asnet.hls.engine.odometer import Odometer
from asnet.hls.engine.parts import Register
from asnet.hls.engine.scope import LoopScope
from asnet.hls.expressions import literal
from asnet.hls.names import comment
from asnet.hls.nest import Affine
from asnet.hls.wires import number_bits

__all__ = ["Positions"]


@dataclass(frozen=True)
class _Position:
    """A sum of counters, in ``bits`` bits."""

    strides: tuple[tuple[str, int], ...]
    offset: int
    bits: int


class Positions:
    """A register with one adder for each sum and stage, which steps when its iteration passes; or one that follows."""

    def __init__(self, scope: LoopScope, odometer: Odometer, later: Later, valid: Callable[[int], str]) -> None:
        """``valid``: stage → what is 1 while an iteration is in it."""
        self._plan = scope.plan
        self._prefix = scope.prefix
        self._names = scope.names
        self._section = scope.section
        self._outside = scope.outside
        self._odometer = odometer
        self._later = later
        self._valid = valid
        self._positions: dict[_Position, dict[int, StageWire]] = {}

    def at(self, affine: Affine, width: int, stage: int, iterations: int, name: str) -> str:
        """``affine`` in ``width`` bits and in ``stage``, of an iteration that many ``iterations`` before.

        ``name``: what a sum of counters is called, where that is known.
        """
        position = _Position(tuple(sorted(affine.strides.items())), affine.offset, width)
        if iterations:
            return self._later.at(self._place(position, 0, name), stage, iterations)
        return self._place(position, stage, name).wire

    def _place(self, position: _Position, stage: int, name: str) -> StageWire:
        """``position`` in ``stage``."""
        places = self._positions.setdefault(position, {})
        if stage not in places:
            counter = self._counter(position) if stage == 0 else None
            over = [counter for counter, stride in position.strides if stride]
            text = name if name and len(over) > 1 else "_".join(over) or "fixed"
            wire = counter or self._names.fresh(f"{self._prefix}_{text}_{stage}")
            places[stage] = StageWire(wire, position.bits, stage, wire)
        return places[stage]

    def _counter(self, position: _Position) -> str | None:
        """The counter that is ``position``."""
        if position.offset or len(position.strides) != 1:
            return None
        name, stride = position.strides[0]
        for counter in self._plan.pipeline.counters:
            if counter.name == name and stride == 1 and counter.extent > 1:
                return self._odometer.counters[name] if position.bits == number_bits(counter.extent) else None
        return None

    def finish(self) -> None:
        """Make what was asked for."""
        for position, places in self._positions.items():
            self._finish(position, places)

    def _finish(self, position: _Position, places: Mapping[int, StageWire]) -> None:
        before: StageWire | None = None
        for stage, place in sorted(places.items()):
            if before is not None and self._later.name(before, stage, place.wire):
                continue
            if place.wire not in self._odometer.counters.values():
                self._step(position, stage, place.wire)
            before = place

    def _step(self, position: _Position, stage: int, name: str) -> None:
        """A register that is ``position`` in ``stage``, and steps when an iteration leaves it."""
        strides, mask = dict(position.strides), (1 << position.bits) - 1
        order = [counter for counter, _ in self._outside.repeats] + list(self._plan.pipeline.counters)
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
            text = f"({self._odometer.last(counter.name, stage)} ? {wrapped} : {literal(step, position.bits)})"
        self._section.registers.append(Register(position.bits, name, f"{_formula(position)}  (stage {stage})"))
        start = literal(position.offset & mask, position.bits)
        if not text and value == 0:
            self._section.controlled.append(f"{name} <= {start};")
            self._section.resets.append(f"{name} <= {start};")
            return
        self._section.resets.append(f"{name} <= {start};")
        amount = text or literal(value, position.bits)
        self._section.controlled.append(f"if ({self._valid(stage)}) {name} <= {name} + {amount};")


def _formula(position: _Position) -> str:
    """The sum in words."""
    terms = [(abs(stride), stride, comment(name)) for name, stride in position.strides if stride]
    signed = [("-" if stride < 0 else "+", name if size == 1 else f"{size}·{name}") for size, stride, name in terms]
    if position.offset or not signed:
        signed.append(("-" if position.offset < 0 else "+", str(abs(position.offset))))
    return " ".join(f"{sign} {term}" for sign, term in signed).removeprefix("+ ")
