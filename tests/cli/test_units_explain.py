"""``asnet units --explain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from asnet.errors import ToolMissingError
from asnet.tools import yosys

if TYPE_CHECKING:
    from tests.cli.conftest import Cli


@pytest.fixture(autouse=True)
def needs_yosys() -> None:
    try:
        yosys.find()
    except ToolMissingError as error:
        pytest.skip(str(error))


def test_a_small_integer_unit(cli: Cli) -> None:
    shown = cli("units", "--explain", "mul8u_trunc(t=3)").out
    for line in (
        "mul8u_trunc(t=3): mul on u8, ftz, digest ",
        "  unused bits  a 0x07, b 0x07",
        "  result bits  always 0: 0x3f",
        "  table        all 65,536 pairs of operands by the golden model",
        "  rank         1: factors 0..248 x 0..248\n",
        ", for a of 0..127",
        " golden ",
    ):
        assert line in shown
    assert shown.count(" taken ") == 1
    (found,) = cli("units", "mul8u_trunc(t=3)", "--explain", "--json").json
    assert found["bits"] == {"unused_a": 7, "unused_b": 7, "always_1": 0, "always_0": 0x3F}
    assert found["ranks"]["product"] == {"rank": 1, "factors": [[[0, 248], [0, 248]]]}
    assert 0 < found["gates"] < 80 and found["proofs"] == [] and found["certificate"] is not None
    assert found["forms"][-1]["form"] == "golden"


def test_a_float_unit_is_proven(cli: Cli) -> None:
    found: Any = cli("units", "fmul_trunc(p=20)", "--explain", "--json").json
    claims = {proof["claim"]: proof["answer"] for proof in found[0]["proofs"]}
    assert claims == {
        "the netlist of fmul_trunc(p=20) is its Verilog": "proven",
        "fmul_trunc(p=20)(a, b) is fmul(a & 0xfff00000, b & 0xfff00000)": "proven",
    }
    assert found[0]["pairs"] is None and found[0]["ranks"] == {}


def test_a_unit_without_netlist_says_why(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "early.v").write_text(
        "module early(input clk, input [3:0] a, b, output reg [7:0] y); always @(posedge clk) y <= a * b; endmodule\n"
    )
    (tmp_path / "early.json").write_text(
        '{"name": "early", "op": "mul", "type": "u4", "verilog": ["early.v"], "module": "early", "latency": 2}'
    )
    shown = cli("units", "early.json", "--explain").out
    assert "unit early has no netlist: its paths have 1 registers, but its described latency is 2" in shown
    assert "  rank         1: factors 0..15 x 0..15" in shown


def test_explanations_want_a_unit_that_networks_use(cli: Cli) -> None:
    assert "--explain want a unit" in cli("units", "--explain").err
    refused = cli("units", "fcmp", "--explain")
    assert refused.status == 2 and "for hardware alone" in refused.err
