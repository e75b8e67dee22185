"""Test benches that run as they are: C++ for Verilator, Python for cocotb, and the page that says how."""

from __future__ import annotations

from asnet.hls.design import RtlDesign
from asnet.hls.handover.control import BITS, registers_of
from asnet.hls.handover.ports import ports_of
from asnet.hls.handover.project import REGISTERS_FILE, moves_registers
from asnet.hls.handover.stream import Part, parts
from asnet.hls.names import comment
from asnet.ir import MemoryKind
from asnet.resources import render
from asnet.version import __version__

__all__ = ["bench_files"]

_DRIVEN = ("clk", "reset", "s_axis_", "m_axis_", "m_axi_", "weights_")
"""What ports begin with that the test benches see to."""

_LIMIT = 10_000_000
"""Cycles without a word where the design's own number is unknown."""


def bench_files(design: RtlDesign, wrapper: str | None, *, samples: bool, command: str) -> dict[str, str]:
    """Path → text.

    ``wrapper``: the module around the top, if there is one; ``samples``: there are images; ``command`` made it.
    """
    report = design.report
    inputs, outputs = (parts(design, kind) for kind in (MemoryKind.INPUT, MemoryKind.OUTPUT))
    ports = ports_of(design.files[f"rtl/{design.top}.v"], design.top)
    period = 1000 / report.clock
    facts: dict[str, object] = {
        "version": __version__,
        "network": comment(design.name),
        "name": design.top,
        "top": wrapper or design.top,
        "wrapper": wrapper,
        "mode": design.mode.value,
        "clock": f"{report.clock:g}",
        "timing": "" if report.cycles is None else f", {report.cycles:,} cycles an image",
        "sources": design.sources,
        "include": design.include_folder,
        "inputs": [_labelled(part) for part in inputs],
        "outputs": [_labelled(part) for part in outputs],
        "ports": ports,
        "idle": [port.name for port in ports if port.is_input and not port.name.startswith(_DRIVEN)],
        "limit": _LIMIT if report.cycles is None or design.weights is not None else 2 * report.cycles + 1000,
        "half_period": max(1, round(period * 500)),
        "samples": samples,
        "command": comment(command),
        "move_registers": REGISTERS_FILE if moves_registers(design) else None,
        "prefix": design.top,
        "weights": None if design.weights is None else design.weights.facts(".."),
        "registers": registers_of(design) if f"sw/{design.top}.h" in design.files else (),
        "bits": BITS,
    }
    files = {
        "README.md": "README.md.j2",
        "sim/testbench.cpp": "testbench.cpp.j2",
        "sim/Makefile": "Makefile.j2",
        "sim/cocotb.mk": "cocotb.mk.j2",
        f"sim/test_{design.top}.py": "test.py.j2",
    }
    return {path: render(f"handover/{template}", **facts) for path, template in files.items()}


def _labelled(part: Part) -> dict[str, object]:
    """The part for templates; ``label`` is its name fit for a string of C or Python."""
    label = comment(part.name).replace("\\", "\\\\").replace('"', '\\"')
    return {**vars(part), "name": comment(part.name).replace("|", "\\|"), "label": label}
