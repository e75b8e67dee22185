"""A design as it is simulated: what does nothing rests, which takes much of the time off.

A unit is a pipeline, whose result depends on its operands alone (``check_pipelined``). Once they have been the same for
as many cycles as it is deep, each of its registers holds its value, whatever its clock does. So simulation may leave
the cycle out: all bits are the same in all cycles.

A layer made of flat loops has work while it starts or ends, an iteration is in one of its stages, or a signal of
control is on its way. Without any, its counters stand still and nobody uses what its registers hold, so that its clock
may stop until an iteration starts. Only a loop that counts the cycles of an interval goes on counting while it waits.

This changes the text that is simulated, never the design.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from asnet.hls.design import RtlDesign
from asnet.resources import render
from asnet.version import __version__

__all__ = ["SINCE", "resting"]

SINCE: Final = (5, 20)
"""The first version of Verilator that is trusted with conditional events (``iff``)."""

_UNIT: Final = re.compile(
    r"^    // [^\n]*: (\d+) cycles, digest \w+\n"
    r"(?:(?!    //)[^\n]*\n)*?"
    r"    (?:\) |\w+ )(\w+) \(\n(?: {8}[^\n]*\n)+    \);\n",
    re.MULTILINE,
)
"""A unit in a module of ours, from its comment to its last connection: its depth in cycles, its name."""
_CLOCK: Final = "@(posedge clk)"
_ENABLE: Final = "(1'b1)"
"""What a unit's clock enable is connected to; constant operands are hexadecimal."""
_REGISTER: Final = ("always @(posedge clk) if (ce) r <= d;", "always @(posedge clk iff ce) r <= d;")
"""A register of the shipped units, and the same one so that Verilator leaves out the logic behind it as well."""

_ENGINE_ENDS: Final = "    always @(posedge clk) done <= ~reset & "
"""The last register of a layer made of flat loops; no other module has such a line."""
_WORKING: Final = re.compile(
    r"^    reg (?:\[\d+:1\] )?(\w+);  // (?:an iteration is in stage \[n\]|the iteration starts|its body begins"
    r"|a result goes to the tail|results of other lanes wait|\w+, \[n\] cycles later)$"
    r"|^    // an iteration starts\n    wire (\w+) =",
    re.MULTILINE,
)
"""A signal of such a layer that is not 0 while there is work, by what its comment says."""
_RUNNING: Final = re.compile(r"^    reg (\w+);  // iterations start$", re.MULTILINE)
_SLOT: Final = "// cycle of the interval"


def resting(design: RtlDesign) -> RtlDesign:
    """What is simulated for ``design``: the same bits in the same cycles."""
    files = {path: _changed(path, text) for path, text in design.files.items()}
    watch = render("cosim/asnet_awake.v.j2", version=__version__)
    return replace(design, files={**files, "rtl/asnet_awake.v": watch})


def _changed(path: str, text: str) -> str:
    if path.startswith("rtl/"):
        return _UNIT.sub(_watched, _working(text) if _ENGINE_ENDS in text else text)
    return text.replace(*_REGISTER) if path.startswith("units/") else text


def _working(engine: str) -> str:
    """The text of a layer made of flat loops that is clocked while it has work.

    Its own names never begin with an underscore.
    """
    signals = ["reset", "start", "done", *(register or wire for register, wire in _WORKING.findall(engine))]
    if _SLOT in engine:
        signals += _RUNNING.findall(engine)
    awake = f"    assign _awake = |{{{', '.join(signals)}}};\n"
    text = engine.replace("\n);\n", "\n);\n    wire _awake;\n", 1).replace(_ENGINE_ENDS, awake + _ENGINE_ENDS)
    return text.replace(_CLOCK, "@(posedge clk iff _awake)")


def _watched(unit: re.Match[str]) -> str:
    """The text of a unit that is clocked while something in it can change."""
    text, depth, name = unit[0], unit[1], unit[2]
    operands = {operand: int(last or 0) + 1 for last, operand in _operands(text, name)}
    if not operands:
        return text
    awake = f"{name}_awake"
    return (
        f"    wire {awake};\n"
        + text.replace(_CLOCK, f"@(posedge clk iff {awake})").replace(_ENABLE, f"({awake})")
        + f"    asnet_awake #(.WIDTH({sum(operands.values())}), .DEPTH({depth})) {name}_watch (\n"
        f"        .clk(clk), .reset(reset), .operands({{{', '.join(operands)}}}), .awake({awake})\n"
        "    );\n"
    )


def _operands(text: str, name: str) -> list[tuple[str, str]]:
    """(number of its highest bit, or nothing; operand) of the unit ``name``."""
    return re.findall(rf"^    wire (?:\[(\d+):0\] )?({name}_[ab])\b", text, re.MULTILINE)
