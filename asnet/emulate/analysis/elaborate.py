"""A unit instance's Verilog elaborated by yosys: AND gates, inverters and flip-flops behind fixed ports."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from asnet.errors import ToolError, ToolTimeoutError, UnitError
from asnet.tools import yosys
from asnet.types import FloatMode
from asnet.units import UnitInstance, VerilogFile, interface
from asnet.units.elaborate import write_files

__all__ = [
    "FRONT_ENDS",
    "SECONDS",
    "Elaborated",
    "FlipFlop",
    "Product",
    "VerilogDesign",
    "elaborate",
    "front_ends",
    "unit_design",
]

_PRODUCT: Final = "asnet_product"

FRONT_ENDS: Final[Mapping[str, tuple[str, ...]]] = {
    "arrays": ("alumacc", "share", "opt"),
    "booth": ("booth", "alumacc", "share", "opt"),
    "products": (f"chtype -set {_PRODUCT} t:$mul", "alumacc", "share", "opt"),
}
"""What becomes of multiplications: gates, as arrays of partial products or radix-4 Booth (a pass that old yosys lack),
or :attr:`Elaborated.products`, which nothing here evaluates."""

SECONDS: Final = 300.0
"""How long yosys and ABC may take for a unit: more of them are for hardware than for emulation."""

_BOOTH_SINCE: Final = (0, 34)

_TOP: Final = "asnet_design"
_GATES: Final = frozenset(("$_AND_", "$_NOT_"))
_CLOCKED: Final = frozenset(("$_DFF_P_", "$_DFF_N_"))


@dataclass(frozen=True)
class VerilogDesign:
    """Verilog of a circuit with the inputs a and b (and perhaps clk) and the output y: ``files``, the module ``top`` of
    the text ``wrapper`` (empty: it is in the files)."""

    files: tuple[VerilogFile, ...]
    wrapper: str
    top: str

    def write(self, folder: Path) -> list[str]:
        """Write everything to ``folder``; the names of the sources to read."""
        sources = write_files(self.files, folder)
        if self.wrapper:
            (folder / f"{self.top}.v").write_text(self.wrapper, encoding="utf-8")
            sources.append(f"{self.top}.v")
        return sources


@dataclass(frozen=True)
class FlipFlop:
    """A flip-flop: the nets of its clock, data and output, the clock's edge, and the value it starts with."""

    clock: int
    edge: int
    data: int
    output: int
    start: int


@dataclass(frozen=True)
class Product:
    """A multiplication that is no gates: nets, lowest bit first; y is the lowest bits of a * b.

    ``signed``: whether a is a signed number, and whether b is.
    """

    a: tuple[int, ...]
    b: tuple[int, ...]
    y: tuple[int, ...]
    signed: tuple[bool, bool]


@dataclass(frozen=True)
class Elaborated:
    """Gates over numbered nets (0 and 1 are the constants): ``gates`` maps an output net to its inputs (one: an
    inverter, two: AND); ports are lists of nets, lowest bit first."""

    a: tuple[int, ...]
    b: tuple[int, ...]
    y: tuple[int, ...]
    clock: int | None
    gates: Mapping[int, tuple[int, ...]]
    flip_flops: tuple[FlipFlop, ...]
    products: tuple[Product, ...] = ()


def front_ends() -> tuple[str, ...]:
    """Those of :data:`FRONT_ENDS` that make gates and that this machine's yosys has.

    Raises:
        ToolMissingError: there is no yosys.
    """
    version = re.match(r"(\d+)\.(\d+)", yosys.find().version)
    has_booth = version is not None and (int(version[1]), int(version[2])) >= _BOOTH_SINCE
    return ("arrays", "booth") if has_booth else ("arrays",)


def unit_design(instance: UnitInstance, mode: FloatMode) -> VerilogDesign:
    """``instance`` in float mode ``mode`` as the golden model has it: no pipeline stages of its own, always enabled.

    Raises:
        UnitError: its ports do not fit its operation.
    """
    found = interface(instance)
    values = instance.settings(mode)
    roles = [role for role in found.roles if role != "ce"]
    ports = [
        f"{'output' if role == 'y' else 'input'} [{found.width(role) - 1}:0] {role}"
        if role in "aby"
        else f"input {role}"
        for role in roles
    ]
    enabled = {"ce": "1'b1"}
    nets = ", ".join(f".{port}({enabled.get(role, role)})" for role, port in found.roles.items())
    parameters = f"#({', '.join(f'.{name}({value})' for name, value in values.items())}) " if values else ""
    text = f"module {_TOP} ({', '.join(ports)});\n    {instance.module} {parameters}unit ({nets});\nendmodule\n"
    return VerilogDesign(instance.files, text, _TOP)


