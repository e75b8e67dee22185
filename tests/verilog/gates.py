"""Units as gates: yosys' netlist of every shipped unit against its Verilog: ``python -m tests.verilog.gates``.

The netlists are those for an ECP5 (:mod:`tests.verilog.ecp5`), of LUTs alone and with DSP blocks, at no stage and at
the default number of stages. All of them run beside the unit's combinational form, with operands in every cycle. Then
ABC proves each equal, for all operands, to the Verilog with the same parameters, or runs out of its time; then
:mod:`tests.verilog.products` tries to prove it by parts. Flip-flops of pipelines count as wires in proofs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from asnet.emulate.analysis import VerilogDesign, equivalent, verilog_circuit
from asnet.resources import verilog_dir
from asnet.types import FloatMode
from asnet.units import ApproximateUnit, UnitInstance, VerilogFile, shipped_units
from asnet.units.elaborate import write_files
from tests.verilog.conftest import Instance, compile_bench, make_runtime
from tests.verilog.ecp5 import gates_of
from tests.verilog.products import proven_by_parts

_OPERAND = 32
"""Bits of an operand that the comparison program draws."""


@dataclass(frozen=True)
class Form:
    """How a unit is built: its pipeline stages, and whether products are for DSP blocks."""

    stages: int
    dsps: bool

    @property
    def module(self) -> str:
        """The name of its netlist's module."""
        return f"gates_{self.stages}_{'dsp' if self.dsps else 'lut'}"


@dataclass(frozen=True)
class Result:
    """What was found of a unit: simulated pairs, and for each form the answer of the proof."""

    unit: str
    mode: FloatMode
    comparisons: int
    proofs: Mapping[Form, str]


