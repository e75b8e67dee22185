"""Netlists of gates with at most three inputs, and their evaluation 64 operand pairs to a word."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asnet.emulate.analysis.aig import Aig, AigBuilder

__all__ = ["CONSTANT_0", "CONSTANT_1", "Netlist", "netlist_of"]

CONSTANT_0: Final = -1
CONSTANT_1: Final = -2

Words = NDArray[np.uint64]

_CHUNK: Final = 1 << 12
"""Words (of 64 operand pairs) that are evaluated at a time: all live signals stay in the cache."""


@dataclass(frozen=True, eq=False)
class Netlist:
    """A combinational circuit of gates with three inputs.

    Signals are numbers: the bits of a from 0 (lowest first), the bits of b from ``width_a``, then the gates in
    topological order; :data:`CONSTANT_0` and :data:`CONSTANT_1` are negative. Gate g computes bit ``i0 + 2 i1 + 4 i2``
    of ``tables[g]`` (uint8) from the signals ``inputs[g]`` (int32, three); a gate of fewer inputs names its first one
    again, and its table does not depend on the copies. ``outputs`` (int32) are signals, lowest bit of y first.
    """

    width_a: int
    width_b: int
    tables: NDArray[np.uint8]
    inputs: NDArray[np.int32]
    outputs: NDArray[np.int32]

    @property
    def gates(self) -> int:
        """The number of gates."""
        return len(self.tables)

    @cached_property
    def support(self) -> tuple[int, int]:
        """The bits of a and of b on which some output depends structurally, as masks."""
        return self.aig.support()

    @cached_property
    def aig(self) -> Aig:
        """The same circuit as AND gates and inverters."""
        build = AigBuilder(self.width_a, self.width_b)
        literals = [2 * (bit + 1) for bit in range(self.width_a + self.width_b)]
        literals += [0] * self.gates + [1, 0]  # constants: numbers from the end
        first = self.width_a + self.width_b
        for gate, (table, three) in enumerate(self._gates):
            literals[first + gate] = build.truth(table, [literals[signal] for signal in three])
        return build.aig([literals[signal] for signal in self._outputs])

    @property
    def _gates(self) -> list[tuple[int, list[int]]]:
        tables: list[int] = self.tables.tolist()
        inputs: list[list[int]] = self.inputs.tolist()
        return list(zip(tables, inputs, strict=True))

    @property
    def _outputs(self) -> list[int]:
        outputs: list[int] = self.outputs.tolist()
        return outputs

    def evaluate(self, a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.uint64]:
        """The bit patterns of the results for the bit patterns ``a`` and ``b`` (vectors of one length)."""
        pairs = len(a)
        words = -(-pairs // 64)
        found = np.empty(words * 64, np.uint64)
        for first in range(0, words, _CHUNK):
            last = min(first + _CHUNK, words)
            part = slice(64 * first, 64 * last)
            operands = [_slices(a[part], self.width_a), _slices(b[part], self.width_b)]
            found[part] = _numbers(self.evaluate_words(np.concatenate(operands)))
        return found[:pairs]

    def evaluate_words(self, inputs: Words) -> Words:
        """Bit-sliced results (output bits, words) of bit-sliced operands (bits of a, then of b; words)."""
        signals: list[Words | None] = [*inputs, *[None] * self.gates]
        words = inputs.shape[1]
        zero, one = np.zeros(words, np.uint64), np.full(words, ~np.uint64(0))

        def value(signal: int) -> Words:
            if signal < 0:
                return zero if signal == CONSTANT_0 else one
            found = signals[signal]
            assert found is not None
            return found

        first = self.width_a + self.width_b
        kept = frozenset(self._outputs)
        for gate, (table, three) in enumerate(self._gates):
            signals[first + gate] = _gate(table, *(value(signal) for signal in three))
            for signal in self._last_used[gate]:
                if signal not in kept:
                    signals[signal] = None
        return np.stack([value(signal) for signal in self._outputs])

    @cached_property
    def _last_used(self) -> list[list[int]]:
        """For every gate the signals that no later gate reads."""
        last: dict[int, int] = {}
        for gate, (_, three) in enumerate(self._gates):
            for signal in three:
                if signal >= 0:
                    last[signal] = gate
        ends: list[list[int]] = [[] for _ in range(self.gates)]
        for signal, gate in last.items():
            ends[gate].append(signal)
        return ends


def netlist_of(aig: Aig) -> Netlist:
    """``aig`` as a netlist, gate for gate: for evaluation, not for speed."""
    first = aig.inputs + 1
    gates = [((left >> 1) - 1, (right >> 1) - 1, left & 1, right & 1) for left, right in aig.gates]
    tables = np.array([_AND[left][right] for _, _, left, right in gates], np.uint8)
    inputs = np.array([(left, right, left) for left, right, _, _ in gates], np.int32).reshape(-1, 3)
    outputs = [(literal >> 1) - 1 for literal in aig.outputs]
    inverted = sorted({signal for signal, literal in zip(outputs, aig.outputs, strict=True) if literal & 1} - {-1})
    place = {signal: first - 1 + len(gates) + extra for extra, signal in enumerate(inverted)}
    tables = np.concatenate([tables, np.full(len(inverted), 0x55, np.uint8)])
    inputs = np.concatenate([inputs, np.array([(s, s, s) for s in inverted], np.int32).reshape(-1, 3)])
    constants = (CONSTANT_0, CONSTANT_1)
    chosen = [
        constants[literal & 1] if signal < 0 else place[signal] if literal & 1 else signal
        for signal, literal in zip(outputs, aig.outputs, strict=True)
    ]
    return Netlist(aig.width_a, aig.width_b, tables, inputs, np.array(chosen, np.int32))


_AND: Final = ((0x88, 0x22), (0x44, 0x11))
"""Truth tables of AND with either input inverted; the third input does not count."""


def _gate(table: int, a: Words, b: Words, c: Words) -> Words:
    """Bit-sliced gate: Shannon's expansion on the last input."""
    low, high = table & 15, table >> 4
    if low == high:
        return _pair(low, a, b)
    if low == 15 - high:
        return _pair(low, a, b) ^ c
    if low == 0:
        return _pair(high, a, b) & c
    if high == 0:
        return _pair(low, a, b) & ~c
    if low == 15:
        return _pair(high, a, b) | ~c
    if high == 15:
        return _pair(low, a, b) | c
    f = _pair(low, a, b)
    return f ^ ((f ^ _pair(high, a, b)) & c)


