"""Units as gates: yosys' netlist of every shipped unit against its Verilog: ``python -m tests.verilog.gates``.

The netlist, of AND, OR, XOR, multiplexers and flip-flops, runs beside the unit's combinational form, at no stage
and at its default number of stages, with operands in every cycle. Combinational units are given to yosys' SAT solver as
well, which proves both equal or runs out of its time.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from asnet.resources import verilog_dir
from asnet.tools import yosys
from asnet.types import FloatMode
from asnet.units import ApproximateUnit, UnitInstance, shipped_units
from asnet.units.elaborate import write_files
from tests.verilog.conftest import Instance, compile_bench, make_runtime

_GATES = "proc; flatten; opt -fast; techmap; opt -fast; abc -g AND,OR,XOR,MUX; opt_clean -purge"
_PROVEN = "SAT proof finished - no model found: SUCCESS!"
_REFUTED = "SAT proof finished - model found: FAIL!"


@dataclass(frozen=True)
class Result:
    """What was found of a unit: simulated pairs, and whether both were proved equal."""

    unit: str
    mode: FloatMode
    stages: int
    comparisons: int
    proof: str


def sample() -> Iterator[tuple[UnitInstance, FloatMode]]:
    """Every shipped unit in its float modes, with parameters near their last values."""
    for name in shipped_units():
        unit = ApproximateUnit.shipped(name)
        values = {key: one.values[len(one.values) * 9 // 10] for key, one in unit.parameters.items()}
        instance = unit.instance(**values)
        if instance.op != "sitofp" or instance.type.width == 32:
            for mode in FloatMode if instance.float_mode is not None else [FloatMode.FTZ]:
                yield instance, mode


def _elaborated(instance: UnitInstance, mode: FloatMode, stages: int, folder: Path) -> list[str]:
    """Yosys commands that read the unit as the module ``unit``."""
    lines = [f'read_verilog -sv -I. "{name}"' for name in write_files(instance.files, folder)]
    values = " ".join(f"-set {name} {value}" for name, value in instance.settings(mode, stages).items())
    if values:
        lines.append(f"chparam {values} {instance.module}")
    return [*lines, f"hierarchy -top {instance.module}", f"rename {instance.module} unit"]


def netlist(instance: UnitInstance, mode: FloatMode, stages: int, module: str) -> str:
    """Verilog of the unit's gates, in the module ``module``.

    Raises:
        ToolMissingError: there is no yosys.
    """
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        script = [*_elaborated(instance, mode, stages, folder), *_GATES.split("; ")]
        script += [f"rename unit {module}", f"write_verilog -noattr {module}.v"]
        yosys.find().run_script("\n".join(script) + "\n", folder)
        return (folder / f"{module}.v").read_text()


def prove(instance: UnitInstance, mode: FloatMode, seconds: int) -> str:
    """``equal``, ``different`` or ``undecided``: yosys' SAT solver on the combinational unit and its gates."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        script = [*_elaborated(instance, mode, 0, folder), "proc", "flatten", "opt -fast", "copy unit gold"]
        script += ["techmap unit", "opt -fast unit", "abc -g AND,OR,XOR,MUX unit", "opt_clean -purge unit"]
        script += ["miter -equiv -flatten gold unit both", f"sat -timeout {seconds} -prove trigger 0 both"]
        log = yosys.find().run_script("\n".join(script) + "\n", folder)
    return "equal" if _PROVEN in log else "different" if _REFUTED in log else "undecided"


def simulate(instance: UnitInstance, mode: FloatMode, stages: int, count: int, folder: Path, runtime: Path) -> int:
    """Compare the unit's gates, combinational and of ``stages``, with its Verilog; the number of comparisons.

    Raises:
        AssertionError: they differ; the message says where.
    """
    clocked, two, width = instance.stages is not None, "b" in instance.ports, instance.type.width
    ftz = mode is FloatMode.FTZ
    units = [Instance(instance.module, instance.settings(mode), ftz, two=two, clocked=clocked)]
    texts = [file.text for file in instance.files if not (verilog_dir() / file.name).is_file()]
    for number in sorted({0, stages}):
        module = f"gates{number}"
        texts.append(re.sub(r"^`timescale.*\n", "", netlist(instance, mode, number, module), flags=re.MULTILINE))
        units.append(Instance(module, {}, ftz, latency=number, two=two, clocked=clocked))
    bench = compile_bench(
        folder, runtime, units, operand=width, result=instance.unit.result.width, sources=texts, fast=False
    )
    return bench("pipe", instance.op if instance.type.is_float or "fp" in instance.op else "integer", count)


def compare(count: int, seconds: int, units: str) -> Iterator[Result]:
    """The units whose names match the glob ``units``, one by one."""
    with tempfile.TemporaryDirectory() as work:
        runtime = Path(work) / "runtime"
        runtime.mkdir()
        make_runtime(runtime)
        chosen = [each for each in sample() if fnmatch(each[0].name, units)]
        for number, (instance, mode) in enumerate(chosen):
            stages = instance.stages.default if instance.stages is not None else 0
            folder = Path(work) / str(number)
            folder.mkdir()
            made = simulate(instance, mode, stages, count, folder, runtime)
            yield Result(instance.name, mode, stages, made, prove(instance, mode, seconds))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command ``python -m tests.verilog.gates``."""
    parser = argparse.ArgumentParser(prog="python -m tests.verilog.gates", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="operand pairs of each unit")
    parser.add_argument("--seconds", type=int, default=20, help="time of each proof")
    parser.add_argument("--units", default="*", help="a glob on their names: those that are left, say")
    options = parser.parse_args(arguments)
    print(f"{'unit':40}{'mode':6}{'stages':>7}{'comparisons':>13}  proof")
    wrong = False
    for one in compare(options.count, options.seconds, options.units):
        print(f"{one.unit:40}{one.mode:6}{one.stages:7}{one.comparisons:13,}  {one.proof}", flush=True)
        wrong |= one.proof == "different"
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
