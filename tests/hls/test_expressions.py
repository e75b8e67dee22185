"""Verilog expressions: which bits of a signal they read."""

from __future__ import annotations

from asnet.hls.expressions import Signal, SignalUse, bits, logic
from asnet.hls.kernel import Constant, Operation
from asnet.hls.ranges import Width


def test_bits_of_which_none_is_stored_are_told() -> None:
    """A signal may be there for them alone: lint tools must hear that nobody reads it."""
    use = SignalUse()
    narrow = Signal("narrow", Width(3), 64, use)
    assert bits(narrow, 40, 28) == "13'd0"
    assert use.partial == ["narrow"]
    assert bits(narrow, 2) == "narrow"
    assert use.partial == []


def test_a_value_that_is_shifted_out_is_told() -> None:
    """Of what is shifted to the left by more bits than anybody wants of the result, nothing is read."""
    use = SignalUse()
    narrow = Signal("narrow", Width(1), 8, use)
    amount = Constant(7, 8)
    shift = Operation("shifted", "shl", ("narrow", amount), 8, (8, 8), "")
    assert logic(shift, (narrow, Signal("", Width(8), 8, use, amount)), 1) == ("1'd0", 1)
    assert use.partial == ["narrow"]
