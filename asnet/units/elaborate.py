"""The interface of an instance's top module, read from Verilator's own dump, and checked against its operation."""

from __future__ import annotations

import json
import re
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from asnet.errors import UnitError, did_you_mean
from asnet.tools import verilator
from asnet.types import FloatMode, OperandType
from asnet.units.description import ROLES
from asnet.units.rendered import RenderedUnit
from asnet.units.rendering import VerilogFile

__all__ = [
    "VERILATOR_FLAGS",
    "Interface",
    "Port",
    "interface",
    "ports_of_json",
    "ports_of_xml",
    "verilator_error",
    "write_files",
]

VERILATOR_FLAGS: Final = ("--no-timing", "-Wno-fatal", "-Wno-lint", "-Wno-style", "-Werror-MODDUP", "-I.")
"""Flags of every Verilator run on a unit: delays are ignored, warnings are not for the user of a unit, a module that is
defined twice is an error: the second definition would be dropped."""

_UNARY: Final = ("sitofp", "uitofp", "fptosi", "fptoui")
_WIDER: Final = ("mul", "add", "sub")  # integer units may have results wider than the least width
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "clk": ("clk", "clock", "aclk", "ck", "clk_i", "i_clk"),
    "ce": ("ce", "en", "enable", "clken", "clk_en", "ena"),
    "a": ("a", "x", "in1", "ina", "a_i", "i_a", "opa", "op_a", "in_a", "lhs", "dividend", "n"),
    "b": ("b", "in2", "inb", "b_i", "i_b", "opb", "op_b", "in_b", "rhs", "divisor", "d"),
    "y": ("y", "o", "z", "out", "result", "res", "r", "p", "q", "product", "quotient", "y_o", "o_y", "c", "s", "sum"),
}


@dataclass(frozen=True)
class Port:
    """A port of a module: ``direction`` is ``input``, ``output`` or ``inout``, ``width`` in bits."""

    name: str
    direction: str
    width: int

    def __str__(self) -> str:
        return f"{self.direction} {self.name}" + (f"[{self.width - 1}:0]" if self.width > 1 else "")


@dataclass(frozen=True)
class Interface:
    """The top module's ports in order of declaration, and which plays which role."""

    ports: tuple[Port, ...]
    roles: Mapping[str, str]

    def width(self, role: str) -> int:
        """Width in bits of the port that plays ``role``."""
        return next(port.width for port in self.ports if port.name == self.roles[role])


def write_files(files: Sequence[VerilogFile], folder: Path) -> list[str]:
    """Write the texts into ``folder``; the names of those to compile, in order."""
    for file in files:
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, encoding="utf-8")
    return [file.name for file in files if file.is_source]


def parameter_flags(instance: RenderedUnit) -> list[str]:
    """``-G`` flags: the instance's values, flush to zero, and no pipeline stages."""
    return [f"-G{name}={value}" for name, value in instance.settings(FloatMode.FTZ).items()]


_ERROR: Final = re.compile(
    r"^%Error(?:-\w+)?: (?:(?P<file>[^:\s]+):(?P<line>\d+):(?:\d+:)? )?(?P<what>.*)$", re.MULTILINE
)
_INDENTED: Final = re.compile(r"^ +: ", re.MULTILINE)


def verilator_error(instance: RenderedUnit, log: str) -> UnitError:
    """The fault that ``log``, Verilator's output, tells first, with the user's file and line."""
    found = _ERROR.search(log)
    if found is None:
        return UnitError(f"unit {instance.name}: Verilator cannot compile it:\n{log.strip()[-600:]}")
    what = found["what"].strip()
    parameter = re.search(r"Parameters from the command line were not found in the design: ?(\S+)", what)
    if parameter is not None:
        return UnitError(
            f"unit {instance.name}: the module {instance.module!r} ({instance.files[0].origin}) has no parameter "
            f"{parameter[1]!r}; Verilog parameters are case-sensitive"
        )
    where = ""
    if found["file"] is not None:
        name = found["file"].removeprefix("./")
        file = next((file for file in instance.files if file.name == name), None)
        rendered = file is not None and file.origin.name.endswith(".j2")
        where = f"{file.origin if file is not None else name}:{found['line']}{' (as rendered)' if rendered else ''}: "
    return UnitError(f"{where}unit {instance.name}: Verilog does not compile: {what}")


