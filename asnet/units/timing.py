"""Area and clock of unit instances on the ECP5 at every number of pipeline stages, placed and routed, and shipped.

Each unit is measured by itself between registers, on a speed grade 6 device; the clock is the median of the placements
(``--seeds``), of one for units of more than 1,000 LUT4s. The figures that are shipped now are of one placement each.

``python -m asnet.units.timing --update`` measures the shipped units anew; what did not change comes from the cache.
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

__all__ = ["SEEDS", "Timing", "measure", "timings", "update"]

SHIPPED: Final = "timing.json"
SEEDS: Final = 3
_NEXTPNR: Final = (
    *("--25k", "--speed", "6", "--package", "CABGA381", "--lpf-allow-unconstrained", "--timing-allow-fail"),
    *("--freq", "250", "--quiet", "--json", "netlist.json"),
)
"""The 25k has the 85k's fabric and loads in a quarter of its time."""
_LARGE: Final = 1000
"""LUT4s from which on one seed must do."""

_CELLS: Final = {"luts": "TRELLIS_COMB", "ffs": "TRELLIS_FF", "dsps": "MULT18X18D"}


@dataclass(frozen=True)
class Timing:
    """What a unit takes and reaches with so many stages: LUT4s (with carry), flip-flops, DSP blocks, clock in MHz.

    The registers around the unit, with which it was measured, are counted (and a LUT for each bit of the result).
    """

    luts: int
    ffs: int
    dsps: int
    fmax: float


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
                if _used(reports[0])["luts"] > _LARGE:
                    break
        (folder / "timing.json").write_text(json.dumps(asdict(_figures(reports))), encoding="utf-8")

    key = digest([_key(instance, mode, dsps), str(mode), str(stages), str(seeds), _recipe(), tools])
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
    return Timing(used["luts"], used["ffs"], used["dsps"], round(statistics.median(clocks), 1))


def _sampled(unit: ApproximateUnit) -> Iterator[UnitInstance]:
    """Instances of ``unit`` to measure: without parameters the only one; with one the value a tenth of its range
    before the last; with more none."""
    for name, parameter in unit.parameters.items():
        values = parameter.values
        if len(unit.parameters) == 1:
            yield from unit.instances({name: [values[len(values) * 9 // 10]]})
    if not unit.parameters:
        yield unit.instance()


def _wanted() -> Iterator[tuple[UnitInstance, FloatMode, bool, tuple[int, ...]]]:
    for name in shipped_units():
        for instance in _sampled(ApproximateUnit.shipped(name)):
            stages = instance.stages.useful if instance.stages is not None else (0,)
            for mode in FloatMode if instance.float_mode is not None else [FloatMode.FTZ]:
                for dsps in (True, False) if instance.op.endswith("mul") else (True,):
                    yield instance, mode, dsps, stages


def update(cache: Cache, jobs: int, seeds: int = SEEDS, only: Collection[str] = ()) -> Path:
    """Measure the shipped units (of ``only`` those) and write ``verilog/timing.json``; its path.

    Figures of unchanged texts are kept, or come from the cache, so that an interrupted run goes on where it was.

    Raises:
        AsnetError: as :func:`measure`; the file cannot be written.
    """
    everything = list(_wanted())
    kept = {key: dict(figures) for key, (_, figures) in _shipped().items()}
    wanted = [
        one
        for one in everything
        if (one[0].unit.name in only if only else set(one[3]) - set(kept.get(_key(*one[:3]), {})))
    ]
    found: dict[str, dict[int, Timing]] = {}
    with ToolThreads(jobs) as threads:
        futures = {
            threads.submit(
                lambda one: measure(one[0], one[1], one[2], dsps=one[3], seeds=seeds, cache=cache),
                (instance, mode, stages, dsps),
            ): (instance, mode, dsps, stages)
            for instance, mode, dsps, counts in wanted
            for stages in counts
        }
        for done, future in enumerate(as_completed(futures), start=1):
            instance, mode, dsps, stages = futures[future]
            found.setdefault(_key(instance, mode, dsps), {})[stages] = future.result()
            print(f"{done}/{len(futures)} {instance.name} {mode} {stages} stages", file=sys.stderr)
    for key, figures in found.items():
        kept[key] = figures
    lines = [_line(one[0], key, kept) for one in everything if (key := _key(*one[:3])) in kept]
    path = verilog_dir() / SHIPPED
    text = ",\n".join(dict.fromkeys(lines))
    write_atomically(path, f'{{\n  "recipe": "{_recipe()}",\n  "instances": {{\n{text}\n  }}\n}}\n')
    _shipped.cache_clear()
    return path


def _line(instance: UnitInstance, key: str, found: Mapping[str, Mapping[int, Timing]]) -> str:
    stages = {str(count): list(asdict(timing).values()) for count, timing in sorted(found[key].items())}
    return f"    {json.dumps(key)}: {json.dumps({'name': instance.name, 'stages': stages})}"


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
