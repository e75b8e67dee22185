"""Straight-line programs of gates with up to three inputs: a unit's netlist, taken apart for a sums-of-products kernel.

A signal is a number: the program's inputs first, then its gates in their order. Every signal is a vector of bits that
are worked on at once, one bit a lane.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MAJORITY",
    "XOR",
    "Builder",
    "Circuit",
    "Gate",
    "Program",
    "Split",
    "accumulating",
    "program_of",
    "split",
    "variable",
]

XOR = 0b10010110
"""Truth table of the exclusive or of three inputs: the sum of a full adder."""
MAJORITY = 0b11101000
"""That of the majority of three inputs: its carry."""


class Circuit(Protocol):
    """A netlist of gates with three inputs (:class:`asnet.emulate.analysis.Netlist`): signals are the bits of a, those
    of b, the gates; -1 and -2 are constant zero and one."""

    @property
    def width_a(self) -> int: ...
    @property
    def width_b(self) -> int: ...
    @property
    def tables(self) -> NDArray[np.uint8]: ...
    @property
    def inputs(self) -> NDArray[np.int32]: ...
    @property
    def outputs(self) -> NDArray[np.int32]: ...


@dataclass(frozen=True)
class Gate:
    """Bit ``i`` of ``table`` is the output where the inputs, the first the least significant, are ``i``."""

    inputs: tuple[int, ...]
    table: int


@dataclass(frozen=True)
class Program:
    """``outputs`` are signals; ``gates`` refer to inputs and to gates before them."""

    inputs: int
    gates: tuple[Gate, ...]
    outputs: tuple[int, ...]

    def evaluate(self, inputs: Sequence[int]) -> list[int]:
        """The outputs of one lane, for tests and messages."""
        values = list(inputs)
        for gate in self.gates:
            values.append(gate.table >> sum(values[place] << i for i, place in enumerate(gate.inputs)) & 1)
        return [values[place] for place in self.outputs]


class Builder:
    """Makes a program: gates are made once, inputs that do not matter and constants are folded away.

    Constant signals are -1 (zero) and -2 (one) until :meth:`program` makes gates without inputs of them.
    """

    ZERO, ONE = -1, -2

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.gates: list[Gate] = []
        self._known: dict[Gate, int] = {}

    def gate(self, inputs: Sequence[int], table: int) -> int:
        """The signal of a gate; an earlier one if it is the same function of the same signals."""
        order = sorted({place for place in inputs if place >= 0})

        def value(assignment: dict[int, int]) -> int:
            return table >> sum(assignment[place] << i for i, place in enumerate(inputs)) & 1

        fixed = {self.ZERO: 0, self.ONE: 1}
        places = [{place: index >> i & 1 for i, place in enumerate(order)} for index in range(1 << len(order))]
        values = [value(fixed | place) for place in places]
        for i in reversed(range(len(order))):
            half = [(values[index], values[index | 1 << i]) for index in range(len(values)) if not index >> i & 1]
            if all(low == high for low, high in half):
                values = [low for low, _ in half]
                del order[i]
        if not order:
            return self.ONE if values[0] else self.ZERO
        if values == [0, 1]:
            return order[0]
        made = Gate(tuple(order), sum(bit << i for i, bit in enumerate(values)))
        if made not in self._known:
            self.gates.append(made)
            self._known[made] = self.inputs + len(self.gates) - 1
        return self._known[made]

    def program(self, outputs: Sequence[int]) -> Program:
        """The program with these outputs, without the gates that none of them needs."""
        for constant, table in ((self.ZERO, 0), (self.ONE, 1)):
            if constant in outputs:
                self.gates.append(Gate((), table))
                last = self.inputs + len(self.gates) - 1
                outputs = [last if signal == constant else signal for signal in outputs]
        needed = set(outputs)
        for number in reversed(range(len(self.gates))):
            if self.inputs + number in needed:
                needed.update(self.gates[number].inputs)
        renamed = {place: place for place in range(self.inputs)}
        gates: list[Gate] = []
        for number, gate in enumerate(self.gates):
            if self.inputs + number in needed:
                gates.append(Gate(tuple(renamed[place] for place in gate.inputs), gate.table))
                renamed[self.inputs + number] = self.inputs + len(gates) - 1
        return Program(self.inputs, tuple(gates), tuple(renamed[signal] for signal in outputs))


def program_of(circuit: Circuit) -> Program:
    """``circuit`` as a program: inputs are the bits of a, then those of b."""
    base = circuit.width_a + circuit.width_b
    builder = Builder(base)
    signals = [*range(base)]
    tables: list[int] = circuit.tables.tolist()
    gates: list[list[int]] = circuit.inputs.tolist()
    outputs: list[int] = circuit.outputs.tolist()
    for table, inputs in zip(tables, gates, strict=True):
        signals.append(builder.gate([place if place < 0 else signals[place] for place in inputs], table))
    return builder.program([place if place < 0 else signals[place] for place in outputs])


@dataclass(frozen=True)
class Split:
    """A program of two operands as three: what depends on one operand alone, for each, and the rest.

    ``sides[k]`` maps operand k's bits to the signals that ``rest`` takes of it; the inputs of ``rest`` are those of
    side 0, then those of side 1.
    """

    sides: tuple[Program, Program]
    rest: Program


def split(program: Program, widths: tuple[int, int]) -> Split:
    """``program``, whose inputs are two operands of ``widths`` bits, as its parts."""
    first = widths[0]
    kinds: list[frozenset[int]] = [frozenset((int(place >= first),)) for place in range(program.inputs)]
    for gate in program.gates:
        kinds.append(frozenset[int]().union(*(kinds[place] for place in gate.inputs)))
    mixed = [len(kind) > 1 for kind in kinds]
    used = {
        place
        for number, gate in enumerate(program.gates, start=program.inputs)
        if mixed[number]
        for place in gate.inputs
        if not mixed[place]
    }
    used |= {place for place in program.outputs if not mixed[place]}
    cuts = [sorted(place for place in used if kinds[place] == frozenset((side,))) for side in (0, 1)]
    sides = tuple(_part(program, side * first, widths[side], cut) for side, cut in enumerate(cuts))
    rest = Builder(len(cuts[0]) + len(cuts[1]))
    renamed = {place: number for number, place in enumerate((*cuts[0], *cuts[1]))}
    for number, gate in enumerate(program.gates, start=program.inputs):
        if mixed[number] or not kinds[number]:
            renamed[number] = rest.gate([renamed[place] for place in gate.inputs], gate.table)
    return Split((sides[0], sides[1]), rest.program([renamed[place] for place in program.outputs]))


def _part(program: Program, begin: int, width: int, outputs: Sequence[int]) -> Program:
    """What ``outputs``, which depend on inputs ``begin`` … alone, are of those inputs."""
    part = Builder(width)
    renamed = {begin + bit: bit for bit in range(width)}
    for number, gate in enumerate(program.gates, start=program.inputs):
        if all(place in renamed for place in gate.inputs):
            renamed[number] = part.gate([renamed[place] for place in gate.inputs], gate.table)
    return part.program([renamed[place] for place in outputs])


def variable(program: Program) -> tuple[Program, dict[int, int]]:
    """``program`` without the outputs that are constant, and these: number of the output → bit."""
    builder = Builder(program.inputs)
    signals = _copied(program, builder)
    outputs = [signals[place] for place in program.outputs]
    known = {Builder.ZERO: 0, Builder.ONE: 1}
    fixed = {number: known[signal] for number, signal in enumerate(outputs) if signal in known}
    return builder.program([signal for signal in outputs if signal not in known]), fixed


def _copied(program: Program, builder: Builder) -> list[int]:
    """The signals of ``program`` in ``builder``, where its gates are made."""
    signals = [*range(program.inputs)]
    for gate in program.gates:
        signals.append(builder.gate([signals[place] for place in gate.inputs], gate.table))
    return signals


def accumulating(program: Program, width: int, *, signed: bool) -> Program:
    """``program`` with ``width`` more inputs, a sum, to which its outputs are added as a number: the new sum.

    The number is extended by its sign (or by zeros) or cut to ``width``; the sum wraps.
    """
    builder = Builder(program.inputs + width)
    signals = _copied(program, builder)
    product_bits = [signals[place] for place in program.outputs][:width]
    product_bits += [product_bits[-1] if signed else Builder.ZERO] * (width - len(product_bits))
    return builder.program(_sum(builder.gate, product_bits, range(program.inputs, program.inputs + width)))


def _sum(gate: Callable[[Sequence[int], int], int], left: Iterable[int], right: Iterable[int]) -> list[int]:
    carry, total = Builder.ZERO, list[int]()
    for bits in zip(left, right, strict=True):
        total.append(gate((*bits, carry), XOR))
        carry = gate((*bits, carry), MAJORITY)
    return total
