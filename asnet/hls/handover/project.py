"""What other tools need to take a design: FuseSoC core, file list, constraints."""

from __future__ import annotations

import inspect

from asnet.hls import output_registers
from asnet.hls.design import RtlDesign
from asnet.hls.storage import WEIGHTS_FILE
from asnet.resources import render
from asnet.version import __version__

__all__ = ["REGISTERS_FILE", "moves_registers", "project_files"]

REGISTERS_FILE = "synth/output_registers.py"
"""The step between yosys and nextpnr, in designs that have registers for it."""

_FOLDERS = ("rtl/", "units/")


def project_files(design: RtlDesign, wrapper: str | None, *, samples: bool) -> dict[str, str]:
    """Path → text.

    ``wrapper``: the module around the top that is to be the toplevel, if there is one; ``samples``: there are images.
    """
    top = wrapper or design.top
    sources = design.sources
    known = set(sources)
    headers = [path for path in sorted(design.files) if path.startswith(_FOLDERS) and path not in known]
    facts: dict[str, object] = {
        "version": __version__,
        "network": design.name,
        "name": design.top,
        "top": top,
        "sources": sources,
        "headers": headers,
        "include": design.include_folder,
        "samples": samples,
        "roms": [path for path in sorted(design.files) if path.startswith("rom/") or path == WEIGHTS_FILE],
        "clock": f"{design.report.clock:g}",
        "period": f"{1000 / design.report.clock:.3f}",
    }
    files = {
        f"{design.top}.core": "core.j2",
        "files.f": "files.f.j2",
        f"constraints/{design.top}.lpf": "clock.lpf.j2",
        f"constraints/{design.top}.sdc": "clock.sdc.j2",
        "sim/units.vlt": "units.vlt.j2",
    }
    made = {path: render(f"handover/{template}", **facts) for path, template in files.items()}
    if moves_registers(design):
        made[REGISTERS_FILE] = inspect.getsource(output_registers)
    return made


def moves_registers(design: RtlDesign) -> bool:
    """Whether registers of the design may move into block RAMs: it has memories in rows, or late banks."""
    return any(output_registers.ATTRIBUTE in text for text in design.files.values())
