"""Operators: stages chosen for a clock, registers, what is said where a clock is out of reach."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from asnet.errors import UnitError
from asnet.hls.delays import CLOCK_MARGIN, REGISTER_NS
from asnet.hls.operators import alone, exact_instance, operator
from asnet.types import FloatMode
from asnet.units import ApproximateUnit, UnitInstance
from asnet.units.timing import Timing, timings


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """Clocks by the number of stages, for every unit."""
    found: dict[int, float] = {}

    def shipped(_instance: UnitInstance, _mode: FloatMode, *, dsps: bool) -> Mapping[int, Timing]:
        return {stages: Timing(0, 0, 0, fmax if dsps else fmax / 2, 1) for stages, fmax in found.items()}

    monkeypatch.setattr("asnet.hls.operators.timings", shipped)
    return found


def stages(clock: float | None, *, dsps: bool = True) -> int:
    return dict(operator(exact_instance("fmul"), FloatMode.FTZ, clock, dsps=dsps).parameters)["STAGES"]


def test_the_fewest_stages_that_reach_the_clock_with_a_margin(figures: dict[int, float]) -> None:
    figures.update({1: 80.0, 2: 120.0, 3: 119.0, 6: 200.0})
    assert [stages(clock) for clock in (60, 80, 120 / CLOCK_MARGIN, 120, 170)] == [1, 2, 2, 6, 6]
    assert stages(100, dsps=False) == 6
    assert stages(None) == exact_instance("fmul").stages.default  # pyright: ignore[reportOptionalMemberAccess]


def test_a_clock_out_of_reach_is_told(figures: dict[int, float]) -> None:
    figures.update({1: 80.0, 3: 150.0, 6: 149.0})
    for clock, said in ((149.0, ""), (160.0, "unit fmul reaches 150 MHz with 3 pipeline stages")):
        made = operator(exact_instance("fmul"), FloatMode.FTZ, clock)
        assert dict(made.parameters)["STAGES"] == 3
        assert made.fmax == 150.0
        assert made.remark.startswith(said) and bool(made.remark) == bool(said)


def test_registers_stand_at_the_operands_and_behind_logic() -> None:
    adder = operator(exact_instance("fadd"), FloatMode.FTZ)
    assert (adder.wrapped, adder.latency) == (False, 1 + adder.stages)
    fast = operator(exact_instance("fadd"), FloatMode.FTZ, 200)
    assert (fast.wrapped, fast.latency, fast.after) == (True, 2 + fast.stages, 0)
    logic = operator(exact_instance("mul", "u8"), FloatMode.FTZ)
    assert (logic.wrapped, logic.latency, logic.stages) == (True, 2, 0)


def test_a_unit_for_one_operation_has_no_registers_at_its_operands(figures: dict[int, float]) -> None:
    figures.update({0: 200.0, 1: 230.0})
    shared = operator(exact_instance("fcmp"), FloatMode.FTZ, 100.0)
    single = alone(shared)
    assert (shared.latency, single.latency, single.stages, single.name) == (2, 1, 1, "fcmp_alone")
    nets = dict(single.instantiated("one")["connections"])  # pyright: ignore
    assert (nets["a"], nets["b"], nets["y"]) == ("one_a", "one_b", "one_y")
    assert shared.before(1) < single.before(1) == 1000 / 230 - REGISTER_NS


def test_products_of_luts_are_a_parameter() -> None:
    made = operator(exact_instance("fmul"), FloatMode.IEEE, dsps=False)
    assert dict(made.parameters) == {"FTZ": 0, "STAGES": 3, "DSP": 0}


def test_a_machine_is_no_operator(tmp_path: Path) -> None:
    (tmp_path / "slow.v").write_text(
        "module slow(input clk, input [7:0] a, b, output reg [15:0] y); reg n; initial n = 0;\n"
        "always @(posedge clk) begin n <= ~n; if (n) y <= a * b; end\nendmodule\n"
    )
    slow = ApproximateUnit.from_verilog(tmp_path / "slow.v", op="mul", type="u8", latency=2).instance()
    with pytest.raises(UnitError, match=r"^unit slow: it is no pipeline of latency 2: "):
        operator(slow, FloatMode.FTZ, 100.0)


@pytest.mark.parametrize("op", ["fadd", "fmul"])
def test_shipped_clocks_are_of_the_shipped_text(op: str) -> None:
    """If this fails: python -m asnet.units.timing --update."""
    for mode, wanted in ((FloatMode.FTZ, 110), (FloatMode.IEEE, 95)):
        found = timings(exact_instance(op), mode)
        assert max(timing.fmax for timing in found.values()) >= CLOCK_MARGIN * wanted


def test_an_instance_between_the_measured_ones_has_the_worst_of_their_figures() -> None:
    exact, cut, between = (
        timings(instance, FloatMode.FTZ)
        for instance in (
            exact_instance("fmul"),
            ApproximateUnit.shipped("fmul_trunc").instance(p=20),
            ApproximateUnit.shipped("fmul_trunc").instance(p=5),
        )
    )
    assert between.keys() == exact.keys()
    assert all(between[n].fmax == min(f[n].fmax for f in (exact, cut) if n in f) for n in between)
    assert not timings(ApproximateUnit.shipped("fmul_mantissa").instance(multiplier="mul_lut", k=3), FloatMode.FTZ)
