"""Area of one unit in a design: what yosys makes of it alone, else the shipped figures, placed and routed."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import asdict
from math import prod
from pathlib import Path

from asnet.cache import Cache, default_cache, digest
from asnet.errors import ToolMissingError
from asnet.hls.chip import Area
from asnet.hls.operators import Operator
from asnet.tools import yosys
from asnet.types import FloatMode
from asnet.units import exact_unit
from asnet.units.characterise import ECP5_SYNTHESIS
from asnet.units.elaborate import write_files
from asnet.units.timing import timings

__all__ = ["counted", "unit_area"]

_DISTRIBUTED = 4
"""LUTs of 16 x 4 bits of distributed RAM."""

_DSP_BITS = 18
"""Bits of an operand of a DSP block."""

_LUTS_PER_PRODUCT_BIT = 1.1
"""Of an integer multiplier without figures: for every pair of operand bits."""


def unit_area(
    operator: Operator, mode: FloatMode, *, dsps: bool = True, measure: bool = True, cache: Cache | None = None
) -> Area:
    """The area of ``operator`` without the registers around it; ``measure``: ask yosys first, if it is there."""
    if measure:
        try:
            return _measured(operator, dsps=dsps, cache=cache or default_cache())
        except ToolMissingError:
            pass
    return _shipped(operator, mode, dsps=dsps)


def _shipped(operator: Operator, mode: FloatMode, *, dsps: bool) -> Area:
    """Shipped figures of the nearest number of stages, without what was placed around the unit.

    Of a unit without figures those of the exact unit of its operation; a rule where there are none.
    """
    instance, result = operator.instance, operator.result_width
    around = sum(operator.widths) + result
    figures = timings(instance, mode, dsps=dsps)
    exact = exact_unit(instance.op, instance.type)
    if not figures and exact is not None:
        figures = timings(exact, mode, dsps=dsps)
    if figures:
        found = figures[min(figures, key=lambda count: (abs(count - operator.stages), count))]
        return Area(max(0, found.luts - result), max(0, found.ffs - around), found.dsps)
    if instance.op.endswith("mul"):
        blocks, bits = prod(-(-width // _DSP_BITS) for width in operator.widths), prod(operator.widths)
        return Area(dsps=blocks) if dsps else Area(_LUTS_PER_PRODUCT_BIT * bits)
    return Area(around)


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
