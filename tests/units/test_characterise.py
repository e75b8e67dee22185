"""Characterisation: figures of known circuits, the cache, the shipped table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asnet.cache import Cache
from asnet.errors import ToolMissingError, UnitError
from asnet.resources import verilog_dir
from asnet.tools import yosys
from asnet.types import FloatMode
from asnet.units import ApproximateUnit, UnitInstance
from asnet.units.characterise import SHIPPED, characterise, known, measure


@pytest.fixture(scope="module")
def needs_yosys() -> None:
    try:
        yosys.find()
    except ToolMissingError as error:
        pytest.skip(str(error))


def unit(tmp_path: Path, body: str, ports: str = "input [7:0] a, b, output [15:0] y", latency: int = 0) -> UnitInstance:
    path = tmp_path / "unit.v"
    path.write_text(f"module unit({ports});\n{body}\nendmodule\n")
    return ApproximateUnit.from_verilog(path, op="mul", type="u8", latency=latency).instance()


@pytest.mark.usefixtures("needs_yosys")
def test_figures_of_small_circuits(tmp_path: Path, cache: Cache) -> None:
    gates = characterise(unit(tmp_path, "assign y = {8'd0, a & b};"), FloatMode.FTZ, cache=cache)
    assert (gates.luts, gates.dsps, gates.ffs, gates.cells, gates.levels) == (8, 0, 0, 8, 1.0)
    wires = characterise(unit(tmp_path, "assign y = {a, b};"), FloatMode.FTZ, cache=cache)
    assert (wires.luts, wires.cells, wires.levels) == (0, 0, 0.0)
    adder = characterise(unit(tmp_path, "assign y = {7'd0, {1'b0, a} + b};"), FloatMode.FTZ, cache=cache)
    assert 8 <= adder.luts <= 14
    assert 1.5 < adder.levels < 4


@pytest.mark.usefixtures("needs_yosys")
def test_registers_cut_paths(tmp_path: Path, cache: Cache) -> None:
    ports = "input clk, input [7:0] a, b, output reg [15:0] y"
    body = "reg [7:0] c; always @(posedge clk) begin c <= a & b; y <= {8'd0, ~c}; end"
    found = characterise(unit(tmp_path, body, ports, latency=2), FloatMode.FTZ, cache=cache)
    assert found.ffs >= 16
    assert found.levels <= 1.0


@pytest.mark.usefixtures("needs_yosys")
def test_truncation_saves_area_and_depth(cache: Cache) -> None:
    instances = [ApproximateUnit.shipped("mul8u_trunc").instance(t=t) for t in (0, 4, 7)]
    figures = [measure(instance, FloatMode.FTZ, cache) for instance in instances]
    luts, levels = [f.luts for f in figures], [f.levels for f in figures]
    assert luts == sorted(luts, reverse=True) and luts[0] > 4 * luts[2]
    assert levels == sorted(levels, reverse=True)


@pytest.mark.usefixtures("needs_yosys")
def test_figures_come_from_the_cache_the_second_time(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = unit(tmp_path, "assign y = {8'd0, a ^ b};")
    first = characterise(instance, FloatMode.FTZ, cache=cache)

    def fail(*_: object) -> str:
        raise AssertionError("yosys was run")

    monkeypatch.setattr(yosys.Yosys, "run_script", fail)
    assert characterise(instance, FloatMode.FTZ, cache=cache) == first


@pytest.mark.usefixtures("needs_yosys")
def test_what_yosys_cannot_read_is_a_fault_of_the_unit(tmp_path: Path, cache: Cache) -> None:
    with pytest.raises(UnitError, match=r"^unit unit: yosys cannot synthesise it: (unit\.v:2: )?ERROR: "):
        characterise(unit(tmp_path, "absent m (.a(a), .b(b), .y(y));"), FloatMode.FTZ, cache=cache)


def test_the_shipped_table_is_keyed_by_content(tmp_path: Path) -> None:
    instance = ApproximateUnit.shipped("mul8u_exact").instance()
    copied = tmp_path / "mul8u_exact.v"
    copied.write_text(instance.files[0].text + "// another text\n")
    changed = ApproximateUnit.from_verilog(copied, op="mul", type="u8").instance()
    assert known(changed, FloatMode.FTZ) is None


@pytest.mark.usefixtures("needs_yosys")
def test_a_sample_of_the_shipped_table_is_measured_again(cache: Cache) -> None:
    content = json.loads((verilog_dir() / SHIPPED).read_text(encoding="utf-8"))
    compared = 0
    for name, parameters in (("mul8u_trunc", {"t": 4}), ("mul8s_drum", {"k": 3}), ("fmul_trunc", {"p": 20})):
        instance = ApproximateUnit.shipped(name).instance(**parameters)
        shipped = known(instance, FloatMode.FTZ)
        assert shipped is not None, f"{instance.name} is not in {SHIPPED}: python -m asnet.units.characterise --update"
        found = measure(instance, FloatMode.FTZ, cache)
        if found.tool == shipped.tool:  # another yosys may map otherwise
            assert found == shipped
        assert found.luts == pytest.approx(shipped.luts, rel=0.25)
        compared += 1
    assert compared == 3
    assert all(entry["luts"] >= 0 for entry in content["instances"].values())


def test_every_shipped_approximable_instance_has_figures() -> None:
    missing = [
        instance.name
        for name in ("fmul_trunc", "fdiv_trunc", "mul8s_exact", "mul8u_exact", "mul8u_drum")
        for instance in ApproximateUnit.shipped(name).instances()
        if known(instance, FloatMode.FTZ) is None
    ]
    assert missing == [], "run python -m asnet.units.characterise --update"
