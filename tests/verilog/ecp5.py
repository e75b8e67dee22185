"""What yosys makes of Verilog for the ECP5, as gates and flip-flops; memories stay memories, or are block RAMs too.

The cells become what yosys' own library says that they are, but for those that it leaves open: the DSP block, of which
that of an unclocked product is here, and the block RAM (:mod:`tests.verilog.block_ram`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from asnet.hls.output_registers import rewrite
from asnet.tools import yosys
from asnet.units.characterise import ECP5_SYNTHESIS
from tests.verilog.block_ram import block_ram

SYNTHESES: Final[Mapping[bool, Sequence[str]]] = {
    False: ECP5_SYNTHESIS,
    True: (
        "synth_ecp5 -top {top} -run begin:map_ram",
        "opt -fast -mux_undef -undriven -fine",
        "synth_ecp5 -top {top} -run map_gates:",
    ),
}
"""Yosys' commands without and with DSP blocks: the script that a unit's figures come from, of LUT4s, and what the
README of a design says, of LUTs of up to seven inputs, but for its steps that map memories."""

NETLIST: Final = "netlist.json"
"""The file with yosys' netlist that an estimate places."""

_CELLS: Final = ("read_verilog -sv -DNO_INCLUDES +/ecp5/cells_sim.v", "read_verilog dsp.v")
_GATES: Final = ("proc", "flatten", "opt -fast", "wreduce", "simplemap", "opt -fast", "opt_clean -purge")


def gates_of(read: Sequence[str], top: str, folder: Path, *, dsps: bool, module: str = "gates") -> str:
    """Verilog of the gates of ``top``, which yosys' commands ``read`` read in ``folder``, as the module ``module``.

    Raises:
        ToolMissingError: there is no yosys.
        ToolError: yosys fails.
    """
    script = [*read, *(line.replace("{top}", top) for line in SYNTHESES[dsps])]
    return _as_gates(script, top, folder, module)


def placed_gates_of(read: Sequence[str], top: str, folder: Path, *, dsps: bool, module: str = "gates") -> str:
    """As :func:`gates_of`, of the netlist that an estimate places: memories as yosys maps them, registers moved into
    block RAMs."""
    script = [*read, *(line.replace("{top}", top) for line in ECP5_SYNTHESIS), f"write_json {NETLIST}"]
    yosys.find().run_script("\n".join(line.replace(" -nodsp", "") if dsps else line for line in script), folder)
    rewrite(folder / NETLIST, folder / NETLIST)
    return gates_of_netlist(top, folder, module)


def gates_of_netlist(top: str, folder: Path, module: str = "gates") -> str:
    """Verilog of the gates of :data:`NETLIST` in ``folder``, as the module ``module``, and of the block RAM."""
    return _as_gates([f"read_json {NETLIST}"], top, folder, module) + block_ram()


def _as_gates(script: Sequence[str], top: str, folder: Path, module: str) -> str:
    """Verilog of ``top``, which yosys' commands ``script`` make of cells of the ECP5, as the module ``module``."""
    lines = [*script, "design -save synthesised", "design -reset", *_CELLS]
    lines += [f"design -copy-from synthesised -as {module} {top}", f"hierarchy -check -top {module}"]
    lines += [*_GATES, "write_verilog -noattr gates.v"]
    (folder / "dsp.v").write_text(_dsp_block())
    yosys.find().run_script("\n".join(lines) + "\n", folder)
    return (folder / "gates.v").read_text()


def _dsp_block() -> str:
    """Verilog of an ECP5's DSP block as a product of 18 x 18 bits, each side signed or not, without registers."""

    def bits(port: str, count: int) -> str:
        return ", ".join(f"{port}{bit}" for bit in reversed(range(count)))

    a, b, c, p = bits("A", 18), bits("B", 18), bits("C", 18), bits("P", 36)
    return (
        f"module MULT18X18D(input {a}, {b}, {c}, SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, output {p});\n"
        f"    wire signed [18:0] a = {{SIGNEDA & A17, {a}}};\n"
        f"    wire signed [18:0] b = {{SIGNEDB & B17, {b}}};\n"
        f"    assign {{{p}}} = a * b;\n"
        "endmodule\n"
    )