def _pair(table: int, a: Words, b: Words) -> Words:
    """Bit ``a + 2 b`` of the four bits ``table``."""
    if table & 1:
        return ~_pair(15 - table, a, b)
    match table:
        case 0:
            return np.zeros_like(a)
        case 2:
            return a & ~b
        case 4:
            return b & ~a
        case 6:
            return a ^ b
        case 8:
            return a & b
        case 10:
            return a
        case 12:
            return b
        case _:
            return a | b


def _slices(values: NDArray[np.integer], width: int) -> Words:
    """Bit i of every value in row i, 64 to a word, zero beyond the last."""
    padded = np.zeros(-(-len(values) // 64) * 64, np.uint64)
    padded[: len(values)] = values.astype(np.uint64)
    bytes_ = padded.view(np.uint8).reshape(-1, 8)  # little endian, as all machines that LLVM compiles for here
    rows: list[Words] = []
    for bit in range(width):
        ones = (bytes_[:, bit >> 3] >> np.uint8(bit & 7)) & np.uint8(1)
        rows.append(np.packbits(ones, bitorder="little").view(np.uint64))
    return np.stack(rows)


def _numbers(rows: Words) -> NDArray[np.uint64]:
    """The inverse of :func:`_slices`."""
    found = np.zeros((rows.shape[1] * 64, 8), np.uint8)
    for bit, row in enumerate(rows):
        ones = np.unpackbits(row.view(np.uint8), bitorder="little")
        found[:, bit >> 3] |= ones << np.uint8(bit & 7)
    return found.view(np.uint64).ravel()
