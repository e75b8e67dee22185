"""Verilog expressions: which bits of a signal they read."""

from __future__ import annotations

from asnet.hls.expressions import Signal, SignalUse, bits
from asnet.hls.ranges import Width


def test_bits_of_which_none_is_stored_are_told() -> None:
    """A signal may be there for them alone: lint tools must hear that nobody reads it."""
    use = SignalUse()
    narrow = Signal("narrow", Width(3), 64, use)
    assert bits(narrow, 40, 28) == "13'd0"
    assert use.partial == ["narrow"]
    assert bits(narrow, 2) == "narrow"
    assert use.partial == []
