"""Wires in later stages than their own: registers, shift registers of bits, delay lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from asnet.hls.engine.parts import SHORT, Delay, Register, Section, delayed
from asnet.hls.expressions import literal
from asnet.hls.names import Names

__all__ = ["Later", "StageWire", "shift_register"]


@dataclass(frozen=True)
class StageWire:
    """A wire that has a value in the stage ``ready``; ``base``: what later registers are named after."""

    wire: str
    width: int
    ready: int
    base: str


class Later:
    """Gives wires in the stages in which somebody needs them; what keeps them until then is made in :meth:`finish`.

    A value stays in each register for ``interval`` cycles; ``tick``: stage → what is 1 in the cycle in which a value of
    that stage goes on, empty if it does in each.
    """

    def __init__(self, section: Section, names: Names, interval: int, tick: Callable[[int], str]) -> None:
        self._section = section
        self._names = names
        self._interval = interval
        self._tick = tick
        self._taps: dict[StageWire, dict[int, str]] = {}
        self._chains: dict[StageWire, str] = {}

    def at(self, wire: StageWire, stage: int, iterations: int = 0) -> str:
        """``wire`` in ``stage``, of an iteration that many ``iterations`` before."""
        steps = self._steps(wire, stage + iterations * self._interval)
        if steps == 0:
            return wire.wire
        taps = self._taps.setdefault(wire, {})
        if steps not in taps:
            one_bit = wire.width == 1
            taps[steps] = f"{self._chain(wire)}[{steps}]" if one_bit else self._names.fresh(f"{wire.base}_{steps}")
        return taps[steps]

    def name(self, wire: StageWire, stage: int, name: str) -> bool:
        """Call ``wire`` in ``stage`` ``name``; False if it has a name there, or would need many registers."""
        steps = self._steps(wire, stage)
        if steps > SHORT or steps in self._taps.get(wire, ()):
            return False
        self._taps.setdefault(wire, {})[steps] = name
        return True

    def _steps(self, wire: StageWire, cycle: int) -> int:
        return -(-(cycle - wire.ready) // self._interval)

    def _chain(self, wire: StageWire) -> str:
        """The name of the shift register behind a bit."""
        if wire not in self._chains:
            self._chains[wire] = self._names.fresh(f"{wire.base}_at")
        return self._chains[wire]

    def finish(self) -> None:
        """Make everything that was asked for."""
        for wire, taps in list(self._taps.items()):
            self._finish(wire, taps)

    def _finish(self, wire: StageWire, taps: dict[int, str]) -> None:
        enable, chain = self._tick(wire.ready), self._chains.get(wire)
        if chain is not None:
            bits = {steps for steps, name in taps.items() if name == f"{chain}[{steps}]"}
            self._section.registers.append(Register(max(bits), chain, f"{wire.wire} in later stages", stages=True))
            guard = f"if ({enable}) " if enable else ""
            self._section.clocked.append(f"{guard}{chain} <= {_shifted(chain, max(bits), wire.wire)};")
            taps = {steps: name for steps, name in taps.items() if steps not in bits}
        before, source = 0, wire.wire
        for steps, name in sorted(taps.items()):
            delayed(self._section, self._names, Delay(wire.width, name, source, steps - before, enable))
            before, source = steps, name


def shift_register(section: Section, name: str, length: int, source: str, what: str) -> None:
    """A register ``name`` whose bit n, from 1 to ``length``, is ``source`` n cycles before; a reset clears it."""
    section.registers.append(Register(length, name, what, stages=True))
    section.resets.append(f"{name} <= {literal(0, length)};")
    section.controlled.append(f"{name} <= {_shifted(name, length, source)};")


def _shifted(name: str, length: int, source: str) -> str:
    return f"{{{name}[{length - 1}:1], {source}}}" if length > 1 else source
