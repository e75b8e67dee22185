"""Delays of logic: what is measured, and what is said of sizes in between."""

from __future__ import annotations

import json

import pytest

from asnet.hls.delays import SHIPPED, budget_ns, choice_ns, is_logic, logic_ns, read_ns
from asnet.hls.measuring import circuits


def test_everything_that_is_measured_is_shipped() -> None:
    table = json.loads(SHIPPED.read_text(encoding="utf-8"))
    measured = {(circuit.kind, str(circuit.size)) for circuit in circuits()}
    assert measured == {(kind, size) for kind, sizes in table.items() for size in sizes}


@pytest.mark.parametrize("op", ["and", "select", "add", "icmp", "smax", "shl", "mul"])
def test_nothing_wider_is_faster(op: str) -> None:
    assert is_logic(op)
    delays = [logic_ns(op, bits, by_constant=False) for bits in range(1, 100)]
    assert delays == sorted(delays)
    assert delays[0] > 0


def test_between_two_sizes_delays_lie_on_a_line() -> None:
    low, middle, high = (logic_ns("add", bits, by_constant=False) for bits in (16, 24, 32))
    assert middle == pytest.approx((low + high) / 2, abs=0.001)
    assert choice_ns(1) < choice_ns(3) < choice_ns(8)


def test_wires_take_no_time_and_units_are_no_logic() -> None:
    assert [logic_ns(op, 32, by_constant=False) for op in ("zext", "sext", "trunc")] == [0, 0, 0]
    assert logic_ns("shl", 32, by_constant=True) == 0 < logic_ns("shl", 32, by_constant=False)
    assert not is_logic("fadd")


def test_a_clock_leaves_less_than_its_period() -> None:
    assert budget_ns(100) == pytest.approx(10 / 1.15 - 0.52)
    assert budget_ns(170) < read_ns() < budget_ns(100)
