"""A unit's Verilog as words: the cells of yosys' word-level netlist, in the order in which they can be computed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from asnet.cache import Cache, digest
from asnet.emulate.analysis.circuits import key_of
from asnet.emulate.analysis.elaborate import VerilogDesign, unit_design
from asnet.errors import ToolError, ToolTimeoutError, UnitError
from asnet.tools import yosys
from asnet.types import FloatMode
from asnet.units import UnitInstance

__all__ = ["Bit", "Cell", "WordDesign", "read_words", "unit_words"]

_VERSION: Final = "words 1"

Bit: TypeAlias = "int | str"
"""A net's number, or a constant: ``0``, ``1``."""

_SCRIPT: Final = (
    "proc -norom -noopt",
    "flatten",
    "setundef -undriven -zero",
    "opt -keepdc",
    "memory",
    "opt -keepdc",
    "wreduce -keepdc",
    "opt -keepdc",
    "setundef -zero",
    "opt_clean -purge",
    "write_json words.json",
)
"""What is undefined is 0, as in the golden model; it must not be optimised with."""


@dataclass(frozen=True)
class Cell:
    """A cell: ``parameters`` as numbers, ``pins`` with the bits of its inputs, lowest first, ``output`` its nets."""

    kind: str
    parameters: Mapping[str, int]
    pins: Mapping[str, tuple[Bit, ...]]
    output: tuple[int, ...]


@dataclass(frozen=True)
class WordDesign:
    """``cells`` in topological order between the nets of ``a`` and ``b`` and the bits of ``y``."""

    a: tuple[int, ...]
    b: tuple[int, ...]
    y: tuple[Bit, ...]
    cells: tuple[Cell, ...]


def unit_words(instance: UnitInstance, mode: FloatMode, cache: Cache) -> WordDesign:
    """The words of ``instance`` in float mode ``mode``, kept by its content.

    Raises:
        ToolMissingError: there is no yosys.
        UnitError: yosys cannot elaborate it.
    """
    tool = yosys.find()

    def build(folder: Path) -> None:
        try:
            found: object = _elaborated(unit_design(instance, mode))
        except UnitError as error:
            found = str(error)
        (folder / "words.json").write_text(json.dumps(found), encoding="utf-8")

    key = digest([_VERSION, *_SCRIPT, tool.version, tool.origin, key_of(instance, mode)])
    content = json.loads((cache.get("words", key, build) / "words.json").read_text(encoding="utf-8"))
    if isinstance(content, str):
        raise UnitError(f"{instance.files[0].origin}: unit {instance.name} has no words: {content}")
    return read_words(content)


def _elaborated(design: VerilogDesign) -> Mapping[str, Any]:
    """The ports and cells of ``design`` in yosys' JSON."""
    with tempfile.TemporaryDirectory(prefix="asnet-") as name:
        folder = Path(name)
        sources = design.write(folder)
        lines = [f'read_verilog -sv -I. "{source}"' for source in sources]
        lines += [f"hierarchy -check -top {design.top}", *_SCRIPT]
        try:
            yosys.find().run_script("\n".join(lines) + "\n", folder)
        except ToolTimeoutError:
            raise
        except ToolError as error:
            raise UnitError(f"yosys cannot elaborate it: {error}") from error
        module = json.loads((folder / "words.json").read_text(encoding="utf-8"))["modules"][design.top]
    return {part: module[part] for part in ("ports", "cells")}


def read_words(module: Mapping[str, Any]) -> WordDesign:
    """A module of yosys' JSON, with ports a, b and y.

    Raises:
        UnitError: its cells drive each other in a circle.
    """
    cells = [_cell(cell) for cell in module["cells"].values() if cell["type"] != "$scopeinfo"]
    ports = {name: tuple(_bit(bit) for bit in port["bits"]) for name, port in module["ports"].items()}
    a, b = (tuple(bit for bit in ports[name] if isinstance(bit, int)) for name in "ab")
    return WordDesign(a, b, ports["y"], _sorted(cells))


def _bit(bit: int | str) -> Bit:
    return bit if isinstance(bit, int) else "1" if bit == "1" else "0"


def _cell(cell: Mapping[str, Any]) -> Cell:
    outputs = [pin for pin, direction in cell["port_directions"].items() if direction == "output"]
    pins = {pin: tuple(_bit(bit) for bit in bits) for pin, bits in cell["connections"].items() if pin not in outputs}
    nets = [bit for pin in outputs for bit in cell["connections"][pin]]
    parameters = {name: _number(value) for name, value in cell["parameters"].items()}
    return Cell(str(cell["type"]), parameters, pins, tuple(nets))


def _number(value: str | int) -> int:
    """A parameter: yosys writes most as binary digits; text (names) counts as 0."""
    return value if isinstance(value, int) else int(value, 2) if value and set(value) <= {"0", "1"} else 0


def _sorted(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    driver = {net: number for number, cell in enumerate(cells) for net in cell.output}
    needs = [{driver[bit] for bits in cell.pins.values() for bit in bits if bit in driver} for cell in cells]
    done: dict[int, None] = {}
    for root in range(len(cells)):
        stack, open_ = [root], set[int]()
        while stack:
            number = stack[-1]
            waiting = [other for other in needs[number] if other not in done]
            if number in done or not waiting:
                done.setdefault(number)
                stack.pop()
                continue
            if number in open_:
                raise UnitError("its cells drive each other in a circle")
            open_.add(number)
            stack += waiting
    return tuple(cells[number] for number in done)