def _dump_flags(version: tuple[int, int]) -> tuple[str, str]:
    """The flag that makes this Verilator dump what it elaborated, and the file's suffix."""
    return ("--json-only", "*.tree.json") if version >= (5, 26) else ("--xml-only", "*.xml")


def ports_of_json(text: str, module: str) -> list[Port]:
    """Ports of ``module`` in the dump of Verilator >= 5.026 (``--json-only``), in order of declaration."""
    root: dict[str, Any] = json.loads(text)
    types: dict[str, dict[str, Any]] = {
        entry["addr"]: entry for table in root["miscsp"] if table["type"] == "TYPETABLE" for entry in table["typesp"]
    }

    def width(address: str) -> int:
        entry = types[address]
        if "range" in entry:
            left, _, right = str(entry["range"]).partition(":")
            return abs(int(left) - int(right)) + 1
        if entry["type"] == "BASICDTYPE":
            return _KEYWORD_WIDTHS.get(entry["keyword"], 1)
        return width(entry["refDTypep"]) if "refDTypep" in entry else 0

    top = next(entry for entry in root["modulesp"] if entry.get("origName", entry["name"]) == module)
    return [
        Port(entry["name"], entry["direction"].lower(), width(entry["dtypep"]))
        for entry in top["stmtsp"]
        if entry["type"] == "VAR" and entry.get("direction", "NONE") != "NONE"
    ]


def ports_of_xml(text: str, module: str) -> list[Port]:
    """Ports of ``module`` in the dump of older Verilators (``--xml-only``), in order of declaration."""
    root = ET.fromstring(text)
    types = {entry.attrib["id"]: entry for entry in root.iter() if "id" in entry.attrib and entry.tag.endswith("dtype")}

    def width(identity: str) -> int:
        entry = types[identity]
        if "left" in entry.attrib:
            return abs(int(entry.attrib["left"]) - int(entry.attrib["right"])) + 1
        if entry.tag == "basicdtype":
            return _KEYWORD_WIDTHS.get(entry.attrib["name"], 1)
        return width(entry.attrib["sub_dtype_id"]) if "sub_dtype_id" in entry.attrib else 0

    top = next(entry for entry in root.iter("module") if entry.attrib.get("origName", entry.attrib["name"]) == module)
    return [
        Port(entry.attrib["origName"], entry.attrib["dir"], width(entry.attrib["dtype_id"]))
        for entry in top.findall("var")
        if "dir" in entry.attrib
    ]


_KEYWORD_WIDTHS: Final[Mapping[str, int]] = {
    "byte": 8, "shortint": 16, "int": 32, "integer": 32, "longint": 64, "time": 64, "real": 64,
}  # fmt: skip


def _elaborate(instance: RenderedUnit) -> list[Port]:
    tool = verilator.find()
    flag, suffix = _dump_flags(tool.version)
    with tempfile.TemporaryDirectory(prefix="asnet-") as name:
        folder = Path(name)
        sources = write_files(instance.files, folder)
        top = ["--top-module", instance.module, "-Mdir", "dump"]
        flags = [*VERILATOR_FLAGS, *parameter_flags(instance)]
        good, log = tool.attempt([flag, *flags, *top, *sources], folder)
        if not good:
            raise verilator_error(instance, log)
        text = next((folder / "dump").glob(suffix)).read_text(encoding="utf-8")
    return (ports_of_json if flag == "--json-only" else ports_of_xml)(text, instance.module)