def elaborate(design: VerilogDesign, ways: Sequence[str] = ("arrays",)) -> list[Elaborated]:
    """The gates of ``design`` by each of ``ways`` (:data:`FRONT_ENDS`); what is undefined is 0, as in the golden model.

    Raises:
        ToolMissingError: there is no yosys.
        ToolTimeoutError: it takes more than :data:`SECONDS`.
        UnitError: yosys cannot elaborate it, or it has latches, loops, tristates or clocks that are no port.
    """
    with tempfile.TemporaryDirectory(prefix="asnet-") as name:
        folder = Path(name)
        sources = design.write(folder)
        try:
            yosys.find().run_script(_script(design.top, sources, ways), folder, limit=SECONDS)
        except ToolTimeoutError:
            raise
        except ToolError as error:
            found = re.search(r"^(?:.*: )?ERROR: ?(.*)$", str(error), re.MULTILINE)
            if found is None:
                raise
            raise UnitError(f"yosys cannot elaborate it: {found[1]}") from error
        texts = [(folder / f"{front_end}.json").read_text(encoding="utf-8") for front_end in ways]
    return [_read(json.loads(text)["modules"][design.top]) for text in texts]


def _script(top: str, sources: Sequence[str], ways: Sequence[str]) -> str:
    lines = [f'read_verilog -sv -I. "{source}"' for source in sources]
    lines += [f"hierarchy -check -top {top}", "proc", "flatten", "memory -nordff"]
    lines += ["setundef -undriven -zero", "opt -keepdc"]  # behind memory: enables of memories' ports are undefined
    lines += ["wreduce -keepdc", "opt_clean", "design -save words"]
    for front_end in ways:
        lines += ["design -load words", *FRONT_ENDS[front_end], "opt -keepdc", "techmap"]
        lines += [
            "setundef -zero",
            "opt -keepdc",
            "dffunmap",
            "techmap",
            "aigmap",
        ]  # no opt behind dffunmap: it would undo it
        lines += ["opt_clean -purge", f"write_json {front_end}.json"]
    return "\n".join(lines) + "\n"


def _read(module: dict[str, Any]) -> Elaborated:
    start: dict[int, int] = {}
    for net in module["netnames"].values():
        init = str(net.get("attributes", {}).get("init", ""))[::-1]
        start |= {
            bit + 2: int(value == "1") for bit, value in zip(net["bits"], init, strict=False) if isinstance(bit, int)
        }
    gates: dict[int, tuple[int, ...]] = {}
    flip_flops: list[FlipFlop] = []
    products: list[Product] = []
    for cell in module["cells"].values():
        kind = str(cell["type"])
        if kind == _PRODUCT:
            products.append(_product(cell))
            continue
        pins = {name: _net(bits[0]) for name, bits in cell["connections"].items() if kind != "$scopeinfo"}
        if kind in _GATES:
            gates[pins["Y"]] = (pins["A"], pins["B"]) if "B" in pins else (pins["A"],)
        elif kind in _CLOCKED:
            state = FlipFlop(pins["C"], int(kind == "$_DFF_P_"), pins["D"], pins["Q"], start.get(pins["Q"], 0))
            flip_flops.append(state)
        elif kind != "$scopeinfo":
            raise UnitError(_strange(kind))
    ports = {name: tuple(_net(bit) for bit in port["bits"]) for name, port in module["ports"].items()}
    clock = ports["clk"][0] if "clk" in ports else None
    inputs = ports["a"], ports.get("b", ())
    return Elaborated(*inputs, ports["y"], clock, gates, tuple(flip_flops), tuple(products))


def _product(cell: dict[str, Any]) -> Product:
    a, b, y = (tuple(_net(bit) for bit in cell["connections"][port]) for port in "ABY")
    signed = tuple(cell["parameters"][f"{port}_SIGNED"].endswith("1") for port in "AB")
    return Product(a, b, y, (signed[0], signed[1]))


def _net(bit: int | str) -> int:
    """The number of a net in yosys' JSON, where numbers begin at 2 and constants are words; moved up by 2."""
    return bit + 2 if isinstance(bit, int) else int(bit == "1")


def _strange(kind: str) -> str:
    if "LATCH" in kind.upper() or "$_SR_" in kind:
        return "it has a latch: a signal that keeps its value where no clock says so"
    if "DFF" in kind.upper():
        return f"it has flip-flops of a kind that cannot be unrolled ({kind}: set or reset without a clock)"
    return f"it has a cell that is no logic ({kind})"
