"""Registers behind block RAMs move into these: what may move does, the words stay the same, anything else stays."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from asnet import hls
from asnet.errors import ToolMissingError
from asnet.hls.handover.project import REGISTERS_FILE
from asnet.hls.output_registers import ATTRIBUTE, move_registers
from asnet.hls.storage import row_sizes, tallest, words_of
from asnet.resources import render
from asnet.tools import yosys
from asnet.types import FloatMode
from tests.hls.icarus import run_bench
from tests.hls.kernels import module_of
from tests.hls.programs import element_wise, lines
from tests.verilog.ecp5 import NETLIST, gates_of_netlist, placed_gates_of

Netlist = dict[str, Any]

RAM, FIRST, SECOND = "ram", "first", "second"
CLOCK, WORD, LATE = 2, (3, 4), (5, 6)


def netlist() -> Netlist:
    """A ROM in port B of a block RAM, two bits of whose words go to marked registers, which go to a port."""
    pins = {"CLKB": CLOCK, "CEB": "1", "OCEB": "1", "RSTB": "0", "CSB0": "0", "CSB1": "0", "CSB2": "0"}
    pins |= {"ADB4": 7, "DOB0": WORD[0], "DOB1": WORD[1], "DOB2": 8, "DOA0": "x"}
    ram = {
        "type": "DP16KD",
        "parameters": {
            "DATA_WIDTH_A": f"{18:032b}",
            "DATA_WIDTH_B": f"{18:032b}",
            "CLKBMUX": "CLKB",
            "CSDECODE_B": "0b000",
            "GSR": "DISABLED",
            "REGMODE_A": "NOREG",
            "REGMODE_B": "NOREG",
        },
        "connections": {pin: [bit] for pin, bit in pins.items()},
    }
    registers = {
        name: {
            "type": "TRELLIS_FF",
            "parameters": {"CEMUX": "1 ", "CLKMUX": "CLK", "LSRMUX": "LSR", "REGSET": "RESET", "GSR": "DISABLED"},
            "connections": {"CLK": [CLOCK], "DI": [word], "LSR": ["0"], "Q": [late]},
        }
        for name, word, late in zip((FIRST, SECOND), WORD, LATE, strict=True)
    }
    top = {
        "ports": {"clk": {"bits": [CLOCK]}, "address": {"bits": [7]}, "data": {"bits": [*LATE]}},
        "cells": {RAM: ram, **registers},
        "netnames": {
            "late": {"bits": [*LATE], "attributes": {ATTRIBUTE: "1"}},
            "word": {"bits": [*WORD], "attributes": {}},
        },
    }
    return {"modules": {"top": top}}


def test_registers_move() -> None:
    design = netlist()
    assert move_registers(design) == 2
    cells = design["modules"]["top"]["cells"]
    assert list(cells) == [RAM]
    assert [cells[RAM]["connections"][f"DOB{bit}"] for bit in range(3)] == [[LATE[0]], [LATE[1]], [8]]
    assert (cells[RAM]["parameters"]["REGMODE_A"], cells[RAM]["parameters"]["REGMODE_B"]) == ("NOREG", "OUTREG")
    assert move_registers(design) == 0


def test_a_port_of_36_bits_has_both_registers() -> None:
    design = netlist()
    ram = design["modules"]["top"]["cells"][RAM]
    ram["parameters"].update(DATA_WIDTH_A=f"{36:032b}", DATA_WIDTH_B=f"{36:032b}")
    ram["connections"].update(DOA7=ram["connections"].pop("DOB1"))
    shared = json.loads(json.dumps(design))
    shared["modules"]["top"]["cells"]["lut"] = {"type": "LUT4", "parameters": {}, "connections": {"A": [WORD[1]]}}
    assert (move_registers(design), move_registers(shared)) == (2, 0)
    assert (ram["connections"]["DOB0"], ram["connections"]["DOA7"]) == ([LATE[0]], [LATE[1]])
    assert (ram["parameters"]["REGMODE_A"], ram["parameters"]["REGMODE_B"]) == ("OUTREG", "OUTREG")


def test_designs_with_deep_memories_bring_the_step(tmp_path: Path) -> None:
    program = element_wise("add", "i32", lines("%r = add i32 %a, %b"), size=3000)
    design = hls.hand_over(hls.synthesise(module_of([program], FloatMode.FTZ), name="deep"))
    assert f"python3 {REGISTERS_FILE} deep.json deep.json\nnextpnr-ecp5" in design.files["README.md"]
    (tmp_path / "step.py").write_text(design.files[REGISTERS_FILE])
    (tmp_path / "in.json").write_text(json.dumps(netlist()))
    command = [sys.executable, "-I", "step.py", "in.json", "out.json"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    moved = netlist()
    move_registers(moved)
    assert json.loads((tmp_path / "out.json").read_text()) == moved
    assert run.stdout == "2 registers moved into block RAMs\n"
    wrong = subprocess.run(command[:-1], cwd=tmp_path, capture_output=True, text=True)
    assert wrong.returncode == 1 and "IN.json OUT.json" in wrong.stderr


def test_designs_without_deep_memories_need_no_such_step() -> None:
    program = element_wise("add", "i32", lines("%r = add i32 %a, %b"), size=600)
    design = hls.hand_over(hls.synthesise(module_of([program], FloatMode.FTZ)))
    assert REGISTERS_FILE not in design.files and "python3" not in design.files["README.md"]


def _parameter(cell: str, name: str, value: str) -> Callable[[Netlist], None]:
    return lambda top: top["cells"][cell]["parameters"].update({name: value})


def _wire(cell: str, pin: str, bit: int | str) -> Callable[[Netlist], None]:
    return lambda top: top["cells"][cell]["connections"].update({pin: [bit]})


def _unmark(top: Netlist) -> None:
    top["netnames"]["late"]["bits"].remove(LATE[1])


def _show(top: Netlist) -> None:
    top["ports"]["word"] = {"bits": [WORD[1]]}


REFUSED: Mapping[str, Callable[[Netlist], None]] = {
    "a register that is not marked": _unmark,
    "a word that leaves the module too": _show,
    "a word that logic reads too": lambda top: top["cells"].update(
        lut={"type": "LUT4", "parameters": {}, "connections": {"A": [WORD[1]], "Z": [9]}}
    ),
    "a word that two registers read": lambda top: top["cells"].update(
        third={**top["cells"][SECOND], "connections": {**top["cells"][SECOND]["connections"], "Q": [9]}}
    ),
    "a word that only logic reads": lambda top: top["cells"][SECOND].update(type="LUT4"),
    "a word that is no register's data": lambda top: top["cells"][SECOND]["connections"].update(DI=[9], CE=[WORD[1]]),
    "a register with an enable": _parameter(SECOND, "CEMUX", "CE"),
    "a register at the other edge": _parameter(SECOND, "CLKMUX", "INV"),
    "a register of another clock": _wire(SECOND, "CLK", 9),
    "a register with a reset": _wire(SECOND, "LSR", 9),
    "a register whose reset is inverted": _parameter(SECOND, "LSRMUX", "INV"),
    "a register that begins with 1": _parameter(SECOND, "REGSET", "SET"),
    "a register in the global reset": _parameter(SECOND, "GSR", "ENABLED"),
    "a port at the other edge": _parameter(RAM, "CLKBMUX", "INV"),
    "a port with an enable": _wire(RAM, "CEB", 9),
    "a port whose register has an enable": _wire(RAM, "OCEB", 9),
    "a port with a reset": _wire(RAM, "RSTB", 9),
    "a port that is selected": _wire(RAM, "CSB1", 9),
    "a port that is selected by 1": _parameter(RAM, "CSDECODE_B", "0b001"),
    "a port with its register in use": _parameter(RAM, "REGMODE_B", "OUTREG"),
    "a block RAM in the global reset": _parameter(RAM, "GSR", "ENABLED"),
    "another block RAM": lambda top: top["cells"][RAM].update(type="PDPW16KD"),
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_anything_else_stays(change: Callable[[Netlist], None]) -> None:
    design = netlist()
    change(design["modules"]["top"])
    before = json.dumps(design)
    assert move_registers(design) == 0
    assert json.dumps(design) == before


@dataclass(frozen=True)
class Case:
    """A deep memory: its module, bits and number of its words, its ports; how many of its block RAMs' ports are to have
    registers."""

    kind: str
    width: int
    depth: int
    registered: int
    reads: int = 2

    @property
    def values(self) -> dict[str, int]:
        """Parameters of the module, and of the bench."""
        return {"WIDTH": self.width, "DEPTH": self.depth, "ADDRESS": (self.depth - 1).bit_length(), "READS": self.reads}

    @property
    def is_writable(self) -> bool:
        """Whether it is no ROM."""
        return self.kind != "asnet_rom_deep"

    def text(self) -> str:
        """The module ``memory`` with the ports that the bench drives."""
        tall = tallest(self.width, self.depth, writable=self.is_writable)
        values = self.values | ({"LATE": 1} if self.kind == "asnet_banks" else {"TALL": tall})
        parameters = "".join(f".{name}({value}), " for name, value in values.items())
        address, ports = values["ADDRESS"], ["clk", "raddr", "rdata"]
        if self.is_writable:
            ports += ["we", "waddr", "wdata"]
        else:
            parameters += '.FILE("words"), '
        named = "".join(f", .{port}({port})" for port in ports)
        if self.kind == "asnet_banks":
            named += ", .re(1'b1)"
        return (
            f"module memory(input clk, input [{self.reads * address - 1}:0] raddr, input we, "
            f"input [{address - 1}:0] waddr, input [{self.width - 1}:0] wdata, "
            f"output [{self.reads * self.width - 1}:0] rdata);\n"
            f"    {self.kind} #({parameters[:-2]}) rows ({named[2:]});\n"
            "endmodule\n"
        )


CASES = (
    Case("asnet_ram_deep", 32, 2048 + 1024 + 300, 2 * (4 + 2 + 2)),
    Case("asnet_ram_deep", 2, 16_384 + 8192 + 4096 + 2048 + 500, 2 + 1 + 1 + 1 + 1, reads=1),
    Case("asnet_rom_deep", 36, 2048 + 300, 3 * 4 + 2 * 2 + 2, reads=3),
    Case("asnet_banks", 16, 5000, 2 * 4),
)
"""Rows of all widths of ports. Those of 300 words are in block RAMs of 36 bits, which have two registers for one port,
but for the constants of two ports."""

LIBRARY = ("asnet_ram", "asnet_ram_deep", "asnet_rom", "asnet_rom_deep", "asnet_banks")

BENCH = """
module bench;
    parameter WIDTH = 1, DEPTH = 1, ADDRESS = 1, READS = 2, FILLED = 0;
    reg clk = 0, we = 0;
    reg [READS*ADDRESS-1:0] raddr = 0;
    reg [ADDRESS-1:0] waddr = 0;
    reg [WIDTH-1:0] wdata = 0;
    wire [READS*WIDTH-1:0] rtl, netlist;
    reg [ADDRESS-1:0] asked;
    integer cycle, port;
    memory one (.clk(clk), .raddr(raddr), .rdata(rtl), .we(we), .waddr(waddr), .wdata(wdata));
    gates other (.clk(clk), .raddr(raddr), .rdata(netlist), .we(we), .waddr(waddr), .wdata(wdata));
    initial begin
        for (cycle = FILLED; cycle < DEPTH + 2500; cycle = cycle + 1) begin
            we = cycle < DEPTH || cycle % 3 == 0;
            waddr = cycle < DEPTH ? cycle : $unsigned($random) % DEPTH;
            wdata = $random;
            for (port = 0; port < READS; port = port + 1) begin
                asked = $unsigned($random) % (DEPTH / 2) * 2 + port % 2;
                raddr[port*ADDRESS +: ADDRESS] = asked == waddr ? asked ^ 2 : asked;
            end
            #1 clk = 1;
            #1 clk = 0;
            if (cycle > DEPTH + 4 && rtl !== netlist) begin
                $display("differs");
                $finish;
            end
        end
        $display("same");
    end
