"""Moves registers behind block RAMs of an ECP5 into the output registers that these have themselves.

``python3 output_registers.py IN.json OUT.json``: a netlist that yosys wrote, as nextpnr is to read it. A word leaves a
block RAM 5.8 ns after the clock, its own register after 1 ns; yosys does not use that one. The design does the same
without this step.

Moved are registers with the attribute ``asnet_output_register``, where a port of a block RAM (``DP16KD``)
takes a word in every cycle and all its outputs that are used go to such a register and nowhere else: on the same
edge of the same clock, without enable, reset, or initial 1. Anything else stays as it is.

The file needs nothing but Python's own library, as designs bring a copy of it.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["ATTRIBUTE", "move_registers", "rewrite"]

ATTRIBUTE = "asnet_output_register"
"""Of registers in Verilog that may be moved."""

_WIDE = 36
"""Bits of a read port B that uses the outputs of both ports, with their registers; port A writes then."""

_REGISTER_PARAMETERS = {"CEMUX": "1", "CLKMUX": "CLK", "LSRMUX": "LSR", "REGSET": "RESET", "GSR": "DISABLED"}
"""What a register has that takes a bit at every rising edge and begins with 0; its LSR is tied to 0."""

_Cell = dict[str, Any]
_Bit = int | str
"""The number of a net, or a constant: "0", "1", "x"."""


def move_registers(netlist: Mapping[str, Any]) -> int:
    """Move the registers of ``netlist``, yosys' JSON, which is changed; how many were moved."""
    return sum(_Module(module).move() for module in netlist["modules"].values())


def rewrite(source: Path, target: Path) -> int:
    """Write the netlist in the file ``source`` to ``target``, with registers moved; how many were moved."""
    netlist = json.loads(source.read_text(encoding="utf-8"))
    count = move_registers(netlist)
    target.write_text(json.dumps(netlist), encoding="utf-8")
    return count


class _Module:
    """A module of a netlist: its cells, who uses each net, which nets are those of marked registers."""

    def __init__(self, module: Mapping[str, Any]) -> None:
        self._cells: dict[str, _Cell] = module["cells"]
        self._users: dict[_Bit, list[tuple[str, str]]] = defaultdict(list)
        for name, cell in self._cells.items():
            for pin, bits in cell["connections"].items():
                for bit in bits:
                    self._users[bit].append((name, pin))
        for name, port in module["ports"].items():
            for bit in port["bits"]:
                self._users[bit].append(("", name))
        nets = module["netnames"].values()
        self._marked: set[_Bit] = {bit for net in nets if ATTRIBUTE in net["attributes"] for bit in net["bits"]}

    def move(self) -> int:
        """Move what can be moved; how many registers."""
        rams = [name for name, cell in self._cells.items() if cell["type"] == "DP16KD"]
        return sum(self._move_behind(name, port) for name in rams for port in "AB")

    def _move_behind(self, ram: str, port: str) -> int:
        """Move the registers behind a port of a block RAM, all or none."""
        cell = self._cells[ram]
        if not _takes_every_word(cell, port):
            return 0
        halves = "AB" if _width(cell, "B") == _WIDE else port
        pins = [pin for pin in cell["connections"] if pin.startswith(tuple(f"DO{half}" for half in halves))]
        readers = {pin: self._readers(ram, pin) for pin in pins}
        registers = {pin: self._register(cell, port, found) for pin, found in readers.items() if found}
        names = [name for name in registers.values() if name is not None]
        if not names or len(names) < len(registers):
            return 0
        for pin, name in registers.items():
            if name is not None:
                cell["connections"][pin] = self._cells.pop(name)["connections"]["Q"]
        cell["parameters"].update({f"REGMODE_{half}": "OUTREG" for half in halves})
        return len(names)

    def _readers(self, ram: str, pin: str) -> list[tuple[str, str]]:
        """(Cell, pin) of all that use an output of a block RAM; the cell is empty for a port of the module."""
        bits = self._cells[ram]["connections"][pin]
        return [user for bit in bits if isinstance(bit, int) for user in self._users[bit] if user != (ram, pin)]

    def _register(self, ram: _Cell, port: str, readers: list[tuple[str, str]]) -> str | None:
        """The register that is the only one of ``readers`` and can be moved into the port of ``ram``."""
        (name, pin), *others = readers
        if others or pin != "DI" or name not in self._cells:
            return None
        cell = self._cells[name]
        wires = cell["connections"]
        movable = (
            cell["type"] == "TRELLIS_FF"
            and _has(cell, _REGISTER_PARAMETERS)
            and wires.get("LSR") == ["0"]
            and wires["CLK"] == ram["connections"][f"CLK{port}"]
            and self._marked.issuperset(wires["Q"])
        )
        return name if movable else None


def _takes_every_word(ram: _Cell, port: str) -> bool:
    """Whether a port of a block RAM has a register that takes each word and is never reset, if it is switched on."""
    parameters = {f"REGMODE_{port}": "NOREG", f"CLK{port}MUX": f"CLK{port}", f"CSDECODE_{port}": "0b000"}
    pins = {f"CE{port}": "1", f"OCE{port}": "1", f"RST{port}": "0", **{f"CS{port}{bit}": "0" for bit in range(3)}}
    return (
        (port == "B" or _width(ram, "B") != _WIDE)
        and _has(ram, parameters | {"GSR": "DISABLED"})
        and all(ram["connections"].get(pin) == [value] for pin, value in pins.items())
    )


def _width(ram: _Cell, port: str) -> int:
    """Bits of a port of a block RAM."""
    return int(ram["parameters"][f"DATA_WIDTH_{port}"], 2)


def _has(cell: _Cell, parameters: Mapping[str, str]) -> bool:
    """Whether a cell has these parameters; yosys ends strings with a blank that would read as numbers."""
    return all(cell["parameters"].get(name, "").rstrip() == value for name, value in parameters.items())


def _main(arguments: list[str]) -> None:
    if len(arguments) != 2:
        sys.exit("usage: output_registers.py IN.json OUT.json")
    print(f"{rewrite(*map(Path, arguments))} registers moved into block RAMs")


if __name__ == "__main__":
    _main(sys.argv[1:])
