"""A netlist against the golden model: all operand pairs where they are few, else edges and random ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asnet.bits import bits_of
from asnet.emulate.analysis.netlist import Netlist
from asnet.emulate.analysis.table import TABLE_BITS
from asnet.errors import UnitError
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["RANDOM_PAIRS", "check_netlist"]

RANDOM_PAIRS: Final = 1 << 18
"""Of operands too wide for all pairs."""

_SEED: Final = 20240607
_NAN: Final = np.uint64(0x7FC00000)

Patterns = NDArray[np.uint64]


def check_netlist(netlist: Netlist, instance: UnitInstance, library: FunctionLibrary) -> None:
    """Compare ``netlist`` with the golden model of ``instance`` in ``library``.

    Raises:
        UnitError: they differ; says for which operands.
    """
    mask = np.uint64((1 << len(netlist.outputs)) - 1)
    for a, b in _operands(netlist.width_a, is_float=instance.type.is_float):
        golden = _golden(instance, library, a, b) & mask
        found = netlist.evaluate(a, b)
        if instance.type.is_float:
            found[(found & np.uint64(0x7FFFFFFF)) > np.uint64(0x7F800000)] = _NAN
        different = np.flatnonzero(golden != found)
        if len(different):
            place = int(different[0])
            raise UnitError(
                f"yosys and Verilator read it differently: for the bits a = {int(a[place]):#x}, b = {int(b[place]):#x} "
                f"the gates give {int(found[place]):#x}, Verilator's model {int(golden[place]):#x}"
            )


def _golden(instance: UnitInstance, library: FunctionLibrary, a: Patterns, b: Patterns) -> Patterns:
    """Bit patterns of the golden results; every NaN the same one."""
    sides = [side.astype(np.uint32) for side in (a, b)]
    if instance.type.is_float:
        y = library.call(instance.op, instance.type, *(side.view(np.float32) for side in sides), instance=instance)
        return bits_of(y).astype(np.uint64)
    y = library.call(instance.op, instance.type, *(side.view(np.int32) for side in sides), instance=instance)
    return y.view(np.uint32).astype(np.uint64)


def _operands(width: int, *, is_float: bool) -> Iterator[tuple[Patterns, Patterns]]:
    if 2 * width <= TABLE_BITS:
        a, b = np.meshgrid(*[np.arange(1 << width, dtype=np.uint64)] * 2)
        yield a.ravel(), b.ravel()
        return
    powers = [(1 << bit) + step for bit in range(width) for step in (-1, 0, 1)]
    edges = np.array(sorted({power % (1 << width) for power in powers}), np.uint64)
    a, b = np.meshgrid(edges, edges)
    yield a.ravel(), b.ravel()
    random = np.random.default_rng(_SEED)
    a, b = random.integers(0, 1 << width, (2, RANDOM_PAIRS), dtype=np.uint64)
    yield a, b
    if is_float:  # products and quotients that are normal numbers
        ordinary = [(side & np.uint64(0x87FFFFFF)) + np.uint64(0x38000000) for side in (a, b)]
        yield ordinary[0], ordinary[1]
