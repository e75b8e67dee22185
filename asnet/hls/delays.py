"""Nanoseconds of logic between two registers on the ECP5: measured by opcode and width, placed and routed, and shipped.

A delay counts from the output of the register behind which the logic begins (:data:`REGISTER_NS` after the clock) to
the register that takes the result, the wires to it among it: so delays of operations one behind the other add up.

``python -m asnet.hls.measuring --update`` measures them anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["CLOCK_MARGIN", "REGISTER_NS", "SHIPPED", "budget_ns", "choice_ns", "is_logic", "logic_ns", "read_ns"]

REGISTER_NS: Final = 0.52
"""From a clock edge to the output of a register, on a speed grade 6 device."""

CLOCK_MARGIN: Final = 1.15
"""How much faster than the wanted clock logic by itself must be: in a design its wires are longer."""

SHIPPED: Final = Path(__file__).with_suffix(".json")
"""The delays: kind → size → nanoseconds."""

_WIRES: Final = ("zext", "sext", "trunc")
_KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("and", "or", "xor"), "logic"),
    **dict.fromkeys(("add", "sub"), "sum"),
    **dict.fromkeys(("umin", "umax", "smin", "smax"), "extreme"),
    **dict.fromkeys(("shl", "lshr", "ashr"), "shift"),
    "select": "select",
    "icmp": "order",
    "mul": "product",
}
"""Combinational opcode → what is measured for it."""


def is_logic(op: str) -> bool:
    """Whether an LLVM operation is combinational logic rather than a unit."""
    return op in _KINDS or op in _WIRES


def logic_ns(op: str, bits: int, *, by_constant: bool) -> float:
    """The delay of a combinational operation on ``bits`` bits. A shift by a constant is wires."""
    if op in _WIRES or (by_constant and _KINDS[op] == "shift"):
        return 0.0
    return _between(_KINDS[op], bits)


def choice_ns(sources: int) -> float:
    """The delay of choosing one of ``sources`` words; of one, of the wires to where it is used."""
    return _between("choice", sources)


def read_ns() -> float:
    """From the output of a register, had there been one, to the register that takes a block RAM's word."""
    return _between("read", 1)


def budget_ns(clock: float) -> float:
    """What logic between two registers may take at ``clock`` MHz."""
    return 1000.0 / clock / CLOCK_MARGIN - REGISTER_NS


@cache
def _shipped() -> Mapping[str, tuple[tuple[int, float], ...]]:
    """What was measured → (size, nanoseconds), by size."""
    content: dict[str, dict[str, float]] = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return {kind: tuple((int(size), ns) for size, ns in found.items()) for kind, found in content.items()}


def _between(kind: str, size: int) -> float:
    """The delay at ``size``: straight lines between the sizes that were measured, on beyond the last."""
    points = _shipped()[kind]
    if size <= points[0][0]:
        return points[0][1]
    upper = next((number for number, (at, _) in enumerate(points) if at >= size), len(points) - 1)
    (low, before), (high, after) = points[upper - 1], points[upper]
    return round(before + (after - before) * (size - low) / (high - low), 3)
