"""Clocked units in hardware: pipelines pass, machines that compute one result at a time are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from asnet.cache import Cache
from asnet.errors import UnitError
from asnet.types import FloatMode
from asnet.units import ApproximateUnit, UnitInstance
from asnet.units.pipelined import check_pipelined

PIPELINE = "reg [15:0] p; always @(posedge clk) begin p <= a * b; y <= p; end"
MACHINE = """reg [1:0] n; reg [7:0] x, w; initial n = 0;
always @(posedge clk) begin n <= n + 1; if (n == 0) begin x <= a; w <= b; end if (n[0]) y <= x * w; end"""


def unit(folder: Path, body: str, latency: int) -> UnitInstance:
    path = folder / "clocked.v"
    path.write_text(f"module clocked(input clk, input [7:0] a, b, output reg [15:0] y);\n{body}\nendmodule\n")
    return ApproximateUnit.from_verilog(path, op="mul", type="u8", latency=latency).instance()


def test_a_pipeline_passes(tmp_path: Path, cache: Cache) -> None:
    check_pipelined(unit(tmp_path, PIPELINE, 2), FloatMode.FTZ, 0, cache=cache)


def test_a_machine_is_refused_with_its_first_wrong_result(tmp_path: Path, cache: Cache) -> None:
    machine = unit(tmp_path, MACHINE, 4)
    for _ in range(2):  # the second time from the cache
        with pytest.raises(
            UnitError,
            match=r"^unit clocked: it is no pipeline of latency 4: with new operands in every clock cycle, number \d+, "
            r"0x[0-9a-f]+, 0x[0-9a-f]+, gives 0x[0-9a-f]+, by itself 0x[0-9a-f]+; hardware needs a unit that takes",
        ):
            check_pipelined(machine, FloatMode.FTZ, 0, cache=cache)


def test_stages_are_compared_with_the_combinational_form(tmp_path: Path, cache: Cache) -> None:
    (tmp_path / "staged.v").write_text(
        "module staged #(parameter N = 0) (input clk, input [7:0] a, b, output [15:0] y);\n"
        "reg [15:0] p, q; always @(posedge clk) begin p <= a * b; q <= N == 2 ? p + 1 : p; end\n"
        "assign y = N == 0 ? a * b : N == 1 ? p : q;\nendmodule\n"
    )
    (tmp_path / "staged.json").write_text(
        '{"name": "staged", "op": "mul", "type": "u8", "verilog": ["staged.v"], "module": "staged", '
        '"ports": {"a": "a", "b": "b", "y": "y", "clk": "clk"}, '
        '"stages": {"parameter": "N", "max": 3, "default": 1}}'
    )
    staged = ApproximateUnit.from_json(tmp_path / "staged.json").instance()
    check_pipelined(staged, FloatMode.FTZ, 1, cache=cache)
    with pytest.raises(UnitError, match=r"it is no pipeline of latency 2: .* number 0, "):
        check_pipelined(staged, FloatMode.FTZ, 2, cache=cache)
