"""STAGES = n: the combinational unit's results n enabled clock cycles later; operands every cycle, random ce."""

from __future__ import annotations

import json

import pytest

from asnet.resources import verilog_dir

COUNT = 20_000


def stages(name: str) -> range:
    """1 .. max of the unit's description."""
    return range(1, json.loads((verilog_dir() / f"{name}.json").read_text())["stages"]["max"] + 1)


@pytest.mark.parametrize("ftz", [True, False], ids=["ftz", "ieee"])
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("fmul", {}),
        ("fmul", {"DSP": 0}),
        ("fmul_trunc", {"p": 3}),
        ("fmul_trunc", {"p": 6}),
        ("fmul_trunc", {"p": 16, "DSP": 0}),
        ("fmul_trunc", {"p": 22}),
        ("fdiv", {}),
        ("fdiv_trunc", {"p": 20}),
        ("fadd", {}),
        ("fcmp", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(f"{k}{v}" for k, v in value.items()),
)
def test_float_unit(build, instance, name, params, ftz):
    few = stages(name)[:: 5 if name.startswith("fdiv") and (params or not ftz) else 1]  # rows are alike: 1, 6 .. 26
    units = [instance(name, {**params, "FTZ": int(ftz), "STAGES": n}, latency=n) for n in [0, *few]]
    build(units, result=3 if name == "fcmp" else 32, fast=False)("pipe", name.removesuffix("_trunc"), COUNT)


@pytest.mark.parametrize("name", ["sitofp", "uitofp", "fptosi", "fptoui"])
def test_conversion(build, instance, name):
    units = [instance(name, {"STAGES": n}, latency=n, two=False) for n in [0, *stages(name)]]
    build(units)("pipe", name, COUNT)


@pytest.mark.parametrize("ftz", [True, False], ids=["ftz", "ieee"])
def test_multiplier_with_a_free_mantissa_product(build, instance, mantissa, ftz):
    units = [instance("drummed", {"FTZ": int(ftz), "STAGES": n}, latency=n) for n in [0, *stages("fmul_mantissa")]]
    build(units, sources=[mantissa("drummed", "mul_drum", 6)])("pipe", "fmul", COUNT)
