"""Estimates of area: what is counted in Verilog, what memories become, and how near whole designs come to yosys."""

from __future__ import annotations

from pathlib import Path

import pytest

from asnet import hls
from asnet.cache import default_cache
from asnet.errors import ToolMissingError
from asnet.hls.area import area_rows, estimate_area, estimating, units
from asnet.hls.area.memory import ram_area, rom_area
from asnet.hls.area.text import Counts, Instance, read_module
from asnet.hls.area.units import counted, unit_area
from asnet.hls.chip import Area
from asnet.hls.operators import exact_instance, operator
from asnet.hls.simulate import lay_out
from asnet.tools import yosys
from asnet.types import FloatMode
from asnet.units.characterise import ECP5_SYNTHESIS
from asnet.units.timing import Timing
from tests.hls.kernels import module_of
from tests.hls.programs import DOT, PREFIX_SUM, element_wise, lines

TEXT = """
// a comment with reg [7:0] in it
module thing #(
    parameter WIDTH = 8,  // bits
    parameter DEPTH = 4
) (
    input clk,
    input [WIDTH-1:0] a,
    input [WIDTH-1:0] b,
    output reg [WIDTH-1:0] y
);
    reg [WIDTH*2-1:0] line;
    reg [2:0] chosen;
    reg [WIDTH-1:0] words [0:DEPTH-1];
    wire [WIDTH-1:0] sum = a + b;
    wire same = a == b;
    always @(posedge clk) begin
        if (same) y <= sum;
        else y <= a;
        line <= {line[WIDTH-1:0], b};
    end
    always @* begin
        case (line[1:0])
            2'd0: chosen = a[2:0];
            2'd1: chosen = b[2:0];
            default: chosen = line[2:0];
        endcase
    end
    other #(.SIZE(WIDTH + 2), .NAME("x(y)")) part (.clk(clk), .q(sum));
endmodule
"""


def test_what_a_module_is_made_of() -> None:
    read = read_module(TEXT, frozenset(("other",)), {"WIDTH": 16})
    assert read.name == "thing"
    assert read.memories == ((16, 4),)
    assert read.instances == (Instance("other", {"SIZE": 18}, {"SIZE": "WIDTH + 2", "NAME": '"x(y)"'}),)
    assert read.counts == Counts(registers=16 + 32, arms=16 + 2 * 3, sums=16, equals=16)


@pytest.mark.parametrize(
    ("width", "depth", "area"),
    [
        (32, 16, Area(32, 32)),
        (32, 32, Area(98, 32)),
        (32, 64, Area(brams=1)),
        (8, 64, Area(52, 8)),
        (32, 1000, Area(brams=2)),
        (32, 2048, Area(brams=4)),
    ],
)
def test_rams(width: int, depth: int, area: Area) -> None:
    assert ram_area(width, depth) == area


@pytest.mark.parametrize(
    ("width", "depth", "area"), [(32, 16, Area(32, 32)), (32, 64, Area(256, 32)), (32, 128, Area(brams=1))]
)
def test_roms(width: int, depth: int, area: Area) -> None:
    assert rom_area(width, depth) == area


def small() -> hls.RtlDesign:
    return hls.synthesise(
        module_of((element_wise("twice", "float", lines("%r = fadd float %a, %a")), DOT, PREFIX_SUM), FloatMode.FTZ),
        options=hls.HlsOptions(style=hls.Style.SEQUENTIAL),
    )


def test_parts_sum_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimating, "unit_area", lambda *_, **__: Area(500, 100, 1))
    design = small()
    area = estimate_area(design)
    total = area.memories
    for part in (*area.modules.values(), *area.units.values()):
        total += part
    assert total.luts == pytest.approx(area.total.luts) and total.ffs == area.total.ffs
    assert area.total.dsps == len(design.operators) == 2
    rows = {(row.kind, row.name): row for row in area_rows(design, area)}
    assert {("layer", "dot"), ("unit", "fadd"), ("design", "memories"), ("design", "all")} <= set(rows)
    assert rows["unit", "fadd"].luts == 500


def test_shipped_figures_where_nothing_may_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the registers around the unit; of the nearest number of stages, or by a rule where there are none."""
    unit = small().operators[0]
    figures = {unit.stages: Timing(700, 180, 2, 120.0, 3), unit.stages + 1: Timing(1, 1, 1, 1.0, 3)}
    monkeypatch.setattr(units, "timings", lambda *_, **__: figures)
    assert unit_area(unit, FloatMode.FTZ, measure=False) == Area(700 - 32, 180 - 96, 2)
    del figures[unit.stages]
    assert unit_area(unit, FloatMode.FTZ, measure=False) == Area(0, 0, 1)
    figures.clear()
    assert unit_area(unit, FloatMode.FTZ, measure=False) == Area(96)


def test_multipliers_of_integers_without_figures_have_a_rule() -> None:
    product = operator(exact_instance("mul", "i12"), FloatMode.FTZ)
    assert unit_area(product, FloatMode.FTZ, measure=False) == Area(dsps=1)
    assert unit_area(product, FloatMode.FTZ, dsps=False, measure=False).luts == pytest.approx(158.4)


def test_near_what_yosys_makes(tmp_path: Path) -> None:
    try:
        tool = yosys.find()
    except ToolMissingError as error:
        pytest.skip(f"areas are compared with yosys: {error}")
    design = small()
    mine = estimate_area(design, cache=default_cache()).total
    lay_out(design, tmp_path)
    script = [f"read_verilog -defer -sv -I{design.include_folder} {path}" for path in design.sources]
    script += [line.replace("{top}", design.top).replace(" -nodsp", "") for line in ECP5_SYNTHESIS]
    real = counted(tool.run_script("\n".join([*script, "stat"]), tmp_path))
    assert mine.luts == pytest.approx(real.luts, rel=0.2) and mine.ffs == pytest.approx(real.ffs, rel=0.2)
    assert (mine.dsps, mine.brams) == (real.dsps, real.brams)