def _expected(instance: RenderedUnit) -> str:
    width, result = instance.type.width, instance.unit.result.width
    operands = "one input" if instance.op in _UNARY else "two inputs"
    least = " or more" if instance.op in _WIDER else ""
    return f"{operands} of {width} bits and one output of {result}{least}"


def _wrong(instance: RenderedUnit, ports: Sequence[Port], what: str) -> UnitError:
    found = ", ".join(map(str, ports)) or "none"
    return UnitError(
        f"{instance.files[0].origin}: unit {instance.name}: {what}; found ports: {found}; "
        f"expected for {instance.op} on {instance.type}: {_expected(instance)} (clk, ce optional); "
        'name other ports in "ports"'
    )


def _inferred(instance: RenderedUnit, ports: Sequence[Port]) -> dict[str, str]:
    """Roles by the ports' names, whatever their case; operands and result that remain by order of declaration."""
    roles: dict[str, str] = {}
    rest = {
        "input": [port for port in ports if port.direction == "input"],
        "output": [port for port in ports if port.direction == "output"],
    }
    data = ("a", "y") if instance.op in _UNARY else ("a", "b", "y")
    for role in ("clk", "ce", *data):
        candidates = rest["output" if role == "y" else "input"]
        single = role in ("clk", "ce")
        match = [
            port
            for known in _NAMES[role]
            for port in candidates
            if port.name.lower() == known and (not single or port.width == 1)
        ]
        if single and len(candidates) <= len(data) - 1:  # operands come first: 1-bit units have operands of one bit
            continue
        if match:
            roles[role] = match[0].name
            candidates.remove(match[0])
    for role in data:
        candidates = rest["output" if role == "y" else "input"]
        if role not in roles and candidates:
            roles[role] = candidates.pop(0).name
    left = [port for side in rest.values() for port in side]
    if left:
        raise _wrong(instance, ports, f"the port {left[0].name!r} has no role")
    return roles


def _check_width(instance: RenderedUnit, ports: Sequence[Port], port: Port, role: str, operand: OperandType) -> None:
    wanted, direction = (instance.unit.result.width, "output") if role == "y" else (operand.width, "input")
    if role in ("clk", "ce"):
        wanted = 1
    if port.direction != direction:
        raise _wrong(instance, ports, f"the port {port.name!r} for {role!r} is an {port.direction}")
    wider = role == "y" and instance.op in _WIDER and port.width > wanted
    if port.width != wanted and not wider:
        raise _wrong(instance, ports, f"the port {port.name!r} for {role!r} has {port.width} bits instead of {wanted}")


def _checked(instance: RenderedUnit, ports: Sequence[Port]) -> Interface:
    declared = instance.unit.ports
    roles = dict(declared) if declared is not None else _inferred(instance, ports)
    by_name = {port.name: port for port in ports}
    needed = ("a", "y") if instance.op in _UNARY else ("a", "b", "y")
    for role in (*needed, *(("clk",) if instance.latency else ())):
        if role not in roles:
            raise _wrong(instance, ports, f"no port for {role!r}")
    for role, name in roles.items():
        if name not in by_name:
            raise _wrong(instance, ports, f"no port {name!r} for {role!r}{did_you_mean(name, by_name)}")
        _check_width(instance, ports, by_name[name], role, instance.type)
    for port in ports:
        if port.direction != "output" and port.name not in roles.values():
            raise _wrong(instance, ports, f"the {port.direction} {port.name!r} has no role")
    return Interface(tuple(ports), {role: roles[role] for role in ROLES if role in roles})


@lru_cache(maxsize=4096)
def interface(instance: RenderedUnit) -> Interface:
    """The interface of ``instance``'s top module, with declared or inferred roles.

    Raises:
        UnitError: the Verilog does not compile (file, line, Verilator's message), or its ports do not fit the
            operation (what was found, what was expected).
        ToolMissingError: there is no Verilator.
    """
    return _checked(instance, _elaborate(instance))
