"""From ordered gates to instructions on few registers: who is in a register, who waits in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from asnet.emulate.bitsliced.placed import Bit, Place, Placed

__all__ = ["Allocation", "Instruction", "Operand", "allocate"]

Operand: TypeAlias = "int | Place"
"""A register's number, or a vector in memory."""

_NEVER: Final = 1 << 60


@dataclass(frozen=True)
class Instruction:
    """``load`` the target from its operand, ``store`` the target to its operand, ``copy`` its operand; ``mask``: bit
    ``table`` of every lane of its operand, in all bits; ``gate``: ``table`` of its operands, the last of which may be
    in memory. A gate of three operands has its target as the first."""

    kind: str
    target: int
    operands: tuple[Operand, ...]
    table: int = 0


@dataclass
class Allocation:
    """The instructions, and how many vectors of memory they need behind pointer ``spill``."""

    spill: int
    instructions: list[Instruction] = field(default_factory=list[Instruction])
    spilled: int = 0


def allocate(placed: Placed, order: list[int], registers: int) -> Allocation:
    """The gates of ``placed`` in ``order`` on ``registers`` registers (at least 4).

    Whoever is needed last gives its register (Belady): what comes is known, so that is nearly the fewest loads.
    """
    return _Allocator(placed, order, registers).run()


class _Allocator:
    def __init__(self, placed: Placed, order: list[int], registers: int) -> None:
        self._placed, self._order = placed, order
        program = placed.program
        self._base, self._gates = program.inputs, program.gates
        self._uses: list[list[int]] = [[] for _ in range(self._base + len(self._gates))]
        for time in reversed(range(len(order))):
            for signal in self._gates[order[time]].inputs:
                self._uses[signal].append(time)
        self._outputs: dict[int, list[Place]] = {}
        for signal, place in zip(program.outputs, placed.outputs, strict=True):
            self._outputs.setdefault(signal, []).append(place)
        self._memory = {n: source for n, source in enumerate(placed.inputs) if isinstance(source, Place)}
        self._register: dict[int, int] = {}
        self._free = list(reversed(range(registers)))
        self._slots: list[Place] = []
        self._result = Allocation(placed.pointers)

    def run(self) -> Allocation:
        for number in self._order:
            self._gate(number)
        for signal, places in self._outputs.items():
            if signal < self._base:  # what comes in goes out
                register = self._fetch(signal, ())
                for place in places:
                    self._emit("store", register, place)
                self._release(signal)
        return self._result

    def _emit(self, kind: str, target: int, *operands: Operand, table: int = 0) -> None:
        self._result.instructions.append(Instruction(kind, target, operands, table))

    def _next(self, signal: int) -> int:
        return self._uses[signal][-1] if self._uses[signal] else _NEVER

    def _gate(self, number: int) -> None:
        gate = self._gates[number]
        inputs, signal = gate.inputs, self._base + number
        for place in inputs:
            self._uses[place].pop()
        outside = sorted(
            (place for place in inputs if place not in self._register and place in self._memory), key=self._next
        )
        waiting = outside[-1] if outside and self._stays(outside[-1], inputs) else None
        for place in inputs:
            if place not in self._register and place != waiting:
                self._fetch(place, inputs)
        dying = [place for place in inputs if place in self._register and self._next(place) == _NEVER]
        self._compute(gate.inputs, gate.table, waiting, dying, signal)
        for place in inputs:
            if self._next(place) == _NEVER:
                self._forget(place)
        for home in self._outputs.get(signal, ()):
            self._emit("store", self._register[signal], home)
            self._memory.setdefault(signal, home)
        if self._next(signal) == _NEVER:
            self._release(signal)

    def _stays(self, signal: int, inputs: tuple[int, ...]) -> bool:
        """Whether ``signal`` is better used from memory than brought into a register."""
        soon = self._next(signal)
        if soon == _NEVER:
            return True
        return not self._free and all(self._next(other) < soon for other in self._register if other not in inputs)

    def _compute(self, inputs: tuple[int, ...], table: int, waiting: int | None, dying: list[int], signal: int) -> None:
        """Emit the gate; its signal gets a register."""
        if len(inputs) == 3:
            if not dying and waiting is not None:
                self._fetch(waiting, inputs)
                dying, waiting = [waiting], None
                home = self._register.pop(inputs[inputs.index(dying[0])])
                first = dying[0]
            elif dying:
                first = dying[0]
                home = self._register.pop(first)
            else:
                first = max(inputs, key=self._next)
                home = self._take(inputs)
                self._emit("copy", home, self._register[first])
            rest = [place for place in inputs if place != first]
            if waiting is not None:
                rest.sort(key=lambda place: place == waiting)
            order = (first, *rest)
            operands: list[Operand] = [home, *(self._operand(place, waiting) for place in rest)]
            self._register[signal] = home
            self._emit("gate", home, *operands, table=_permuted(inputs, table, order))
            return
        order = tuple(sorted(inputs, key=lambda place: place == waiting))
        operands = [self._operand(place, waiting) for place in order]
        home = self._register.pop(dying[0]) if dying else self._take(inputs)
        self._register[signal] = home
        self._emit("gate", home, *operands, table=_permuted(inputs, table, order))

    def _operand(self, signal: int, waiting: int | None) -> Operand:
        return self._memory[signal] if signal == waiting else self._register[signal]  # type: ignore[return-value]

    def _fetch(self, signal: int, keep: tuple[int, ...]) -> int:
        """The register of ``signal``, brought there if need be."""
        if signal in self._register:
            return self._register[signal]
        home = self._take(keep)
        source = self._memory.get(signal)
        if source is not None:
            self._emit("load", home, source)
        else:
            bit = self._placed.inputs[signal]
            assert isinstance(bit, Bit)
            self._emit("mask", home, bit.word, table=bit.bit)
        self._register[signal] = home
        return home

    def _take(self, keep: tuple[int, ...]) -> int:
        """A free register; whoever is used last, but none of ``keep``, goes to memory for it."""
        if self._free:
            return self._free.pop()
        victim = max((signal for signal in self._register if signal not in keep), key=self._next)
        home = self._register.pop(victim)
        if victim not in self._memory:
            if not self._slots:
                self._slots.append(Place(self._result.spill, self._result.spilled))
                self._result.spilled += 1
            self._memory[victim] = self._slots.pop()
            self._emit("store", home, self._memory[victim])
        return home

    def _release(self, signal: int) -> None:
        self._free.append(self._register.pop(signal))
        self._forget(signal)

    def _forget(self, signal: int) -> None:
        """``signal`` is not used again."""
        if signal in self._register:
            self._free.append(self._register.pop(signal))
        place = self._memory.get(signal)
        if place is not None and place.base == self._result.spill:
            del self._memory[signal]
            self._slots.append(place)


def _permuted(inputs: tuple[int, ...], table: int, order: tuple[int, ...]) -> int:
    """``table`` for the inputs in ``order``."""
    result = 0
    for index in range(1 << len(order)):
        bits = {place: index >> i & 1 for i, place in enumerate(order)}
        result |= (table >> sum(bits[place] << i for i, place in enumerate(inputs)) & 1) << index
    return result
