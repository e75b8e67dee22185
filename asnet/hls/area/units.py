"""Area of one unit in a design: what yosys makes of it alone, else the shipped figures, placed and routed."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import asdict
from pathlib import Path

from asnet.cache import Cache, default_cache, digest
from asnet.errors import ToolMissingError
from asnet.hls.area.model import Area
from asnet.hls.operators import Operator
from asnet.tools import yosys
from asnet.types import FloatMode
from asnet.units.characterise import ECP5_SYNTHESIS
from asnet.units.elaborate import write_files
from asnet.units.timing import timings

__all__ = ["counted", "unit_area"]

_DISTRIBUTED = 4
"""LUTs of 16 x 4 bits of distributed RAM."""


def unit_area(
    operator: Operator, mode: FloatMode, *, dsps: bool = True, measure: bool = True, cache: Cache | None = None
) -> Area:
    """The area of ``operator`` without the registers around it; ``measure``: ask yosys first, if it is there.

    Raises:
        ToolMissingError: no figures are shipped for it, and there is no yosys, or it may not be asked.
    """
    stages = operator.instance.stages
    number = 0 if stages is None else dict(operator.parameters).get(stages.parameter, 0)
    if measure:
        try:
            return _measured(operator, dsps=dsps, cache=cache or default_cache())
        except ToolMissingError:
            pass
    shipped = timings(operator.instance, mode, dsps=dsps).get(number)
    if shipped is None:
        raise ToolMissingError(f"no area of unit {operator.instance.name} with {number} stages is shipped")
    return Area(shipped.luts, shipped.ffs, shipped.dsps)


def _measured(operator: Operator, *, dsps: bool, cache: Cache) -> Area:
    tool = yosys.find()
    instance = operator.instance
    parameters = [f"{name}={value}" for name, value in operator.parameters]
    key = digest(["unit area 1", *ECP5_SYNTHESIS, tool.version, instance.digest, *parameters, str(dsps)])

    def build(folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            names = write_files(instance.files, Path(work))
            lines = [f'read_verilog -sv -I. "{name}"' for name in names]
            if operator.parameters:
                settings = " ".join(f"-set {name} {value}" for name, value in operator.parameters)
                lines.append(f"chparam {settings} {instance.module}")
            mapping = [line.replace("{top}", instance.module) for line in ECP5_SYNTHESIS]
            lines += [line.replace(" -nodsp", "") if dsps else line for line in mapping]
            log = tool.run_script("\n".join([*lines, "stat"]) + "\n", Path(work))
        (folder / "area.json").write_text(json.dumps(asdict(counted(log))), encoding="utf-8")

    entry = cache.get("areas", key, build)
    return Area(**json.loads((entry / "area.json").read_text(encoding="utf-8")))


def counted(log: str) -> Area:
    """The cells in the last statistics of yosys' ``log``."""
    text = log[log.rindex("statistics") :]

    def count(kind: str) -> int:
        found = re.search(rf"^ +(\d+) +{kind}$", text, re.MULTILINE)
        return int(found[1]) if found else 0

    luts = count("LUT4") + 2 * count("CCU2C") + _DISTRIBUTED * count("TRELLIS_DPR16X4")
    return Area(luts, count("TRELLIS_FF"), count("MULT18X18D"), count("DP16KD"))
