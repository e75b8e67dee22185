"""Area and delay of unit instances on the ECP5 by yosys: what a unit costs, measured, cached and shipped.

The figures are of the combinational unit (no pipeline stages) in LUTs alone (no DSP blocks), before place and route:

* ``luts``: LUT4 cells + 2 per CCU2C carry cell, each half of which occupies a LUT4. The multiplexers PFUMX and L6MUX21
  join LUTs of a slice and cost none.
* ``levels``: longest path in LUT delays with their routing (about 0.85 ns on a speed grade 6 device): LUT4 1, PFUMX and
  L6MUX21 0.25, CCU2C operand to sum 1, operand to carry 0.5, carry to carry 0.08, carry to sum 1.

``python -m asnet.units.characterise --update`` recomputes the figures of the shipped units.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from functools import cache as memoised
from pathlib import Path
from typing import Any, Final

from asnet.cache import Cache, default_cache, digest, write_atomically
from asnet.errors import AsnetError, ToolError, ToolTimeoutError, UnitError
from asnet.host import processors
from asnet.resources import verilog_dir
from asnet.tools import ToolThreads, yosys
from asnet.types import FloatMode
from asnet.units.elaborate import write_files
from asnet.units.family import family_members
from asnet.units.instance import UnitInstance
from asnet.units.unit import ApproximateUnit, shipped_units

__all__ = ["ECP5_SYNTHESIS", "Characterisation", "characterise", "known", "measure", "update"]

ECP5_SYNTHESIS: Final = (
    "synth_ecp5 -nodsp -top {top} -run begin:map_luts",
    "abc -lut 4",
    "clean",
    "synth_ecp5 -nodsp -top {top} -run map_cells:",
)
"""Yosys commands, ``{top}`` to be replaced. ``synth_ecp5`` itself maps to LUTs of up to 7 inputs, made of several LUT4,
with a script of ABC9 that gives a 24 x 24 product 1.9 times the LUT4s of this one and takes ten times as long."""

SHIPPED: Final = "characterisation.json"
_LUTS: Final = {"LUT4": 1, "CCU2C": 2}
_DSPS: Final = frozenset(("MULT18X18D", "MULT9X9D", "ALU54B"))
_FFS: Final = frozenset(("TRELLIS_FF",))


@dataclass(frozen=True)
class Characterisation:
    """Figures of one instance: LUT4s with carry, DSP blocks, flip-flops, all cells, depth in LUT levels, the tool."""

    luts: int
    dsps: int
    ffs: int
    cells: int
    levels: float
    tool: str


def _recipe() -> str:
    """Digest of what turns a netlist into figures: figures of another recipe are not comparable."""
    return digest(["characterisation 1", *ECP5_SYNTHESIS])[:16]


def _key(instance: UnitInstance, mode: FloatMode) -> str:
    return f"{instance.digest}.{mode}" if instance.float_mode is not None else instance.digest


@memoised
def _shipped() -> Mapping[str, Characterisation]:
    path = verilog_dir() / SHIPPED
    if not path.is_file():
        return {}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if content["recipe"] != _recipe():
        return {}
    return {
        key: Characterisation(**{name: value for name, value in entry.items() if name != "name"})
        for key, entry in content["instances"].items()
    }


def known(instance: UnitInstance, mode: FloatMode) -> Characterisation | None:
    """The shipped figures of ``instance``; None if ASNet ships none for this very text. Needs no tool."""
    return _shipped().get(_key(instance, mode))


def characterise(instance: UnitInstance, mode: FloatMode, *, cache: Cache | None = None) -> Characterisation:
    """The figures of ``instance``: shipped, from the cache, or measured by yosys (about a second).

    Raises:
        UnitError: yosys cannot synthesise the unit; the message is its own.
        ToolMissingError: there is no yosys, and no figures are shipped.
    """
    return known(instance, mode) or measure(instance, mode, cache or default_cache())


def measure(instance: UnitInstance, mode: FloatMode, cache: Cache) -> Characterisation:
    """The figures of ``instance`` by yosys or from the cache, whatever is shipped; raises as :func:`characterise`."""
    tool = yosys.find()
    label = f"yosys {tool.version} ({tool.origin})"

    def build(folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            netlist = _synthesised(instance, mode, tool, Path(work))
        figures = _figures(netlist["modules"][instance.module], label)
        (folder / "figures.json").write_text(json.dumps(asdict(figures)), encoding="utf-8")

    entry = cache.get("characterisations", digest([_key(instance, mode), _recipe(), label]), build)
    return Characterisation(**json.loads((entry / "figures.json").read_text(encoding="utf-8")))


def _synthesised(instance: UnitInstance, mode: FloatMode, tool: yosys.Yosys, folder: Path) -> dict[str, Any]:
    """The netlist of ``instance`` in yosys' JSON format."""
    names = write_files(instance.files, folder)
    values = instance.settings(mode)
    script = [f'read_verilog -sv -I. "{name}"' for name in names]
    if values:
        settings = " ".join(f"-set {name} {value}" for name, value in values.items())
        script.append(f"chparam {settings} {instance.module}")
    script += [line.replace("{top}", instance.module) for line in ECP5_SYNTHESIS]
    script.append("write_json netlist.json")
    try:
        tool.run_script("\n".join(script) + "\n", folder)
    except ToolTimeoutError:
        raise
    except ToolError as error:
        found = re.search(r"^(?:.*: )?ERROR: .*$", str(error), re.MULTILINE)
        what = found[0] if found else str(error)
        raise UnitError(f"unit {instance.name}: yosys cannot synthesise it: {what}") from error
    return json.loads((folder / "netlist.json").read_text(encoding="utf-8"))


