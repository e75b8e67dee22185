"""The digits networks with few images, and units of every kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from asnet.errors import ToolMissingError
from asnet.network import Network, load
from asnet.testbed import Dataset
from asnet.tools import cxx, verilator
from asnet.units import ApproximateUnit, UnitInstance

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = ROOT / "examples" / "networks"


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    try:
        verilator.find(), cxx.find()
    except ToolMissingError as error:
        pytest.skip(f"units are compiled by Verilator and a C++ compiler: {error}")


@pytest.fixture(scope="session")
def dense() -> Network:
    return load(NETWORKS / "digits_dense.onnx")


@pytest.fixture(scope="session")
def conv() -> Network:
    return load(NETWORKS / "digits_conv.onnx")


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return Dataset.load(NETWORKS / "digits_test.npz").take(60)


@pytest.fixture(scope="session")
def instances() -> tuple[UnitInstance, ...]:
    """Truncations, and a multiplier that is no truncation."""
    mitchell = ApproximateUnit.from_verilog(ROOT / "examples/own_unit/mitchell_fmul.v", op="fmul").instance()
    truncations = [
        instance
        for name, values in (("fmul_trunc", [0, 20, 22]), ("fdiv_trunc", [0, 22]))
        for instance in ApproximateUnit.shipped(name).instances({"p": values})
    ]
    return (*truncations, mitchell)
