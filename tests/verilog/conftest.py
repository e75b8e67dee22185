"""Verilate a wrapper of many instances of units and compile it with bench.cpp, once for all comparisons a test makes.

Longer runs than the tests', by hand, with the folder pytest prints: ``<folder>/bench host fmul 4000000000 7``.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
import pytest

from asnet.resources import verilog_dir
from asnet.tools import cxx, run_tool, try_tool, verilator

BENCH = Path(__file__).with_name("bench.cpp")
HEADERS = ("verilated.h", "cmath", "chrono", "deque", "string", "vector")
LEVELS = ("-O2", "-O0")
FLAGS = ("-std=c++20", "-march=native", "-pthread", "-w", "-DVL_TIME_CONTEXT")


@dataclass(frozen=True)
class Instance:
    """A module with its parameters, and what bench.cpp is to compare it with: float mode, operand mask, latency.

    ``wide``: its one operand is made of both.
    """

    module: str
    params: Mapping[str, int] = field(default_factory=dict)
    ftz: bool = True
    mask: int = 0xFFFFFFFF
    latency: int = 0
    two: bool = True
    clocked: bool = True
    wide: bool = False

    def verilog(self, name: str, y: str) -> str:
        ports = [".a({a, b})" if self.wide else ".a(a)", f".y({y})"]
        ports += [".b(b)"] * self.two + [".clk(clk)", ".ce(ce)"] * self.clocked
        params = ", ".join(f".{key}({value})" for key, value in self.params.items())
        return f"    {self.module} #({params}) {name} ({', '.join(ports)});\n"


@dataclass(frozen=True)
class Bench:
    """A compiled comparison program, see bench.cpp."""

    program: Path

    def __call__(self, mode: str, op: str, count: int, seed: int = 1) -> int:
        """Run ``count`` operand pairs or more; the number of comparisons, AssertionError with the program's message if
        one of them fails."""
        done = try_tool([self.program, mode, op, str(count), str(seed)])
        assert done.returncode == 0, f"{self.program} {mode} {op} {count} {seed}\n{done.stdout}{done.stderr}"
        made = int(done.stdout.split()[0])
        assert made >= count
        return made

    def products(self, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
        """The outputs of all instances, for each operand pair."""
        text = run_tool([self.program, "raw"], stdin="\n".join(f"{a} {b}" for a, b in pairs))
        return [[int(word) for word in line.split()] for line in text.splitlines()]


Build = Callable[..., Bench]


@pytest.fixture(scope="session")
def instance() -> type[Instance]:
    return Instance


def make_runtime(folder: Path) -> Path:
    """``folder`` with Verilator's run-time library, runtime.o, and precompiled headers for both optimisation levels."""
    include = verilator.find().include
    (folder / "runtime.cpp").write_text('#include "verilated.cpp"\n#include "verilated_threads.cpp"\n')
    (folder / "prelude.h").write_text("".join(f"#include <{name}>\n" for name in HEADERS))
    (folder / "prelude.h.gch").mkdir()
    flags = [*FLAGS, f"-I{include}", f"-I{include / 'vltstd'}"]
    cxx.find().compile([*flags, "-O0", "-c", "runtime.cpp", "-o", "runtime.o"], folder)
    for level in LEVELS:
        header = ["-x", "c++-header", "prelude.h", "-o", f"prelude.h.gch/{level}"]
        cxx.find().compile([*flags, level, *header], folder)
    return folder


def top_text(instances: Sequence[Instance], operand: int, result: int) -> str:
    """Verilog of the module ``dut`` with all instances between the same operands."""
    outputs = ", ".join(f"output [{result - 1}:0] y{i}" for i in range(len(instances)))
    return (
        f"module dut (input clk, input ce, input [{operand - 1}:0] a, input [{operand - 1}:0] b, {outputs});\n"
        + "".join(unit.verilog(f"u{i}", f"y{i}") for i, unit in enumerate(instances))
        + "endmodule\n"
    )


def compile_bench(
    folder: Path,
    runtime: Path,
    instances: Sequence[Instance],
    *,
    operand: int = 32,
    result: int = 32,
    sources: Sequence[str] = (),
    fast: bool = True,
) -> Bench:
    """A Bench of ``instances`` in ``folder``; ``fast`` = False compiles large models sooner."""
    (folder / "dut.v").write_text("".join([top_text(instances, operand, result), *sources]))
    (folder / "dut.inc").write_text(
        "".join(f"X(y{i}, {int(u.ftz)}, {u.mask:#x}u, {u.latency})\n" for i, u in enumerate(instances))
    )
    tool = verilator.find()
    flags = ["--cc", "-O3", "--prefix", "Vdut", "--top-module", "dut", "-Mdir", ".", "-y", str(verilog_dir())]
    tool.run([*flags, "dut.v"], folder)
    models = sorted(path.name for path in folder.glob("V*.cpp"))
    (folder / "all.cpp").write_text("".join(f'#include "{name}"\n' for name in [*models, BENCH.as_posix()]))
    include = ["-include", "prelude.h", f"-I{runtime}", "-I.", f"-I{tool.include}", f"-I{tool.include / 'vltstd'}"]
    objects = ["all.cpp", runtime / "runtime.o", "-o", "bench"]
    cxx.find().compile([*FLAGS, LEVELS[not fast], *include, *objects], folder)
    return Bench(folder / "bench")


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_runtime(tmp_path_factory.mktemp("runtime"))


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory, runtime: Path) -> Build:
    """``build(instances, operand=32, result=32, sources=(), fast=True)`` gives a Bench.

    Sub-modules come from verilog/ (Verilator's -y); ``sources`` are further Verilog texts.
    """
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("the reference is x86's FPU with MXCSR's DAZ and FTZ bits")

    def compiled(instances: Sequence[Instance], operand: int = 32, result: int = 32, **more: object) -> Bench:
        text = repr((instances, operand, result, more))
        folder = tmp_path_factory.mktemp(f"bench-{hashlib.sha256(text.encode()).hexdigest()[:12]}")
        return compile_bench(folder, runtime, instances, operand=operand, result=result, **more)

    return compiled


@pytest.fixture(scope="session")
def mantissa() -> Callable[[str, str, int], str]:
    """``mantissa(module, multiplier, k)``: fmul_mantissa.v.j2 rendered."""
    text = (verilog_dir() / "fmul_mantissa.v.j2").read_text()
    template = jinja2.Template(text, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return lambda module, multiplier, k: template.render(module=module, multiplier=multiplier, k=k)
