"""Netlists of units: gates from their Verilog, pipelines and machines unrolled, refusals, equivalence."""

from __future__ import annotations

from functools import reduce
from pathlib import Path

import numpy as np
import pytest

from asnet.cache import Cache
from asnet.emulate.analysis import (
    CONSTANT_0,
    CONSTANT_1,
    Analysis,
    Netlist,
    VerilogDesign,
    analyse,
    equivalent,
    netlist_of,
    unit_circuits,
    verilog_circuit,
)
from asnet.emulate.analysis.aig import FALSE, TRUE, AigBuilder
from asnet.errors import ToolError, ToolMissingError, ToolTimeoutError, UnitError, UsageError
from asnet.tools import cxx, verilator, yosys
from asnet.types import FloatMode
from asnet.units import ApproximateUnit, FunctionLibrary, UnitInstance


@pytest.fixture(scope="module")
def tools() -> None:
    try:
        yosys.find(), verilator.find(), cxx.find()
    except ToolMissingError as error:
        pytest.skip(f"netlists are made by yosys and compared with Verilator's models: {error}")


def majority() -> Netlist:
    """y[0] = majority of two bits of a and one of b; y[1] = a[0] NAND b; y[2..4] = 0, 1, b."""
    tables, inputs = np.array([0xE8, 0x77], np.uint8), np.array([(0, 1, 2), (0, 2, 0)], np.int32)
    return Netlist(2, 1, tables, inputs, np.array([3, 4, CONSTANT_0, CONSTANT_1, 2], np.int32))


def test_evaluation_of_gates_constants_and_wires() -> None:
    a, b = (side.ravel() for side in np.meshgrid(np.arange(4), np.arange(2)))
    votes = (a & 1) + (a >> 1) + b
    wanted = (votes >= 2) + 2 * (1 - (a & b & 1)) + 8 + 16 * b
    for netlist in (majority(), netlist_of(majority().aig)):
        assert netlist.evaluate(a, b).tolist() == wanted.tolist()
        assert netlist.support == (3, 1)


def test_every_gate() -> None:
    index = np.arange(8)
    for table in range(256):
        netlist = Netlist(2, 1, np.array([table], np.uint8), np.array([[0, 1, 2]], np.int32), np.array([3], np.int32))
        for same in (netlist, netlist_of(netlist.aig)):
            y = same.evaluate(np.tile(index & 3, 30), np.tile(index >> 2, 30))
            assert y.tolist() == [table >> int(i) & 1 for i in index] * 30, table


def test_long_vectors_are_evaluated_in_pieces() -> None:
    random = np.random.default_rng(0)
    a, b = random.integers(0, 4, 300_001), random.integers(0, 2, 300_001)
    assert np.array_equal(majority().evaluate(a, b) & np.uint64(1), (a & 1) + (a >> 1) + b >= 2)


def test_graphs_fold_constants_and_share_gates() -> None:
    build = AigBuilder(2, 1)
    a0, a1, b0 = 2, 4, 6
    gate = build.conjunction(a0, b0)
    assert build.conjunction(b0, a0) == gate
    assert (build.conjunction(a0, a0 ^ 1), build.conjunction(a0, FALSE), build.conjunction(TRUE, a1)) == (0, 0, a1)
    assert build.choice(b0, a0, a0) ^ a0 != 1
    aig = build.aig([gate ^ 1, a1])
    assert len(aig.gates) == 1 and aig.support() == (3, 1)
    assert aig.masked(2, 1).support() == (2, 0)
    assert aig.aiger().startswith(b"aig 4 3 0 2 1\n9\n4\n")


def unit(folder: Path, body: str, header: str = "input [7:0] a, b, output [15:0] y", **options: object) -> UnitInstance:
    path = folder / "unit.v"
    path.write_text(f"module unit({header});\n{body}\nendmodule\n")
    chosen: dict[str, object] = {"op": "mul", "type": "u8"} | options
    return ApproximateUnit.from_verilog(path, **chosen).instance()  # pyright: ignore[reportArgumentType]


def analysis(instance: UnitInstance, folder: Path, mode: FloatMode = FloatMode.FTZ) -> Analysis:
    library = FunctionLibrary.build([instance], mode)
    return analyse(instance, mode, Cache(folder / "cache"), library=library)


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize(
    ("written", "parameters", "most"),
    [
        ("mul8u_exact", {}, 200),
        ("mul12u_drum", {"k": 4}, 180),
        ("mul5s_trunc", {"t": 2}, 25),
        ("fmul_trunc", {"p": 20}, 130),
    ],
)
def test_netlists_of_shipped_units(tmp_path: Path, written: str, parameters: dict[str, int], most: int) -> None:
    """Equal to the golden model, which the analysis checks, and small."""
    instance = ApproximateUnit.shipped(written).instance(**parameters)
    found = analysis(instance, tmp_path)
    assert found.no_netlist == ""
    assert found.netlist is not None and 0 < found.netlist.gates <= most
    first = found.netlist.width_a + found.netlist.width_b
    assert (found.netlist.inputs < first + np.arange(found.netlist.gates)[:, None]).all()
    if found.table is not None:
        n = len(found.table)
        a, b = (side.ravel() for side in np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))
        bits = (1 << len(found.netlist.outputs)) - 1
        assert np.array_equal(found.netlist.evaluate(a, b), found.table.ravel().astype(np.int64) & bits)