def sample() -> Iterator[tuple[UnitInstance, FloatMode]]:
    """Every shipped unit in its float modes, with parameters in the middle and near their last values."""
    for name in shipped_units():
        unit = ApproximateUnit.shipped(name)
        for tenths in (5, 9) if unit.parameters else (0,):
            values = {key: one.values[len(one.values) * tenths // 10] for key, one in unit.parameters.items()}
            instance = unit.instance(**values)
            for mode in FloatMode if instance.float_mode is not None else [FloatMode.FTZ]:
                yield instance, mode


def forms(instance: UnitInstance) -> list[Form]:
    """The forms of ``instance`` that are compared."""
    most = instance.stages.default if instance.stages is not None else 0
    return [Form(stages, dsps) for stages in sorted({0, most}) for dsps in (False, True)]


def netlists(instance: UnitInstance, mode: FloatMode) -> dict[Form, str]:
    """Verilog of the gates of each form of ``instance``.

    Raises:
        ToolMissingError: there is no yosys.
    """
    return {form: netlist(instance, mode, form) for form in forms(instance)}


def netlist(instance: UnitInstance, mode: FloatMode, form: Form) -> str:
    """Verilog of the gates of ``instance`` in the form ``form``."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        read = [f'read_verilog -sv -I. "{name}"' for name in write_files(instance.files, folder)]
        settings = instance.settings(mode, form.stages, dsps=form.dsps)
        read += [f"chparam -set {name} {value} {instance.module}" for name, value in settings.items()]
        return gates_of(read, instance.module, folder, dsps=form.dsps, module=form.module)


def prove(instance: UnitInstance, mode: FloatMode, form: Form, gates: str, seconds: int) -> str:
    """What is known of ``gates``, a netlist of ``form``, and the unit's Verilog in that form: ``proven`` equal or
    ``different`` by ABC in ``seconds``, ``proven by parts`` (:mod:`tests.verilog.products`), or ``undecided``."""
    text = VerilogFile(f"{form.module}.v", gates, Path())
    values = instance.settings(mode, form.stages, dsps=form.dsps)
    unit = _design(instance, instance.files, instance.module, values, form.stages)
    netlist = _design(instance, (text,), form.module, {}, form.stages)
    answer = equivalent(*(verilog_circuit(each, form.stages) for each in (unit, netlist)), seconds=seconds).answer
    if answer == "undecided" and proven_by_parts(unit, netlist, seconds):
        return "proven by parts"
    return answer


def _design(
    instance: UnitInstance, files: tuple[VerilogFile, ...], module: str, values: Mapping[str, int], stages: int
) -> VerilogDesign:
    """``module`` of ``files``, a form of ``instance`` with the parameters ``values``."""
    widths = {"a": instance.type.width, "b": instance.type.width, "y": instance.unit.result.width}
    ports = [f"{'output' if role == 'y' else 'input'} [{widths[role] - 1}:0] {role}" for role in _data(instance)]
    nets = [f".{instance.ports[role]}({role})" for role in _data(instance)]
    if stages:
        ports.append("input clk")
    if instance.stages is not None:
        nets += [f".{instance.ports['clk']}({'clk' if stages else '0'})", f".{instance.ports['ce']}(1'b1)"]
    settings = ", ".join(f".{name}({value})" for name, value in values.items())
    text = f"module top({', '.join(ports)}); {module} #({settings}) unit({', '.join(nets)}); endmodule\n"
    return VerilogDesign(files, text.replace("#() ", ""), "top")


def _data(instance: UnitInstance) -> list[str]:
    return [role for role in "aby" if role in instance.ports]


def simulate(
    instance: UnitInstance, mode: FloatMode, gates: Mapping[Form, str], count: int, folder: Path, runtime: Path
) -> int:
    """Compare the unit's netlists ``gates`` with its combinational Verilog; the number of comparisons.

    Raises:
        AssertionError: they differ; the message says where.
    """
    wide = instance.type.width > _OPERAND
    traits = {"two": "b" in instance.ports, "clocked": instance.stages is not None, "wide": wide}
    ftz = mode is FloatMode.FTZ
    units = [Instance(instance.module, instance.settings(mode), ftz, **traits)]
    units += [Instance(form.module, {}, ftz, latency=form.stages, **traits) for form in gates]
    texts = [file.text for file in instance.files if not (verilog_dir() / file.name).is_file()]
    bits = {"operand": min(instance.type.width, _OPERAND), "result": instance.unit.result.width}
    bench = compile_bench(folder, runtime, units, **bits, sources=[*texts, *gates.values()], fast=False)
    return bench("pipe", "any" if wide else instance.op, count)


def compare(count: int, seconds: int, units: str) -> Iterator[Result]:
    """The units whose names match the glob ``units``, one by one."""
    with tempfile.TemporaryDirectory() as work:
        runtime = Path(work) / "runtime"
        runtime.mkdir()
        make_runtime(runtime)
        chosen = [each for each in sample() if fnmatch(each[0].name, units)]
        for number, (instance, mode) in enumerate(chosen):
            folder = Path(work) / str(number)
            folder.mkdir()
            gates = netlists(instance, mode)
            made = simulate(instance, mode, gates, count, folder, runtime)
            proofs = {form: prove(instance, mode, form, text, seconds) for form, text in gates.items()}
            yield Result(instance.name, mode, made, proofs)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command ``python -m tests.verilog.gates``."""
    parser = argparse.ArgumentParser(prog="python -m tests.verilog.gates", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="operand pairs of each unit")
    parser.add_argument("--seconds", type=int, default=20, help="time of each proof")
    parser.add_argument("--units", default="*", help="a glob on their names: those that are left, say")
    options = parser.parse_args(arguments)
    print(f"{'unit':46}{'mode':6}{'comparisons':>11}  proofs")
    wrong = False
    for one in compare(options.count, options.seconds, options.units):
        proofs = ", ".join(
            f"{'DSP' if form.dsps else 'LUT'} {form.stages} {answer}" for form, answer in one.proofs.items()
        )
        print(f"{one.unit:46}{one.mode:6}{one.comparisons:11,}  {proofs}", flush=True)
        wrong |= "different" in one.proofs.values()
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
