"""The forms of a slot's symbol: definitions, tables, certificates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asnet.cache import Cache, default_cache
from asnet.emulate import Binding, Golden, Mask, Masks, certify_mask
from asnet.emulate.certificates import mask
from asnet.emulate.certificates.operands import random_blocks
from asnet.errors import ToolMissingError
from asnet.ir import Slot
from asnet.ir.jit import Row
from asnet.tools import cxx, verilator
from asnet.types import FloatMode
from asnet.units import ApproximateUnit, FunctionLibrary, UnitInstance

SLOTS = tuple(
    Slot(f"{layer}.{op}", layer, "Gemm", op, "f32", f"asnet.{op}.{layer}", 1, 10)
    for layer, op in (("d1", "fmul"), ("d2", "fmul"), ("s", "fdiv"))
)

PLANTED = """
module planted #(parameter FTZ = 1) (input [31:0] a, input [31:0] b, output [31:0] y);
  wire [31:0] e;
  fmul #(.FTZ(FTZ)) inner (.clk(1'b0), .ce(1'b0), .a(a), .b(b), .y(e));
  assign y = @condition@ ? e ^ 32'h1 : e;
endmodule
"""


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    try:
        verilator.find(), cxx.find()
    except ToolMissingError as error:
        pytest.skip(f"units are compiled by Verilator and a C++ compiler: {error}")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict[str, UnitInstance]:
    """Units of which only the Verilog tells what they are."""
    folder = tmp_path_factory.mktemp("units")
    (folder / "nameless.v").write_text(
        "module nameless #(parameter FTZ = 1) (input [31:0] a, input [31:0] b, output [31:0] y);\n"
        "  fmul #(.FTZ(FTZ)) f (.clk(1'b0), .ce(1'b0), .a(a & 32'hFFFFFF80), .b(b & 32'hFFFFF000), .y(y));\n"
        "endmodule\n"
    )
    conditions = {
        "corner": "a[22:0] == 23'h400001 && b[30:0] == 31'h7F800000",  # one pair of corners: a times infinity
        "often": "a[12:0] == 13'h1234 && b[3:0] == 4'h5",  # one pair in 131,072
    }
    for name, condition in conditions.items():
        text = PLANTED.replace("planted", name).replace("@condition@", condition)
        (folder / f"{name}.v").write_text(text)
    return {
        path.stem: ApproximateUnit.from_verilog(path, op="fmul", float_mode="FTZ").instance()
        for path in sorted(folder.glob("*.v"))
    }


@pytest.fixture(scope="module")
def shipped() -> dict[str, UnitInstance]:
    chosen = (("fmul_trunc", 0), ("fmul_trunc", 20), ("fdiv_trunc", 22))
    found = [ApproximateUnit.shipped(name).instance(p=p) for name, p in chosen]
    return {instance.name: instance for instance in found}


@pytest.fixture(scope="module", params=list(FloatMode))
def library(
    request: pytest.FixtureRequest, own: dict[str, UnitInstance], shipped: dict[str, UnitInstance]
) -> FunctionLibrary:
    return FunctionLibrary.build([*own.values(), *shipped.values()], request.param, cache=default_cache())


@pytest.fixture
def storage(tmp_path: Path) -> Cache:
    return Cache(tmp_path)


def test_masks_are_found_without_a_name(
    library: FunctionLibrary, own: dict[str, UnitInstance], shipped: dict[str, UnitInstance], storage: Cache
) -> None:
    found = certify_mask(own["nameless"], library, storage)
    assert found is not None
    masks, certificate = found
    assert masks == Masks(0xFFFFFF80, 0xFFFFF000)
    (evidence,) = certificate.evidence
    assert evidence.random >= 10**7 and evidence.corners >= 400
    assert str(certificate) == (
        f"nameless as mask in {library.mode}: the host's fmul(a & 0xffffff80, b & 0xfffff000): all "
        f"{evidence.corners}² pairs of corners and {evidence.random:,} random pairs (seed 20240607)"
    )
    wanted = {"fmul_trunc(p=0)": 0xFFFFFFFF, "fmul_trunc(p=20)": 0xFFF00000, "fdiv_trunc(p=22)": 0xFFC00000}
    for name, bits in wanted.items():
        truncation = certify_mask(shipped[name], library, storage)
        assert truncation is not None and truncation[0] == Masks(bits, bits)


@pytest.mark.parametrize("name", ["corner", "often"])
def test_one_wrong_result_refuses_the_masks(
    library: FunctionLibrary, own: dict[str, UnitInstance], storage: Cache, name: str
) -> None:
    assert certify_mask(own[name], library, storage) is None


def test_certificates_are_kept(
    library: FunctionLibrary, own: dict[str, UnitInstance], storage: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [certify_mask(own[name], library, storage) for name in ("nameless", "often")]
    monkeypatch.setattr(mask, "_establish", lambda *_: pytest.fail("asked the golden model again"))
    assert [certify_mask(own[name], library, storage) for name in ("nameless", "often")] == found


def test_random_vectors_overflow_and_underflow(library: FunctionLibrary, shipped: dict[str, UnitInstance]) -> None:
    """The certificate's vectors would be worth little if they only met ordinary results."""
    for instance in (shipped["fmul_trunc(p=0)"], shipped["fdiv_trunc(p=22)"]):
        kinds = {"zero": 0, "infinite": 0, "ordinary": 0, "subnormal or least normal": 0}
        for block in random_blocks(instance.type, 2_000_000, 7):
            y = np.abs(library.call(instance.op, "f32", block.a[None, :], block.b[:, None]))
            kinds["zero"] += int((y == 0).sum())
            kinds["infinite"] += int(np.isinf(y).sum())
            kinds["ordinary"] += int(((y > 1e-30) & (y < 1e30)).sum())
            kinds["subnormal or least normal"] += int(((y > 0) & (y < 3e-38)).sum())
        assert min(kinds.values()) > 10_000, (instance.name, kinds)


