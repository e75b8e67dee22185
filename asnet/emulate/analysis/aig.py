"""And-inverter graphs: how combinational circuits travel between yosys' gates, ABC and netlists.

A *literal* is an integer: twice a node's number, plus 1 if inverted (AIGER, Biere 2007). Node 0 is the constant 0, the
next nodes are the inputs (the bits of a, then those of b, lowest first), the rest are AND gates in topological order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["FALSE", "TRUE", "Aig", "AigBuilder"]

FALSE: Final = 0
TRUE: Final = 1


@dataclass(frozen=True, eq=False)
class Aig:
    """A circuit of ``width_a`` + ``width_b`` inputs; ``gates`` are the literals of each AND's operands, ``outputs`` are
    literals, lowest bit first."""

    width_a: int
    width_b: int
    gates: tuple[tuple[int, int], ...]
    outputs: tuple[int, ...]

    @property
    def inputs(self) -> int:
        """The number of input bits."""
        return self.width_a + self.width_b

    def support(self) -> tuple[int, int]:
        """The bits of a and of b on which some output depends structurally, as masks."""
        first = self.inputs + 1
        needed = [False] * (first + len(self.gates))
        for literal in self.outputs:
            needed[literal >> 1] = True
        for node in range(len(needed) - 1, first - 1, -1):
            if needed[node]:
                for literal in self.gates[node - first]:
                    needed[literal >> 1] = True
        a, b = needed[1 : self.width_a + 1], needed[self.width_a + 1 : first]
        return _mask(a), _mask(b)

    def with_inputs(self, bits: Sequence[int]) -> Aig:
        """The same circuit behind other inputs: bit i of a and b (as counted above) is the literal ``bits[i]`` over
        constants and the inputs, which stay as they are."""
        build = AigBuilder(self.width_a, self.width_b)
        return build.aig(build.copy(self, bits))

    def masked(self, mask_a: int, mask_b: int) -> Aig:
        """``self(a & mask_a, b & mask_b)``."""
        kept = [mask_a >> bit & 1 for bit in range(self.width_a)] + [mask_b >> bit & 1 for bit in range(self.width_b)]
        return self.with_inputs([2 * (bit + 1) if keep else FALSE for bit, keep in enumerate(kept)])

    def cofactor(self, bit: int, value: int) -> Aig:
        """The circuit with input ``bit`` (as counted above) held at ``value``."""
        bits = [2 * (place + 1) for place in range(self.inputs)]
        bits[bit] = value
        return self.with_inputs(bits)

    def aiger(self) -> bytes:
        """Binary AIGER, with the inputs called a0, a1 …, b0 … and the outputs y0 …"""
        gates = len(self.gates)
        text = f"aig {self.inputs + gates} {self.inputs} 0 {len(self.outputs)} {gates}\n"
        text += "".join(f"{literal}\n" for literal in self.outputs)
        body = bytearray(text.encode())
        for place, (left, right) in enumerate(self.gates, start=self.inputs + 1):
            high, low = max(left, right), min(left, right)
            for delta in (2 * place - high, high - low):
                while delta > 0x7F:
                    body.append(delta & 0x7F | 0x80)
                    delta >>= 7
                body.append(delta)
        names = [f"a{bit}" for bit in range(self.width_a)] + [f"b{bit}" for bit in range(self.width_b)]
        symbols = [f"i{place} {name}" for place, name in enumerate(names)]
        symbols += [f"o{place} y{place}" for place in range(len(self.outputs))]
        return bytes(body) + ("\n".join(symbols) + "\n").encode()


class AigBuilder:
    """Builds a graph: constants are folded, equal gates are one, and gates that nothing needs are left out."""

    def __init__(self, width_a: int, width_b: int) -> None:
        self.width_a = width_a
        self.width_b = width_b
        self._first = width_a + width_b + 1
        self._gates: list[tuple[int, int]] = []
        self._known: dict[tuple[int, int], int] = {}

    def conjunction(self, left: int, right: int) -> int:
        """The literal of ``left`` AND ``right``."""
        if left > right:
            left, right = right, left
        if left == FALSE or left == right ^ 1:
            return FALSE
        if left in (TRUE, right):
            return right
        found = self._known.get((left, right))
        if found is None:
            found = 2 * (self._first + len(self._gates))
            self._gates.append((left, right))
            self._known[left, right] = found
        return found

    def copy(self, source: Aig, bits: Sequence[int]) -> list[int]:
        """The literals of ``source``'s outputs with the literals ``bits`` in place of its inputs."""
        place = [FALSE, *bits]
        for left, right in source.gates:
            place.append(self.conjunction(place[left >> 1] ^ (left & 1), place[right >> 1] ^ (right & 1)))
        return [place[literal >> 1] ^ (literal & 1) for literal in source.outputs]

    def truth(self, table: int, bits: Sequence[int]) -> int:
        """The literal of bit ``bits[0] + 2 bits[1] + …`` of ``table``."""
        if not bits:
            return TRUE if table & 1 else FALSE
        half = 1 << (len(bits) - 1)
        low, high = (self.truth(part, bits[:-1]) for part in (table & ((1 << half) - 1), table >> half))
        return self.choice(bits[-1], high, low)

    def function(self, values: NDArray[np.bool_], bits: Sequence[int]) -> int:
        """The literal of ``values[bits[0] + 2 bits[1] + …]``."""
        literals = values.astype(np.int64)
        for bit in bits:
            pairs, place = np.unique(literals.reshape(-1, 2), axis=0, return_inverse=True)
            known = [self.choice(bit, int(high), int(low)) for low, high in pairs]
            literals = np.array(known, np.int64)[place.ravel()]
        return int(literals[0])

    def choice(self, condition: int, then: int, other: int) -> int:
        """The literal of ``condition ? then : other``."""
        first, second = self.conjunction(condition, then), self.conjunction(condition ^ 1, other)
        return self.conjunction(first ^ 1, second ^ 1) ^ 1

    def aig(self, outputs: Sequence[int]) -> Aig:
        """The graph that computes the literals ``outputs``, and no more."""
        first = self._first
        needed = [False] * (first + len(self._gates))
        for literal in outputs:
            needed[literal >> 1] = True
        for node in range(len(needed) - 1, first - 1, -1):
            if needed[node]:
                for literal in self._gates[node - first]:
                    needed[literal >> 1] = True
        place = list(range(first)) + [0] * len(self._gates)
        gates: list[tuple[int, int]] = []
        for node in range(first, len(needed)):
            if needed[node]:
                left, right = self._gates[node - first]
                place[node] = first + len(gates)
                gates.append((2 * place[left >> 1] | left & 1, 2 * place[right >> 1] | right & 1))
        kept = tuple(2 * place[literal >> 1] | literal & 1 for literal in outputs)
        return Aig(self.width_a, self.width_b, tuple(gates), kept)


def _mask(bits: Sequence[bool]) -> int:
    return sum(1 << place for place, bit in enumerate(bits) if bit)