@pytest.mark.usefixtures("tools")
def test_bits_that_do_not_count(tmp_path: Path) -> None:
    truncated = analysis(ApproximateUnit.shipped("mul8s_trunc").instance(t=3), tmp_path).bits
    assert truncated is not None
    assert (truncated.unused_a, truncated.unused_b, truncated.always_1, truncated.always_0) == (7, 7, 0, 0x3F)
    wide = analysis(ApproximateUnit.shipped("fmul_trunc").instance(p=20), tmp_path).bits
    assert wide is not None and (wide.unused_a, wide.unused_b) == (0xFFFFF, 0xFFFFF)
    hidden = unit(tmp_path, "assign y = {a, b} - (a[0] ? 16'd0 : 16'd1) + {15'd0, ~a[0]};")
    found = analysis(hidden, tmp_path)
    assert found.bits is not None and (found.bits.unused_a, found.bits.always_1) == (0, 0)
    ones = analysis(unit(tmp_path, "assign y = {8'hF0, a & ~8'd1};"), tmp_path).bits
    assert ones is not None
    assert (ones.unused_a, ones.unused_b, ones.always_1, ones.always_0) == (1, 255, 0xF000, 0x0F01)


CLOCKED = "input clk, input [7:0] a, b, output reg [15:0] y"


@pytest.mark.usefixtures("tools")
def test_pipelines_become_combinational(tmp_path: Path) -> None:
    body = "reg [7:0] c, d; always @(posedge clk) begin c <= a; d <= b; y <= c * d; end"
    found = analysis(unit(tmp_path, body, CLOCKED, latency=2), tmp_path)
    assert found.netlist is not None and found.rank == 1 and found.latency == 2
    enabled = "reg [7:0] c, d; always @(posedge clk) if (go) begin c <= a; d <= b; y <= c * d; end"
    ports = {"a": "b", "b": "a", "y": "y", "clk": "clk", "ce": "go"}  # operands swapped, too
    swapped = unit(tmp_path, enabled.replace("c * d", "c - d"), f"input go, {CLOCKED}", latency=2, ports=ports)
    table = analysis(swapped, tmp_path)
    assert table.netlist is not None and table.netlist.evaluate(np.array([3]), np.array([10])) == 7


@pytest.mark.usefixtures("tools")
def test_machines_are_unrolled(tmp_path: Path) -> None:
    """A shift-and-add multiplier that begins anew every 8 cycles: whatever it did before, 16 cycles give a result."""
    body = """
    reg [2:0] step; reg [15:0] sum; reg [15:0] left; reg [7:0] right;
    wire first = step == 0;
    wire [15:0] l = first ? {8'd0, a} : left;
    wire [7:0] r = first ? b : right;
    wire [15:0] next = (first ? 16'd0 : sum) + (r[0] ? l : 16'd0);
    always @(posedge clk) begin
        step <= step + 3'd1;
        sum <= next;
        left <= l << 1;
        right <= r >> 1;
        if (step == 7) y <= next;
    end"""
    found = analysis(unit(tmp_path, body, CLOCKED, latency=16), tmp_path)
    assert found.no_netlist == "" and found.netlist is not None
    assert found.netlist.gates < 230
    a = np.arange(256)
    assert np.array_equal(found.netlist.evaluate(a, a[::-1].copy()), a * a[::-1])


REFUSED = {
    "latch": ("always @* if (a[0]) y = a * b;", "input [7:0] a, b, output reg [15:0] y", 0, "it has a latch"),
    "loop": ("wire [15:0] t; assign t = y ^ {a, b}; assign y = t + 16'd1;", "", 0, "it has a combinational loop"),
    "state": ("always @(posedge clk) y <= y + a * b;", CLOCKED, 1, "depends on what it computed before"),
    "late": ("reg [15:0] c; always @(posedge clk) begin c <= a * b; y <= c; end", CLOCKED, 1, "paths have 2 registers"),
    "early": ("always @(posedge clk) y <= a * b;", CLOCKED, 3, "have 1 registers, but its described latency is 3"),
    "unequal": (
        "reg [7:0] c; always @(posedge clk) begin c <= a; y <= c * b; end", CLOCKED, 2,
        "unequal numbers of registers, 1 to 2",
    ),
    "none": ("assign y = a * b;", CLOCKED.replace("reg ", ""), 2, "it has no registers"),
    "falling": ("always @(negedge clk) y <= a * b;", CLOCKED, 1, "not clocked by the rising edge"),
    "reset": ("always @(posedge clk or posedge a[0]) if (a[0]) y <= 0; else y <= b;", CLOCKED, 1, "set or reset"),
}  # fmt: skip


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("name", list(REFUSED))
def test_what_is_no_function_is_refused_with_a_reason(tmp_path: Path, name: str) -> None:
    body, ports, latency, reason = REFUSED[name]
    instance = unit(tmp_path, body, ports or "input [7:0] a, b, output [15:0] y", latency=latency)
    for _ in range(2):  # found out, then known
        with pytest.raises(UnitError, match="unit unit has no netlist") as caught:
            unit_circuits(instance, FloatMode.FTZ, Cache(tmp_path))
        assert reason in str(caught.value) and str(tmp_path / "unit.v") in str(caught.value)