def _figures(module: dict[str, Any], tool: str) -> Characterisation:
    cells: list[dict[str, Any]] = [cell for cell in module["cells"].values() if not cell["type"].startswith("$")]
    count = Counter(str(cell["type"]) for cell in cells)
    return Characterisation(
        luts=sum(weight * count[kind] for kind, weight in _LUTS.items()),
        dsps=sum(count[kind] for kind in _DSPS),
        ffs=sum(count[kind] for kind in _FFS),
        cells=len(cells),
        levels=round(_depth(cells), 2),
        tool=tool,
    )


_DEFAULT_ARC: Final = 1.0
_ARCS: Final[Mapping[str, float]] = {"PFUMX": 0.25, "L6MUX21": 0.25}
_CARRY: Final[Mapping[tuple[bool, bool], float]] = {  # (from carry, to carry)
    (False, False): 1.0,
    (False, True): 0.5,
    (True, False): 1.0,
    (True, True): 0.08,
}


def _arc(kind: str, source: str, target: str) -> float:
    return _CARRY[source == "CIN", target == "COUT"] if kind == "CCU2C" else _ARCS.get(kind, _DEFAULT_ARC)


def _arcs(cells: Iterable[dict[str, Any]]) -> Iterator[tuple[int, int, float]]:
    """``(net, net, delay)`` from every input bit to every output bit of the combinational cells."""
    for cell in cells:
        kind = str(cell["type"])
        if kind in _FFS:
            continue
        ends: dict[str, list[tuple[str, int]]] = {"input": [], "output": []}
        for port, bits in cell["connections"].items():
            ends[cell["port_directions"][port]] += [(port, bit) for bit in bits if isinstance(bit, int)]
        for target, out in ends["output"]:
            for source, net in ends["input"]:
                yield net, out, _arc(kind, source, target)


def _depth(cells: Sequence[dict[str, Any]]) -> float:
    """The longest path through combinational cells; nets in a loop do not count."""
    after: dict[int, list[tuple[int, float]]] = {}
    waiting: Counter[int] = Counter()
    for net, out, delay in _arcs(cells):
        after.setdefault(net, []).append((out, delay))
        waiting[out] += 1
    arrival = {net: 0.0 for net in after if waiting[net] == 0}
    ready = list(arrival)
    while ready:
        net = ready.pop()
        for out, delay in after.get(net, ()):
            arrival[out] = max(arrival.get(out, 0.0), arrival[net] + delay)
            waiting[out] -= 1
            if waiting[out] == 0:
                ready.append(out)
    return max(arrival.values(), default=0.0)


_SHIPPED_WIDTHS: Final = ("i4", "u4", "i12", "u12")
"""Widths of families whose figures are shipped; those of others are measured when they are asked for."""


def _shipped_instances() -> Iterator[tuple[UnitInstance, FloatMode]]:
    families = (name for name in family_members() if ApproximateUnit.shipped(name).type.name in _SHIPPED_WIDTHS)
    for name in (*shipped_units(), *families):
        for instance in ApproximateUnit.shipped(name).instances():
            for mode in FloatMode if instance.float_mode is not None else [FloatMode.FTZ]:
                yield instance, mode


def update(cache: Cache, jobs: int, only: Collection[str] = ()) -> Path:
    """Measure all instances of the shipped units (of ``only`` those units) and write ``verilog/characterisation.json``;
    its path.

    Figures of unchanged texts are kept if this yosys made them, or come from the cache, so that an interrupted run goes
    on where it was.

    Raises:
        AsnetError: as :func:`characterise`; the file cannot be written.
    """
    tool = yosys.find()
    label = f"yosys {tool.version} ({tool.origin})"
    instances = list(_shipped_instances())
    entries: dict[str, dict[str, Any]] = {}
    for instance, mode in instances:
        shipped = known(instance, mode)
        if shipped is not None and (shipped.tool == label or (only and instance.unit.name not in only)):
            entries[_key(instance, mode)] = {"name": instance.name, **asdict(shipped)}
    wanted = [
        (instance, mode)
        for instance, mode in instances
        if _key(instance, mode) not in entries and (not only or instance.unit.name in only)
    ]
    with ToolThreads(jobs) as threads:
        futures = {threads.submit(lambda pair: measure(*pair, cache), pair): pair for pair in wanted}
        for done, future in enumerate(as_completed(futures), start=1):
            instance, mode = futures[future]
            entries[_key(instance, mode)] = {"name": instance.name, **asdict(future.result())}
            print(f"{done}/{len(wanted)} {instance.name} {mode}", file=sys.stderr)
    order = [key for key in dict.fromkeys(_key(*pair) for pair in instances) if key in entries]
    lines = ",\n".join(f"    {json.dumps(key)}: {json.dumps(entries[key])}" for key in order)
    path = verilog_dir() / SHIPPED
    write_atomically(path, f'{{\n  "recipe": "{_recipe()}",\n  "instances": {{\n{lines}\n  }}\n}}\n')
    _shipped.cache_clear()
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """The command ``python -m asnet.units.characterise``."""
    parser = argparse.ArgumentParser(prog="python -m asnet.units.characterise", description=__doc__)
    parser.add_argument("--update", action="store_true", required=True, help="measure all shipped units again")
    parser.add_argument("--jobs", type=int, default=processors(), help="yosys processes at a time")
    parser.add_argument("--only", nargs="+", default=(), metavar="UNIT", help="measure only these units")
    options = parser.parse_args(arguments)
    try:
        print(update(default_cache(), options.jobs, options.only))
    except AsnetError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
