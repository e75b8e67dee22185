"""Proofs that units are exact ones behind transformed operands, and netlists what their Verilog says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asnet.cache import Cache
from asnet.emulate import proof
from asnet.emulate.analysis import Netlist, analyse, unit_circuits
from asnet.emulate.analysis.mapping import smallest
from asnet.emulate.proof import prove_masks, prove_netlist, prove_transforms
from asnet.errors import ToolError, ToolMissingError, ToolTimeoutError, UsageError
from asnet.tools import cxx, verilator, yosys
from asnet.tools.yosys import Yosys
from asnet.types import FloatMode
from asnet.units import ApproximateUnit, FunctionLibrary, UnitInstance, exact_unit

MODE = FloatMode.FTZ


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    try:
        yosys.find(), verilator.find(), cxx.find()
    except ToolMissingError as error:
        pytest.skip(f"proofs are ABC's, of gates that yosys reads: {error}")


def with_exact(written: str, **parameters: int) -> tuple[UnitInstance, UnitInstance]:
    instance = ApproximateUnit.shipped(written).instance(**parameters)
    exact = exact_unit(instance.op, instance.type)
    assert exact is not None
    return instance, exact


def test_masks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path)
    cut, exact = with_exact("fmul_trunc", p=22)
    found = prove_masks(cut, exact, (0xFFC00000, 0xFFE00000), MODE, cache)
    assert found.answer == "different" and not found and found.b & 0x200000
    assert f"b = {found.b:#x} (bits)" in str(found)
    small, whole = with_exact("mul8u_trunc", t=3)
    proven = prove_masks(small, whole, (0xF8, 0xF8), MODE, cache)
    tool = f"ABC of yosys {yosys.find().version}"
    assert str(proven) == f"mul8u_trunc(t=3)(a, b) is mul8u_exact(a & 0xf8, b & 0xf8): proven ({tool})"
    monkeypatch.setattr(proof, "equivalent", lambda *_, **__: pytest.fail("proved again"))
    assert prove_masks(small, whole, (0xF8, 0xF8), MODE, cache) == proven


def test_transforms_of_wide_operands(tmp_path: Path) -> None:
    """DRUM with 12 bits is the exact multiplier of what the analysis finds; a wrong value is found, too."""
    cache = Cache(tmp_path)
    drum, exact = with_exact("mul12u_drum", k=4)
    library = FunctionLibrary.build([drum], MODE)
    product = analyse(drum, MODE, cache, library=library).product
    assert product is not None and product.rank == 1 and product.u is not None and product.v is not None
    g, h = product.u[0], product.v[0]
    assert prove_transforms(drum, exact, g, h, MODE, cache)
    planted = g.copy()
    planted[1234] ^= 16
    found = prove_transforms(drum, exact, planted, h, MODE, cache)
    assert found.answer == "different" and found.a == 1234
    with pytest.raises(UsageError, match="is not one of operands of u12"):
        prove_transforms(drum, exact, g + 4096, h, MODE, cache)


def test_netlists_are_what_their_verilog_says(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    instance, _ = with_exact("mul8s_drum", k=4)
    netlist = smallest(unit_circuits(instance, MODE, cache))
    assert prove_netlist(instance, netlist, MODE, cache)
    tables = netlist.tables.copy()
    tables[-1] ^= 0xFF
    planted = Netlist(netlist.width_a, netlist.width_b, tables, netlist.inputs, netlist.outputs)
    wrong = prove_netlist(instance, planted, MODE, cache)
    assert wrong.answer == "different"
    a, b = np.array([wrong.a]), np.array([wrong.b])
    assert planted.evaluate(a, b) != netlist.evaluate(a, b)


def test_too_little_time_leaves_it_undecided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instance, exact = with_exact("mul8u_trunc", t=3)
    circuits = [unit_circuits(unit, MODE, Cache(tmp_path))[0] for unit in (instance, exact)]

    def late(*_: object, **__: object) -> str:
        raise ToolTimeoutError("yosys did not finish")

    monkeypatch.setattr(Yosys, "run_script", late)
    found = proof.prove("they are equal", circuits[0], circuits[1], Cache(tmp_path), seconds=1)
    assert found.answer == "undecided" and not found
    monkeypatch.setattr(Yosys, "run_script", lambda *_, **__: "ABC: Networks are NOT EQUIVALENT.")
    with pytest.raises(ToolError, match="not where"):
        proof.prove("they are equal", circuits[0], circuits[0], Cache(tmp_path), seconds=2)