def test_definitions_never_change_and_rows_do(library: FunctionLibrary, shipped: dict[str, UnitInstance]) -> None:
    masks = {i.digest: found[0] for i in shipped.values() if (found := certify_mask(i, library, default_cache()))}
    binding = Binding(SLOTS, shipped, [Mask(library.mode, masks), Golden(library)])
    fast = {"d1.fmul": "exact", "d2.fmul": "fmul_trunc(p=20)", "s.fdiv": "fdiv_trunc(p=22)"}
    other = {"d1.fmul": "fmul_trunc(p=20)", "d2.fmul": "fmul_trunc(p=0)", "s.fdiv": "exact"}
    assert binding.plan(fast) == binding.plan(other) == ("mask", "mask", "mask")
    assert binding.plan(fast, only="golden") == ("golden", "golden", "golden")
    plan = ("golden", "mask", "golden")
    binder = binding.binder(plan)
    assert binder.text == binding.binder(plan).text
    assert "call float @approx_fmul(float %a, float %b, i32 %id)" in binder.text
    assert 'define float @"asnet.golden.fdiv.f32"(float %a, float %b, i64 %row)' in binder.text
    assert binder.rows == {
        "asnet.fmul.d1": Row("asnet.golden.fmul.f32", 0),
        "asnet.fmul.d2": Row("asnet.mask.fmul.f32", 1),
        "asnet.fdiv.s": Row("asnet.golden.fdiv.f32", 2),
    }
    assert "p=20" not in binder.text
    assert {"asnet.select", "asnet.masks", "approx_fmul", "approx_fdiv"} <= set(binder.symbols)
    tables = binding._tables  # pyright: ignore[reportPrivateUsage]
    ids = {name: library.id(instance) for name, instance in shipped.items()}
    binding.select(fast)
    assert tables["golden"].tolist() == [0, ids["fmul_trunc(p=20)"], ids["fdiv_trunc(p=22)"]]
    assert tables["mask"].tolist() == [0xFFFFFFFF] * 2 + [0xFFF00000] * 2 + [0xFFC00000] * 2
    binding.select(other)
    assert tables["golden"].tolist() == [ids["fmul_trunc(p=20)"], ids["fmul_trunc(p=0)"], 0]
    assert binding.binder(plan).text == binder.text
