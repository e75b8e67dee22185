"""Control interfaces: a module around the top with a handshake for each image, and one with registers around that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from asnet.cache import digest
from asnet.errors import SynthesisError
from asnet.hls.design import RtlDesign
from asnet.hls.handover.ports import Port, ports_of
from asnet.hls.handover.stream import parts
from asnet.hls.names import vector
from asnet.hls.options import Control
from asnet.ir import MemoryKind
from asnet.resources import render
from asnet.version import __version__

__all__ = ["BITS", "Register", "registers_of", "with_control", "wrapper_of"]

_VERSION = 1
"""Of the meaning of the registers."""

_SLAVE = "asnet_axi_control"
"""The module of the registers."""

_STREAMS = frozenset(
    f"{side}_axis_{signal}" for side in ("s", "m") for signal in ("tdata", "tvalid", "tready", "tlast")
)
_PASSED = ("m_axi_", "weights_")
"""Beginnings of ports that go through to the outside; other inputs are 0."""

_KNOWN = _STREAMS | {"clk", "reset", "frame_error", "busy"}

BITS = (
    ("START", 0, "write 1: let an image in; reads 1 until its last word is in"),
    ("DONE", 1, "the results of an image have gone out; reading clears it"),
    ("IDLE", 2, "no image is inside and none may come"),
    ("READY", 3, "the last word of an image has come in; reading clears it"),
    ("RESTART", 7, "START stays 1: one image after the other"),
)
"""Bits of the register CONTROL: (name, number, meaning)."""

_CONTROL = "{24'd0, restart, 3'd0, was_ready, idle, was_done, start}"


@dataclass(frozen=True)
class Register:
    """One register. ``read``: its value in Verilog; ``value``: the number of one that never changes, else None."""

    name: str
    offset: int
    what: str
    read: str
    value: int | None = None


def registers_of(design: RtlDesign) -> tuple[Register, ...]:
    """The registers of the AXI4-Lite slave of ``design``."""
    words = [sum(part.words for part in parts(design, kind)) for kind in (MemoryKind.INPUT, MemoryKind.OUTPUT)]
    around = {f"rtl/{name}.v" for name in (*_names(design), _SLAVE)}
    inner = sorted(path for path in design.files if path.startswith(("rtl/", "units/", "rom/")) and path not in around)
    key = digest(part for path in inner for part in (path, design.files[path]))
    rows: tuple[tuple[str, str, str, int | None], ...] = (
        ("CONTROL", "start, done, idle, ready, restart", _CONTROL, None),
        ("STATUS", "bit 0: busy; bit 1: a frame of the wrong length was dropped", "{30'd0, error, busy}", None),
        ("INTERRUPT", "bit 0: the output irq is DONE", "{31'd0, enable}", None),
        ("IMAGES", "images done since reset", "images", None),
        ("CYCLES", "cycles of the last image, from its first word or the image before it", "cycles", None),
        ("WORKED", "cycles since reset in which an image was inside, low half", "worked[31:0]", None),
        ("WORKED_HIGH", "the high half", "worked[63:32]", None),
        ("VERSION", "of these registers", "VERSION", _VERSION),
        ("DIGEST", "tells this design from others", "DIGEST", int(key[:8], 16)),
        ("INPUT_WORDS", "words of an image", "INPUT_WORDS", words[0]),
        ("OUTPUT_WORDS", "words of its results", "OUTPUT_WORDS", words[1]),
    )
    return tuple(Register(name, 4 * place, what, read, value) for place, (name, what, read, value) in enumerate(rows))


def wrapper_of(design: RtlDesign) -> str | None:
    """The module around the top, if there is one; of two the outer one."""
    return next((name for name in _names(design) if f"rtl/{name}.v" in design.files), None)


def _names(design: RtlDesign) -> tuple[str, str]:
    return f"{design.top}_axi", f"{design.top}_ap"


def with_control(design: RtlDesign, control: Control) -> RtlDesign:
    """``design`` with the interface that ``control`` asks for.

    Raises:
        SynthesisError: a module of the design has the name of the new one.
    """
    if control is Control.NONE:
        return design
    axi, handshake = _names(design)
    rest = [port for port in ports_of(design.files[f"rtl/{design.top}.v"], design.top) if port.name not in _KNOWN]
    passed = [port for port in rest if port.name.startswith(_PASSED)]
    facts: dict[str, object] = {
        "version": __version__,
        "name": design.top,
        "word": _width(design),
        "passed": passed,
        "others": [port for port in rest if port not in passed],
        "handshake": handshake,
        "vector": vector,
    }
    files = {f"rtl/{handshake}.v": render("handover/handshake.v.j2", **facts, module=handshake)}
    if control is Control.AXI_LITE:
        files |= _registers(design, axi, facts)
    for path in files:
        if path in design.files:
            raise SynthesisError(f"the control interface needs a file {path!r}, which a layer has; rename that layer")
    return replace(design, files={**design.files, **files})


def _width(design: RtlDesign) -> int:
    ports: Mapping[str, Port] = {port.name: port for port in ports_of(design.files[f"rtl/{design.top}.v"], design.top)}
    return ports["s_axis_tdata"].width


def _registers(design: RtlDesign, module: str, facts: Mapping[str, object]) -> dict[str, str]:
    registers = registers_of(design)
    constants = [
        {
            "name": register.name,
            "what": register.what,
            "value": f"32'h{register.value:08x}",
            "c": f"0x{register.value:08x}u",
        }
        for register in registers
        if register.value is not None
    ]
    own: dict[str, object] = {
        **facts,
        "module": module,
        "registers": registers,
        "constants": constants,
        "offsets": {register.name: register.offset for register in registers},
        "bits": BITS,
        "prefix": design.top.upper(),
        "lower": design.top.lower(),
        "guard": f"ASNET_{design.top.upper()}_H",
    }
    return {
        f"rtl/{module}.v": render("handover/axi.v.j2", **own),
        f"rtl/{_SLAVE}.v": render("handover/asnet_axi_control.v.j2", **own),
        f"sw/{design.top}.h": render("handover/registers.h.j2", **own),
    }
