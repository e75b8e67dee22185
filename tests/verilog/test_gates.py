"""A sample of what ``python -m tests.verilog.gates`` and ``python -m tests.verilog.operators`` do."""

from __future__ import annotations

from pathlib import Path

import pytest

from asnet.emulate.analysis import Verdict
from asnet.errors import ToolMissingError
from asnet.tools import yosys
from asnet.types import FloatMode
from asnet.units import ApproximateUnit
from tests.verilog import gates as command
from tests.verilog.gates import Form, forms, netlist, netlists, prove, sample, simulate
from tests.verilog.operators import comparisons


@pytest.fixture(scope="module")
def _needs_yosys() -> None:
    try:
        yosys.find()
    except ToolMissingError as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("_needs_yosys")
@pytest.mark.parametrize(("name", "values"), [("fcmp", {}), ("mul8s_drum", {"k": 4})])
def test_gates_are_the_unit(name: str, values: dict[str, int], tmp_path: Path, runtime: Path) -> None:
    instance = ApproximateUnit.shipped(name).instance(**values)
    gates = netlists(instance, FloatMode.IEEE)
    assert simulate(instance, FloatMode.IEEE, gates, 2000, tmp_path, runtime) >= 2000 * (1 + len(gates))
    assert {prove(instance, FloatMode.IEEE, form, text, 60) for form, text in gates.items()} == {"proven"}


@pytest.mark.usefixtures("_needs_yosys")
def test_other_gates_are_told(tmp_path: Path, runtime: Path) -> None:
    unit = ApproximateUnit.shipped("mul8u_trunc")
    gates = {form: netlists(unit.instance(t=2), FloatMode.FTZ)[form] for form in forms(unit.instance(t=1))}
    with pytest.raises(AssertionError, match="gives"):
        simulate(unit.instance(t=1), FloatMode.FTZ, gates, 2000, tmp_path, runtime)
    assert {prove(unit.instance(t=1), FloatMode.FTZ, form, text, 60) for form, text in gates.items()} == {"different"}


@pytest.mark.usefixtures("_needs_yosys")
def test_gates_of_another_latency_are_told(tmp_path: Path, runtime: Path) -> None:
    unit = ApproximateUnit.shipped("fcmp").instance()
    one, two = Form(1, dsps=False), Form(2, dsps=False)
    gates = {two: netlist(unit, FloatMode.FTZ, one).replace(one.module, two.module)}
    with pytest.raises(AssertionError, match="gives"):
        simulate(unit, FloatMode.FTZ, gates, 2000, tmp_path, runtime)


@pytest.mark.usefixtures("_needs_yosys")
def test_wide_products_in_dsp_blocks_are_proven_by_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = ApproximateUnit.shipped("fmul_mantissa").instance(multiplier="mul_drum", k=21)
    form = Form(3, dsps=True)
    gates = netlist(unit, FloatMode.FTZ, form)
    monkeypatch.setattr(command, "equivalent", lambda *_, **__: Verdict("undecided"))
    assert prove(unit, FloatMode.FTZ, form, gates, 60) == "proven by parts"
    other = unit.unit.instance(multiplier="mul_drum", k=20)
    assert prove(other, FloatMode.FTZ, form, gates, 60) == "undecided"


def test_every_unit_and_operator_is_in_the_lists() -> None:
    assert {instance.op for instance, _ in sample()} == {one.op for one in comparisons()} | {"mul"}
    stages = {(one.op, unit.params.get("STAGES", 0)) for one in comparisons() for unit in one.instances}
    assert {("fdiv", 0), ("fdiv", 30), ("fadd", 8), ("fmul", 11), ("fptosi", 2)} <= stages