@pytest.mark.usefixtures("tools")
def test_tables_in_memories_and_priorities_become_gates(tmp_path: Path) -> None:
    body = """
    reg [7:0] rom [0:255]; integer i;
    initial for (i = 0; i < 256; i = i + 1) rom[i] = (i * 7) ^ (i >> 2);
    reg [2:0] k;
    always @* casez (a) 8'b1???????: k = 7; 8'b01??????: k = 6; 8'b001?????: k = 5; default: k = 0; endcase
    assign y = {8'd0, rom[b]} << k;"""
    found = analysis(unit(tmp_path, body), tmp_path)
    assert found.no_netlist == "" and found.netlist is not None and found.rank == 1
    assert found.netlist.evaluate(np.array([0x45, 3]), np.array([100, 255])).tolist() == [(700 & 255 ^ 25) << 6, 198]


@pytest.mark.usefixtures("tools")
def test_what_tools_read_differently_is_refused(tmp_path: Path) -> None:
    """Undefined values: bits that are not there."""
    found = analysis(unit(tmp_path, "assign y = {12'd0, b[a[2:0] -: 4]};"), tmp_path)
    assert found.netlist is None and found.rank is not None
    assert "yosys and Verilator read it differently: for the bits a = 0x" in found.no_netlist


@pytest.mark.usefixtures("tools")
def test_without_yosys_there_are_tables_and_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> yosys.Yosys:
        raise ToolMissingError(f"yosys was not found; install it: {yosys.INSTALL}")

    monkeypatch.setattr(yosys, "find", missing)
    found = analysis(ApproximateUnit.shipped("mul4u_exact").instance(), tmp_path)
    assert found.rank == 1 and found.netlist is None and found.bits is not None
    assert "pip install 'asnet[synth]'" in found.no_netlist


@pytest.mark.usefixtures("tools")
def test_tools_that_fail_or_take_too_long_leave_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = ApproximateUnit.shipped("mul4u_exact").instance()
    library = FunctionLibrary.build([instance], FloatMode.FTZ)

    def failing(*_: object, **__: object) -> str:
        raise ToolError("yosys failed (exit status 139)")

    monkeypatch.setattr(yosys.Yosys, "run_script", failing)
    failed = analyse(instance, FloatMode.FTZ, Cache(tmp_path / "cache"), library=library)
    assert failed.netlist is None and failed.no_netlist.endswith("yosys failed (exit status 139)")

    def late(*_: object, limit: float, **__: object) -> str:
        raise ToolTimeoutError(f"yosys did not finish within {limit:g} s")

    monkeypatch.setattr(yosys.Yosys, "run_script", late)
    for _ in range(2):  # the second time it is not even tried
        late_one = analyse(instance, FloatMode.FTZ, Cache(tmp_path / "cache"), library=library)
        assert late_one.netlist is None and "yosys did not finish within 300 s" in late_one.no_netlist
        monkeypatch.setattr(yosys.Yosys, "run_script", lambda *_, **__: pytest.fail("tried again"))


@pytest.mark.usefixtures("tools")
def test_equivalence_is_proven_or_refuted(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    exact = unit_circuits(ApproximateUnit.shipped("mul8u_exact").instance(), FloatMode.FTZ, cache)[0]
    cut = unit_circuits(ApproximateUnit.shipped("mul8u_trunc").instance(t=3), FloatMode.FTZ, cache)[0]
    assert equivalent(cut, exact.masked(0xF8, 0xF8)).answer == "proven"
    refuted = equivalent(cut, exact.masked(0xF8, 0xF0))
    assert refuted.answer == "different" and not refuted
    a, b = (np.array([operand]) for operand in (refuted.a, refuted.b))
    assert netlist_of(cut).evaluate(a, b) == (refuted.a & 0xF8) * (refuted.b & 0xF8)
    assert netlist_of(cut).evaluate(a, b) != (refuted.a & 0xF8) * (refuted.b & 0xF0)
    written = VerilogDesign(
        (), "module w(input [7:0] a, b, output [15:0] y); assign y = b[7:3] * a[7:3] << 6; endmodule", "w"
    )
    assert equivalent(cut, verilog_circuit(written))
    with pytest.raises(UsageError, match="circuits of different shapes"):
        equivalent(cut, majority().aig)


@pytest.mark.usefixtures("tools")
def test_equivalence_of_operands_wider_than_words() -> None:
    build = AigBuilder(70, 80)
    all_ones = reduce(build.conjunction, [2 * (bit + 1) for bit in range(150)])
    refuted = equivalent(build.aig([all_ones]), build.aig([FALSE]))
    assert (refuted.a, refuted.b) == ((1 << 70) - 1, (1 << 80) - 1)