endmodule
"""


def _synthesise(case: Case, folder: Path) -> str:
    """The gates of ``case``, whose files are in ``folder`` then."""
    try:
        yosys.find()
    except ToolMissingError as error:
        pytest.skip(f"netlists are made by yosys: {error}")
    random = Random(1)
    for row, size in enumerate(row_sizes(case.width, case.depth, writable=case.is_writable)):
        words = "".join(f"{random.getrandbits(case.width):x}\n" for _ in range(words_of(size)))
        (folder / f"words_{row:02}.hex").write_text(words)
    (folder / "memory.v").write_text(case.text())
    for name in LIBRARY:
        (folder / f"{name}.v").write_text(render(f"rtl/{name}.v.j2", version="test"))
    read = [f"read_verilog -defer {' '.join(f'{name}.v' for name in LIBRARY)}", "read_verilog memory.v"]
    return placed_gates_of([*read, "hierarchy -top memory"], "memory", folder, dsps=False)


def _compare(case: Case, gates: str, folder: Path) -> list[str]:
    filled = 0 if case.is_writable else case.depth
    return run_bench(folder, BENCH + case.text() + gates, LIBRARY, **case.values, FILLED=filled)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.width}")
def test_words_stay_the_same(case: Case, tmp_path: Path) -> None:
    gates = _synthesise(case, tmp_path)
    cells = json.loads((tmp_path / NETLIST).read_text())["modules"]["memory"]["cells"].values()
    modes = [cell["parameters"][f"REGMODE_{port}"] for cell in cells if cell["type"] == "DP16KD" for port in "AB"]
    assert modes.count("OUTREG") == case.registered
    assert _compare(case, gates, tmp_path) == ["same"]


def test_a_register_too_few_is_found(tmp_path: Path) -> None:
    case = CASES[0]
    _synthesise(case, tmp_path)
    text = (tmp_path / NETLIST).read_text()
    (tmp_path / NETLIST).write_text(text.replace('"OUTREG"', '"NOREG"', 1))
    assert _compare(case, gates_of_netlist("memory", tmp_path), tmp_path) == ["differs"]
