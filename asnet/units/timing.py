"""Area and clock of unit instances on the ECP5 at every number of pipeline stages, placed and routed, and shipped.

Each unit is measured by itself between registers, on a speed grade 6 device; the clock is the median of several
placements, and how many they were is kept with it.

``python -m asnet.units.timing --update`` measures what is missing of the shipped units, or is of fewer placements. It
writes every figure as soon as it is there, and goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from functools import cache as memoised
from pathlib import Path
from typing import Any, Final

from asnet.cache import Cache, default_cache, digest, write_atomically
from asnet.errors import AsnetError, ToolError
from asnet.host import processors
from asnet.resources import render, verilog_dir
from asnet.tools import ToolThreads, nextpnr, yosys
from asnet.types import FloatMode
from asnet.units.characterise import ECP5_SYNTHESIS
from asnet.units.elaborate import interface, write_files
from asnet.units.instance import UnitInstance
from asnet.units.unit import ApproximateUnit, exact_unit, shipped_units

__all__ = ["SEEDS", "SMALL_DEVICE", "Timing", "measure", "timings", "update"]

SHIPPED: Final = "timing.json"
SEEDS: Final = 3
SMALL_DEVICE: Final = (
    *("--25k", "--speed", "6", "--package", "CABGA381", "--lpf-allow-unconstrained", "--timing-allow-fail"),
)
"""nextpnr's options for what is measured by itself: the 25k has the 85k's fabric and loads in a quarter of its time."""
_NEXTPNR: Final = (*SMALL_DEVICE, "--freq", "250", "--quiet", "--json", "netlist.json")
_CELLS: Final = {"luts": "TRELLIS_COMB", "ffs": "TRELLIS_FF", "dsps": "MULT18X18D"}


@dataclass(frozen=True)
class Timing:
    """What a unit takes and reaches with so many stages: LUT4s (with carry), flip-flops, DSP blocks, clock in MHz.

    The registers around the unit, with which it was measured, are counted (and a LUT for each bit of the result).
    ``placements``: of how many the clock is the median.
    """

    luts: int
    ffs: int
    dsps: int
    fmax: float
    placements: int


def _recipe() -> str:
    """Digest of what turns a unit into figures: figures of another recipe are not comparable."""
    return digest(["timing 2", *ECP5_SYNTHESIS, *_NEXTPNR, render("units/timed.v.j2", **_EMPTY)])[:16]


_EMPTY: Final[Mapping[str, object]] = {"operands": [], "result": 0, "module": "", "parameters": "", "connections": ""}


def _key(instance: UnitInstance, mode: FloatMode, dsps: bool) -> str:
    words = [instance.digest[:24]]
    if instance.float_mode is not None:
        words.append(mode)
    if instance.op.endswith("mul"):
        words.append("dsp" if dsps else "lut")
    return ".".join(words)


@memoised
def _shipped() -> Mapping[str, tuple[str, Mapping[int, Timing]]]:
    """Key → name of the instance, and its figures by the number of stages."""
    path = verilog_dir() / SHIPPED
    if not path.is_file():
        return {}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if content["recipe"] != _recipe():
        return {}
    return {
        key: (entry["name"], {int(stages): Timing(*figures) for stages, figures in entry["stages"].items()})
        for key, entry in content["instances"].items()
    }


def timings(instance: UnitInstance, mode: FloatMode, *, dsps: bool = True) -> Mapping[int, Timing]:
    """Number of stages → shipped figures of ``instance``; empty if there are none.

    An instance of a shipped unit that was not measured itself has, at each number of stages that the exact unit of its
    operation was measured with, the worst figures among that one and the measured instances of its own unit; none
    if its unit was not measured at all.
    """
    found = _shipped().get(_key(instance, mode, dsps))
    if found is not None:
        return found[1]
    if instance.unit.origin.parent != verilog_dir():
        return {}
    exact = exact_unit(instance.op, instance.type)
    known = _shipped().get(_key(exact, mode, dsps)) if exact is not None else None
    if known is None:
        return {}
    worst, own = dict(known[1]), False
    ending = _key(instance, mode, dsps).partition(".")[2]
    for key, (name, figures) in _shipped().items():
        if key.partition(".")[2] == ending and name.partition("(")[0] == instance.unit.name:
            own = True
            worst |= {stages: _worst([figures.get(stages, timing), timing]) for stages, timing in worst.items()}
    return worst if own else {}


def _worst(found: Sequence[Timing]) -> Timing:
    return Timing(
        max(one.luts for one in found),
        max(one.ffs for one in found),
        max(one.dsps for one in found),
        min(one.fmax for one in found),
        min(one.placements for one in found),
    )


def measure(
    instance: UnitInstance, mode: FloatMode, stages: int, *, dsps: bool, seeds: int = SEEDS, cache: Cache
) -> Timing:
    """The figures of ``instance`` with ``stages`` pipeline stages, by yosys and nextpnr or from the cache.

    Raises:
        UnitError: Verilator cannot read the unit.
        ToolMissingError: there is no yosys or no nextpnr.
        ToolError: one of them fails.
    """
    synthesiser, placer = yosys.find(), nextpnr.find()
    tools = f"{synthesiser.version} {synthesiser.origin} {placer.version} {placer.origin}"

    def build(folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            place = Path(work)
            names = write_files(instance.files, place)
            top = _timed(instance, instance.settings(mode, stages, dsps=dsps))
            (place / "timed.v").write_text(top, encoding="utf-8")
            script = [f'read_verilog -sv -I. "{name}"' for name in (*names, "timed.v")]
            script.append("hierarchy -top timed")
            mapping = (line.replace("{top}", "timed") for line in ECP5_SYNTHESIS)
            script += [line.replace(" -nodsp", "") if dsps else line for line in mapping]
            script.append("write_json netlist.json")
            synthesiser.run_script("\n".join(script) + "\n", place)
            reports: list[dict[str, Any]] = []
            for seed in range(1, seeds + 1):
                placer.run([*_NEXTPNR, "--seed", str(seed), "--report", "report.json"], place)
                reports.append(json.loads((place / "report.json").read_text(encoding="utf-8")))
        (folder / "timing.json").write_text(json.dumps(asdict(_figures(reports))), encoding="utf-8")

    key = digest([_key(instance, mode, dsps), str(mode), str(stages), f"{seeds} placements", _recipe(), tools])
    entry = cache.get("timings", key, build)
    return Timing(**json.loads((entry / "timing.json").read_text(encoding="utf-8")))


def _timed(instance: UnitInstance, values: Mapping[str, int]) -> str:
    """Verilog of the module ``timed``, the unit between registers that a few pins feed."""
    found = interface(instance)
    operands = [{"name": role, "width": found.width(role)} for role in ("a", "b") if role in found.roles]
    nets = {"clk": "clk", "ce": "1'b1", "y": "y"} | {
        str(operand["name"]): f"{operand['name']}_q" for operand in operands
    }
    return render(
        "units/timed.v.j2",
        operands=operands,
        result=found.width("y"),
        module=instance.module,
        parameters=", ".join(f".{name}({value})" for name, value in values.items()),
        connections=", ".join(f".{port}({nets[role]})" for role, port in found.roles.items()),
    )


def _used(report: dict[str, Any]) -> dict[str, int]:
    return {name: int(report["utilization"].get(kind, {}).get("used", 0)) for name, kind in _CELLS.items()}


def _figures(reports: Sequence[dict[str, Any]]) -> Timing:
    clocks: list[float] = []
    for report in reports:
        if not report["fmax"]:
            raise ToolError("nextpnr found no clocked path: the unit has nothing to time")
        clocks.append(min(float(entry["achieved"]) for entry in report["fmax"].values()))
    used = _used(reports[0])
    return Timing(used["luts"], used["ffs"], used["dsps"], round(statistics.median(clocks), 1), len(clocks))


def _sampled(unit: ApproximateUnit) -> Iterator[UnitInstance]:
    """Instances of ``unit`` to measure: without parameters the only one; with one the value a tenth of its range
    before the last, and the last; with more none."""
    for name, parameter in unit.parameters.items():
        values = parameter.values
        if len(unit.parameters) == 1:
            yield from unit.instances({name: list(dict.fromkeys([values[len(values) * 9 // 10], values[-1]]))})
    if not unit.parameters:
        yield unit.instance()


@dataclass(frozen=True)
class _Point:
    """One figure to measure."""

    instance: UnitInstance
    mode: FloatMode
    dsps: bool
    stages: int

    @property
    def key(self) -> str:
        return _key(self.instance, self.mode, self.dsps)


def _points() -> Iterator[_Point]:
    for name in shipped_units():
        for instance in _sampled(ApproximateUnit.shipped(name)):
            stages = instance.stages.useful if instance.stages is not None else (0,)
            for mode in FloatMode if instance.float_mode is not None else [FloatMode.FTZ]:
                for dsps in (True, False) if instance.op.endswith("mul") else (True,):
                    yield from (_Point(instance, mode, dsps, count) for count in stages)


def update(cache: Cache, jobs: int, seeds: int = SEEDS, only: Collection[str] = ()) -> Path:
    """Measure what ``verilog/timing.json`` lacks (of the units ``only``), and write it there; its path.

    Figures of unchanged texts and at least ``seeds`` placements are kept. The file is written after each figure.

    Raises:
        AsnetError: as :func:`measure`; the file cannot be written.
    """
    everything = list(_points())
    current = {(point.key, point.stages) for point in everything}
    known = {
        (key, stages): timing
        for key, (_, figures) in _shipped().items()
        for stages, timing in figures.items()
        if (key, stages) in current
    }
    wanted = [
        point
        for point in everything
        if not only or point.instance.unit.name in only
        if (timing := known.get((point.key, point.stages))) is None or timing.placements < seeds
    ]
    path = _write(everything, known)
    with ToolThreads(jobs) as threads:
        futures = {
            threads.submit(
                lambda p: measure(p.instance, p.mode, p.stages, dsps=p.dsps, seeds=seeds, cache=cache), point
            ): point
            for point in wanted
        }
        for done, future in enumerate(as_completed(futures), start=1):
            point = futures[future]
            known[point.key, point.stages] = future.result()
            _write(everything, known)
            print(f"{done}/{len(futures)} {point.instance.name} {point.key} {point.stages} stages", file=sys.stderr)
    return path


def _write(everything: Sequence[_Point], known: Mapping[tuple[str, int], Timing]) -> Path:
    """Write ``verilog/timing.json``: an instance a line, in the order of ``everything``."""
    names = {point.key: point.instance.name for point in everything}
    lines: list[str] = []
    for key, name in names.items():
        figures = {
            str(stages): list(asdict(timing).values())
            for (other, stages), timing in sorted(known.items(), key=lambda pair: pair[0])
            if other == key
        }
        if figures:
            lines.append(f"    {json.dumps(key)}: {json.dumps({'name': name, 'stages': figures})}")
    path = verilog_dir() / SHIPPED
    text = ",\n".join(lines)
    write_atomically(path, f'{{\n  "recipe": "{_recipe()}",\n  "instances": {{\n{text}\n  }}\n}}\n')
    _shipped.cache_clear()
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """The command ``python -m asnet.units.timing``."""
    parser = argparse.ArgumentParser(prog="python -m asnet.units.timing", description=__doc__)
    parser.add_argument("--update", action="store_true", required=True, help="measure what changed")
    parser.add_argument("--jobs", type=int, default=processors(), help="processes at a time")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="placements of each unit")
    parser.add_argument("--only", nargs="+", default=(), metavar="UNIT", help="measure only these units")
    options = parser.parse_args(arguments)
    try:
        print(update(default_cache(), options.jobs, options.seeds, options.only))
    except AsnetError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
