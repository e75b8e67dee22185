"""Estimates of area and clock on a Lattice ECP5 (85k): yosys synthesises, nextpnr places and routes.

Between them registers behind deep memories move into the block RAMs (:mod:`asnet.hls.output_registers`).

The design is taken as it is written, but for the memory interface's reach (``DEBUG`` = 0: inputs and outputs only).
"""

from __future__ import annotations

import json
import statistics
import tempfile
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from asnet.cache import Cache, default_cache, digest
from asnet.errors import ToolError
from asnet.hls.design import RtlDesign
from asnet.hls.output_registers import rewrite
from asnet.hls.simulate import lay_out
from asnet.tools import nextpnr, yosys
from asnet.units.characterise import ECP5_SYNTHESIS

__all__ = ["Estimate", "estimate"]

_RECIPE: Final = "estimate 3"
_NETLIST: Final = "netlist.json"
_CELLS: Final = {
    "luts": ("TRELLIS_COMB",),
    "ffs": ("TRELLIS_FF",),
    "dsps": ("MULT18X18D",),
    "brams": ("DP16KD",),
}
_NEXTPNR: Final = (
    *("--85k", "--speed", "6", "--package", "CABGA756", "--lpf-allow-unconstrained", "--timing-allow-fail"),
    *("--quiet", "--json", _NETLIST),
)


@dataclass(frozen=True)
class Estimate:
    """Area and clock. ``luts`` counts LUT4s with carry logic and distributed RAM; ``brams`` 18-kbit blocks,
    whose own registers are not among ``ffs``.

    ``fmax_mhz`` is the median of ``fmax_by_seed``: placement is random, single runs differ by 5–10 %. ``critical`` is
    the slowest path of the first seed, from register to register.
    """

    luts: int
    ffs: int
    dsps: int
    brams: int
    fmax_mhz: float
    fmax_by_seed: tuple[float, ...]
    critical: tuple[str, str]
    with_dsps: bool
    tools: str

    def microseconds(self, cycles: int) -> float:
        """Time of ``cycles`` at the estimated clock."""
        return cycles / self.fmax_mhz


def estimate(
    design: RtlDesign, *, seeds: int = 1, dsps: bool = True, clock_mhz: float = 100.0, cache: Cache | None = None
) -> Estimate:
    """Area and clock of ``design``; each placement from the cache if it was made before.

    Args:
        design: what to synthesise.
        seeds: placements to try; the clock is their median.
        dsps: multipliers in DSP blocks; else in LUTs.
        clock_mhz: the clock that placement aims at.
        cache: where results are kept; the user's by default.

    Raises:
        ToolMissingError: yosys or nextpnr is missing; says the line that installs them.
        ToolError: one of them fails, or the design does not fit the device.
    """
    synthesiser, placer = yosys.find(), nextpnr.find()
    tools = f"yosys {synthesiser.version} ({synthesiser.origin}), nextpnr {placer.version} ({placer.origin})"
    common = [_RECIPE, *ECP5_SYNTHESIS, tools, design.digest, str(dsps), str(clock_mhz), *_NEXTPNR]
    with tempfile.TemporaryDirectory() as work:
        place = Path(work)

        def build(seed: int, folder: Path) -> None:
            if not (place / _NETLIST).exists():
                lay_out(design, place)
                synthesiser.run_script(_script(design, dsps), place)
                rewrite(place / _NETLIST, place / _NETLIST)
            placer.run([*_NEXTPNR, "--freq", str(clock_mhz), "--seed", str(seed), "--report", "report.json"], place)
            made = _estimate(json.loads((place / "report.json").read_text(encoding="utf-8")), dsps, tools)
            (folder / "estimate.json").write_text(json.dumps(asdict(made)), encoding="utf-8")

        found = [
            _read((cache or default_cache()).get("estimates", digest([*common, f"seed {seed}"]), partial(build, seed)))
            for seed in range(1, seeds + 1)
        ]
    clocks = tuple(one.fmax_mhz for one in found)
    return replace(found[0], fmax_mhz=round(statistics.median(clocks), 2), fmax_by_seed=clocks)


def _read(entry: Path) -> Estimate:
    data: dict[str, Any] = json.loads((entry / "estimate.json").read_text(encoding="utf-8"))
    clocks: list[float] = data.pop("fmax_by_seed")
    source, target = data.pop("critical")
    return Estimate(**data, fmax_by_seed=tuple(clocks), critical=(source, target))


def _script(design: RtlDesign, dsps: bool) -> str:
    """Yosys commands: those that give the figures of units, on the whole design."""
    lines = [f"read_verilog -defer -sv -I{design.include_folder} {path}" for path in design.sources]
    debug = " -chparam DEBUG 0" if "parameter DEBUG" in design.files[f"rtl/{design.top}.v"] else ""
    lines.append(f"hierarchy -top {design.top}{debug}")
    mapping = (line.replace("{top}", design.top) for line in ECP5_SYNTHESIS)
    lines += [line.replace(" -nodsp", "") if dsps else line for line in mapping]
    lines.append(f"write_json {_NETLIST}")
    return "\n".join(lines) + "\n"


def _estimate(result: dict[str, Any], dsps: bool, tools: str) -> Estimate:
    """What nextpnr's report of one placement says."""
    if not result["fmax"]:
        raise ToolError("nextpnr found no clocked path: the design has nothing to time")
    used = {kind: entry["used"] for kind, entry in result["utilization"].items()}
    counts = {name: sum(int(used.get(kind, 0)) for kind in kinds) for name, kinds in _CELLS.items()}
    clock = round(min(float(entry["achieved"]) for entry in result["fmax"].values()), 2)
    return Estimate(
        **counts,
        fmax_mhz=clock,
        fmax_by_seed=(clock,),
        critical=_critical(result),
        with_dsps=dsps,
        tools=tools,
    )


def _critical(result: dict[str, Any]) -> tuple[str, str]:
    """Cells at the ends of the slowest path between registers."""
    for path in result["critical_paths"]:
        if path["from"].startswith("posedge") and path["to"].startswith("posedge"):
            return str(path["path"][0]["from"]["cell"]), str(path["path"][-1]["to"]["cell"])
    return "", ""
