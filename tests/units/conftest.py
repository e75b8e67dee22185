"""Shared by the tests of units: the folder of small Verilog files, one cache for the session, one library."""

from __future__ import annotations

from pathlib import Path

import pytest

from asnet.cache import Cache
from asnet.types import FloatMode
from asnet.units import ApproximateUnit, FunctionLibrary, UnitInstance


@pytest.fixture(scope="session")
def data() -> Path:
    return Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def instances(data: Path) -> dict[str, UnitInstance]:
    """One instance of every kind, by its written name."""
    verilog = ApproximateUnit.from_verilog
    chosen = [
        ApproximateUnit.shipped("fmul_trunc").instance(p=20),
        ApproximateUnit.shipped("fmul_trunc").instance(p=0),
        ApproximateUnit.shipped("fdiv_trunc").instance(p=12),
        ApproximateUnit.shipped("mul8s_trunc").instance(t=3),
        ApproximateUnit.shipped("mul8u_exact").instance(),
        verilog(data / "mul4.v", op="mul", type="u4").instance(),
        verilog(data / "pipelined.v", op="mul", type="i8", latency=2).instance(),
        verilog(data / "outer.v", op="mul", type="u8", params={"bias": [0, 7]}).instance(bias=7),
        verilog(data / "scaled.v.j2", op="mul", type="u8", params={"kind": "up", "drop": 2}).instance(),
    ]
    return {instance.name: instance for instance in chosen}


@pytest.fixture(scope="session")
def library(cache: Cache, instances: dict[str, UnitInstance]) -> FunctionLibrary:
    return FunctionLibrary.build(list(instances.values()), FloatMode.FTZ, cache=cache)
