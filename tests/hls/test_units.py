"""Units of all kinds in a design: with stages, combinational, of a fixed latency, of integers; and those that clash."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from asnet import hls
from asnet.cache import default_cache
from asnet.errors import SynthesisError, UnitError
from asnet.host import float_environment
from asnet.ir import Module, Slot
from asnet.types import Array, FloatMode
from asnet.units import ApproximateUnit, UnitInstance
from tests.hls.kernels import Program, module_of, random_inputs
from tests.hls.programs import element_wise, lines

COMBINATIONAL = (
    "module own_xor (input [31:0] a, input [31:0] b, output [31:0] y); assign y = a ^ {b[0], b[31:1]}; endmodule\n"
)
CLOCKED = """
module own_clocked (input clk, input ce, input [31:0] a, input [31:0] b, output reg [31:0] y);
  reg [31:0] p, q;
  always @(posedge clk) if (ce) begin p <= a - b; q <= p; y <= q; end
endmodule
"""


def _program(layer: str, op: str, element: str = "float", result: str = "float") -> Program:
    """Two dependent uses of a slot for each element, so that results of one are operands of the other."""
    symbol = f"asnet.{op}.{layer}"
    if element == "float":
        body = lines(
            f"%m = call float @{symbol}(float %a, float %b)",
            f"%r = call float @{symbol}(float %m, float %a)",
        )
        kind = "f32"
    else:
        body = lines(f"%m = call i16 @{symbol}(i8 %a, i8 %b)", "%r = sext i16 %m to i32")
        kind = "i8"
    slot = Slot(f"{layer}.{op}", layer, "Test", op, kind, symbol, 1, 16)
    made = element_wise(layer, element, body, result)
    return Program(layer, made.arguments, made.body, (slot,))


@pytest.fixture
def own(tmp_path: Path) -> dict[str, UnitInstance]:
    (tmp_path / "own_xor.v").write_text(COMBINATIONAL)
    (tmp_path / "own_clocked.v").write_text(CLOCKED)
    ports = {"a": "a", "b": "b", "y": "y"}
    return {
        "xor": ApproximateUnit.from_verilog(tmp_path / "own_xor.v", op="fmul", ports=ports).instance(),
        "clocked": ApproximateUnit.from_verilog(
            tmp_path / "own_clocked.v", op="fdiv", ports={**ports, "clk": "clk", "ce": "ce"}, latency=3
        ).instance(),
    }


def _expected(module: Module, inputs: dict[str, Array]) -> Iterator[tuple[str, Array]]:
    def bits(layer: str) -> tuple[Array, Array]:
        return tuple(inputs[f"{layer}.{name}"].view(np.uint32) for name in "xy")  # pyright: ignore

    with float_environment(module.mode), np.errstate(all="ignore"):
        mask = np.uint32(0xFFFF0000)
        a, b = ((word & mask).view(np.float32) for word in bits("trunc"))
        m = ((a * b).view(np.uint32) & mask).view(np.float32)
        yield "trunc.z", m * a
        x, y = inputs["exact.x"], inputs["exact.y"]
        yield "exact.z", (x * y) * x
    a, b = bits("comb")
    m = a ^ ((b >> np.uint32(1)) | (b << np.uint32(31)))
    yield "comb.z", (m ^ ((a >> np.uint32(1)) | (a << np.uint32(31)))).view(np.float32)
    a, b = bits("clocked")
    yield "clocked.z", ((a - b) - a).view(np.float32)
    yield "bytes.z", inputs["bytes.x"].astype(np.int32) * inputs["bytes.y"].astype(np.int32)


def _normal(values: Array) -> Array:
    """``values`` without subnormals, whose fate in copies and bit operations is not the point."""
    return np.where(np.abs(values) < 2e-38, np.zeros_like(values), values) if values.dtype == np.float32 else values


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("mode", FloatMode)
def test_every_kind_of_unit(mode: FloatMode, own: dict[str, UnitInstance]) -> None:
    layers = (("trunc", "fmul"), ("exact", "fmul"), ("comb", "fmul"), ("clocked", "fdiv"))
    module = module_of([*(_program(*layer) for layer in layers), _program("bytes", "mul", "i8", "i32")], mode)
    design = hls.synthesise(
        module,
        {
            "trunc.fmul": ApproximateUnit.shipped("fmul_trunc").instance(p=16),
            "exact.fmul": None,
            "comb.fmul": own["xor"],
            "clocked.fdiv": own["clocked"],
            "bytes.mul": ApproximateUnit.shipped("mul8s_exact").instance(),
        },
    )
    hls.lint(design)
    staged = [dict(operator.parameters)["STAGES"] for operator in design.operators[:2]]  # chosen for the clock
    behind = [operator.wrapped for operator in design.operators]
    latencies = [1 + staged[0] + behind[0], 1 + staged[1] + behind[1], 2, 4, 1]  # the last one serves one operation
    assert [operator.latency for operator in design.operators] == latencies
    assert design.configuration["trunc.fmul"] == "fmul_trunc(p=16)"
    inputs = random_inputs(module, 16, 5)
    inputs = {name: _normal(values) for name, values in inputs.items()}
    expected = dict(_expected(module, inputs))
    report = hls.cosimulate(design, inputs, expected, cache=default_cache())
    report.raise_if_different()
    assert set(report.memories) == set(expected)


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("style", hls.Style)
def test_units_that_serve_one_operation(style: hls.Style) -> None:
    """A layer with one comparison beside one with two; each alone in the dataflow style."""
    one = element_wise(
        "one", "float", lines("%l = fcmp olt float %a, %b", "%r = select i1 %l, float %a, float %b"), "float"
    )
    two = element_wise(
        "two",
        "float",
        lines(
            "%l = fcmp olt float %a, %b",
            "%m = select i1 %l, float %a, float %b",
            "%g = fcmp ogt float %m, 1.0",
            "%r = select i1 %g, float 1.0, float %m",
        ),
        "float",
    )
    module = module_of([one, two], FloatMode.FTZ)
    design = hls.synthesise(module, options=hls.HlsOptions(style=style))
    hls.lint(design)
    latencies = {operator.name: operator.latency for operator in design.operators}
    assert latencies == ({"fcmp": 2, "fcmp_alone": 1} if style is hls.Style.DATAFLOW else {"fcmp": 2})
    inputs = {name: _normal(values) for name, values in random_inputs(module, 16, 3).items()}
    pairs = {layer: (inputs[f"{layer}.x"], inputs[f"{layer}.y"]) for layer in ("one", "two")}
    least = {layer: np.where(x < y, x, y) for layer, (x, y) in pairs.items()}
    expected = {"one.z": least["one"], "two.z": np.where(least["two"] > 1, np.float32(1), least["two"])}
    hls.cosimulate(design, inputs, expected, cache=default_cache()).raise_if_different()


def test_the_units_text_is_the_designs_text(own: dict[str, UnitInstance]) -> None:
    module = module_of([_program("comb", "fmul")], FloatMode.FTZ)
    design = hls.synthesise(module, {"comb.fmul": own["xor"]})
    for file in own["xor"].files:
        assert design.files[f"units/{file.name}"] == file.text
    assert own["xor"].digest in design.files[f"rtl/{design.top}.v"]
    assert own["xor"].digest in design.files["manifest.json"]


def test_two_sources_of_one_module(tmp_path: Path, own: dict[str, UnitInstance]) -> None:
    (tmp_path / "other").mkdir()
    path = tmp_path / "other" / "own_xor.v"
    path.write_text(COMBINATIONAL.replace("^", "&"))
    other = ApproximateUnit.from_verilog(path, op="fmul", name="other", ports={"a": "a", "b": "b", "y": "y"})
    module = module_of([_program("one", "fmul"), _program("two", "fmul")], FloatMode.FTZ)
    with pytest.raises(UnitError, match=r"other and own_xor bring different sources of 'own_xor.v'; rename one"):
        hls.synthesise(module, {"one.fmul": own["xor"], "two.fmul": other.instance()})


def test_a_unit_of_another_operation() -> None:
    module = module_of([_program("one", "fmul")], FloatMode.FTZ)
    with pytest.raises(
        SynthesisError, match=r"layer 'one': slot 'one.fmul' \(fmul of f32\) is bound to fdiv_trunc\(p=3\)"
    ):
        hls.synthesise(module, {"one.fmul": ApproximateUnit.shipped("fdiv_trunc").instance(p=3)})


def test_a_slot_that_does_not_exist() -> None:
    module = module_of([_program("one", "fmul")], FloatMode.FTZ)
    with pytest.raises(SynthesisError, match=r"no slot 'one.fmull'; did you mean 'one.fmul'\?"):
        hls.synthesise(module, {"one.fmull": None})


def test_a_latency_without_a_clock(tmp_path: Path) -> None:
    (tmp_path / "own_xor.v").write_text(COMBINATIONAL)
    unit = ApproximateUnit.from_verilog(
        tmp_path / "own_xor.v", op="fmul", ports={"a": "a", "b": "b", "y": "y"}, latency=2
    )
    module = module_of([_program("one", "fmul")], FloatMode.FTZ)
    with pytest.raises(UnitError, match="a latency of 2 without a clock; name its clk port"):
        hls.synthesise(module, {"one.fmul": unit.instance()})
