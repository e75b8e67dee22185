"""A sample of what ``python -m tests.verilog.gates`` and ``python -m tests.verilog.operators`` do."""

from __future__ import annotations

from pathlib import Path

import pytest

from asnet.errors import ToolMissingError
from asnet.tools import yosys
from asnet.types import FloatMode
from asnet.units import ApproximateUnit
from tests.verilog.gates import prove, sample, simulate
from tests.verilog.operators import comparisons


@pytest.fixture(scope="module")
def _needs_yosys() -> None:
    try:
        yosys.find()
    except ToolMissingError as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("_needs_yosys")
@pytest.mark.parametrize(("name", "values", "stages"), [("fcmp", {}, 1), ("mul8s_drum", {"k": 4}, 0)])
def test_gates_are_the_unit(
    name: str, values: dict[str, int], stages: int, tmp_path: Path, runtime: Path, build: object
) -> None:
    instance = ApproximateUnit.shipped(name).instance(**values)
    assert simulate(instance, FloatMode.IEEE, stages, 5000, tmp_path, runtime) >= 5000
    assert prove(instance, FloatMode.IEEE, 60) == "equal"


@pytest.mark.usefixtures("_needs_yosys")
def test_other_gates_are_told(tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = ApproximateUnit.shipped("mul8u_trunc")
    monkeypatch.setattr("tests.verilog.gates.netlist", lambda _i, _m, _s, module: _renamed(other, module))
    with pytest.raises(AssertionError, match="gives"):
        simulate(other.instance(t=1), FloatMode.FTZ, 0, 5000, tmp_path, runtime)


def _renamed(unit: ApproximateUnit, module: str) -> str:
    return f"module {module}(input [7:0] a, b, output [15:0] y); mul8u_trunc #(.t(2)) m(a, b, y); endmodule\n"


def test_every_unit_and_operator_is_in_the_lists() -> None:
    assert {instance.op for instance, _ in sample()} == {one.op for one in comparisons()} | {"mul"}
    stages = {(one.op, unit.params.get("STAGES", 0)) for one in comparisons() for unit in one.instances}
    assert {("fdiv", 0), ("fdiv", 30), ("fadd", 8), ("fmul", 11), ("fptosi", 2)} <= stages
