"""Wires: how many bits numbers take, and signals in other numbers of bits."""

from __future__ import annotations

__all__ = ["fitted", "number_bits"]


def number_bits(count: int) -> int:
    """Bits that number ``count`` things, at least one."""
    return max(1, (count - 1).bit_length())


def fitted(signal: str, width: int, wanted: int) -> str:
    """``signal`` of ``width`` bits in ``wanted`` bits: its low ones, or all of them with zeros above."""
    if width == wanted:
        return signal
    if width < wanted:
        return f"{{{wanted - width}'d0, {signal}}}"
    return f"{signal}[{wanted - 1}:0]" if wanted > 1 else f"{signal}[0]"
