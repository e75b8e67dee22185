"""What a netlist shows of the function it computes: bits of operands that never count, bits of the result that never
change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asnet.emulate.analysis.equivalence import equivalent
from asnet.emulate.analysis.netlist import CONSTANT_1, Netlist

__all__ = ["BitFacts", "bit_facts", "table_facts"]

_SAMPLE: Final = 1 << 13
_SEED: Final = 20240607
_SECONDS: Final = 5

Patterns = NDArray[np.uint64]


@dataclass(frozen=True)
class BitFacts:
    """Masks: the bits of a and b that never change the result, the bits of the result that are always 1 or always 0.

    A bit that is not in a mask may still never count: then nobody could tell within a few seconds.
    """

    unused_a: int
    unused_b: int
    always_1: int
    always_0: int


def table_facts(table: NDArray[np.int32], width: int) -> BitFacts:
    """The facts of a table [a, b] of a result of ``width`` bits; exact."""
    n = (len(table) - 1).bit_length()
    everything = (1 << width) - 1
    ones, zeros = int(np.bitwise_and.reduce(table, axis=None)), int(np.bitwise_or.reduce(table, axis=None))

    def unused(side: NDArray[np.int32]) -> int:
        patterns = np.arange(len(side))
        return sum(1 << bit for bit in range(n) if np.array_equal(side, side[patterns ^ (1 << bit)]))

    return BitFacts(unused(table), unused(table.T), ones & everything, ~zeros & everything)


def bit_facts(netlist: Netlist) -> BitFacts:
    """The facts of ``netlist``: bits without a path to the result do not count; of the others a sample shows which do,
    and ABC is asked about the rest."""
    used = [0, 0]
    random = np.random.default_rng(_SEED)
    a, b = (random.integers(0, 1 << width, _SAMPLE, dtype=np.uint64) for width in (netlist.width_a, netlist.width_b))
    reference = netlist.evaluate(a, b)
    for side, support in enumerate(netlist.support):
        for bit in (place for place in range(64) if support >> place & 1):
            flip = np.uint64(1 << bit)
            pair = (a ^ flip, b) if side == 0 else (a, b ^ flip)
            if not np.array_equal(netlist.evaluate(*pair), reference) or _counts(netlist, side * netlist.width_a + bit):
                used[side] |= 1 << bit
    outputs = [int(signal) for signal in netlist.outputs]
    constant = {place: signal == CONSTANT_1 for place, signal in enumerate(outputs) if signal < 0}
    return BitFacts(
        unused_a=~used[0] & (1 << netlist.width_a) - 1,
        unused_b=~used[1] & (1 << netlist.width_b) - 1,
        always_1=sum(1 << place for place, one in constant.items() if one),
        always_0=sum(1 << place for place, one in constant.items() if not one),
    )


def _counts(netlist: Netlist, bit: int) -> bool:
    """Whether input ``bit`` may change the result, as far as ABC can tell."""
    return not equivalent(netlist.aig.cofactor(bit, 0), netlist.aig.cofactor(bit, 1), seconds=_SECONDS)
