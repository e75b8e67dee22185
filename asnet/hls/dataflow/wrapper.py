"""A layer that stands by itself: engine, units, constants and buffers in one module with streams in and out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asnet.hls.dataflow.plan import Inlet, Node, Outlet
from asnet.hls.memories import DesignMemory
from asnet.hls.module import MemoryPort, OperatorPort
from asnet.hls.names import Names, comment, vector
from asnet.hls.ranges import address_bits
from asnet.ir import Memory
from asnet.resources import render

__all__ = ["Tap", "Wrapper", "emit_wrapper"]

_OWN = ("clk", "reset", "busy", "start", "done", "finish", "sending", "engine", "unused", "tap_done")
_STREAM = ("_tdata", "_tuser", "_tvalid", "_tready", "_tlast")
_INLET = (*_STREAM, "_available", "_more", "_fill", "_place", "_frames")
_MEMORY = ("_we", "_waddr", "_wdata", "_fetch", "_index", "_sent", "_out", "_tap_we", "_tap_waddr", "_tap_wdata")


@dataclass(frozen=True)
class Tap:
    """Every write to a memory, for observers: the module's ports ``<port>_tap_we``, ``_tap_waddr``, ``_tap_wdata``."""

    memory: Memory
    port: str


@dataclass(frozen=True)
class Wrapper:
    """A layer's module. ``streams``: memory → the name that its stream's ports begin with."""

    module: str
    text: str
    streams: Mapping[str, str]
    taps: tuple[Tap, ...]


def emit_wrapper(node: Node, module: str, memories: Mapping[str, DesignMemory], version: str) -> Wrapper:
    """The Verilog module ``module`` around the engine of ``node``; ``memories``: name → as hardware."""
    return _Wrapper(node, memories).emit(module, version)


class _Wrapper:
    def __init__(self, node: Node, memories: Mapping[str, DesignMemory]) -> None:
        self._node = node
        self._memories = memories
        self._names = Names(_OWN)
        self._connections: list[tuple[str, str]] = []
        self._unused: list[str] = []
        self._streams: dict[str, str] = {}
        self._taps: list[tuple[Tap, str]] = []

    def emit(self, module: str, version: str) -> Wrapper:
        node = self._node
        inlets = [self._inlet(inlet) for inlet in node.inlets]
        outlets = [self._outlet(outlet) for outlet in node.outlets]
        memories = [self._memory(port) for port in node.inner]
        memories += [
            self._memory(outlet.port, self._streams[outlet.memory.name]) for outlet in node.outlets if outlet.forwarded
        ]
        forwarded = [outlet for outlet in outlets if outlet["forwarded"]]
        text = render(
            "rtl/dataflow_layer.v.j2",
            version=version,
            layer=comment(node.layer.layer),
            module=module,
            engine=node.layer.module,
            vector=vector,
            inlets=inlets,
            outlets=outlets,
            forwarded=forwarded,
            memories=memories,
            units=[self._unit(port) for port in node.layer.operators],
            taps=[
                {
                    "name": tap.port,
                    "signal": signal,
                    "what": _what(tap.memory),
                    "bits": address_bits(tap.memory),
                    "width": tap.memory.element_bytes * 8,
                }
                for tap, signal in self._taps
            ],
            controls=[
                *(f"{inlet['name']}_{signal}" for inlet in inlets for signal in ("available", "more")),
                *(f"{outlet['name']}_busy" for outlet in forwarded),
            ],
            connections=self._connections,
            unused=self._unused,
        )
        return Wrapper(module, text, self._streams, tuple(tap for tap, _ in self._taps))

    def _inlet(self, inlet: Inlet) -> dict[str, object]:
        memory, frames = inlet.memory, inlet.frames
        name = self._names.fresh(f"s_{self._memories[memory.name].name}", _INLET)
        self._streams[memory.name] = name
        bits, place = address_bits(memory), max(1, (frames - 1).bit_length())
        several = frames > 1
        copies: list[dict[str, str]] = []
        if inlet.port is not None:
            for copy in self._reads(inlet.port):
                copies.append(copy | {"read": f"{{{name}_place, {copy['address']}}}" if several else copy["address"]})
        else:
            self._unused += [f"{name}_tdata", f"{name}_tuser"]
        if inlet.port is None or not several:
            self._unused += [f"{name}_fill", f"{name}_place"]
        return {
            "name": name,
            "what": _what(memory),
            "width": memory.element_bytes * 8,
            "bits": bits,
            "frames": frames,
            "place": place,
            "count": max(2, frames.bit_length()),
            "address_bits": bits + (place if several else 0),
            "depth": ((frames - 1) << bits) + memory.size,
            "write": f"{{{name}_fill, {name}_tuser}}" if several else f"{name}_tuser",
            "copies": copies,
        }

    def _outlet(self, outlet: Outlet) -> dict[str, object]:
        memory = outlet.memory
        name = self._names.fresh(f"m_{self._memories[memory.name].name}", (*_STREAM, "_busy"))
        self._streams[memory.name] = name
        engine = name if outlet.forwarded else self._writes(outlet.port)
        return {
            "name": name,
            "what": _what(memory),
            "width": memory.element_bytes * 8,
            "bits": address_bits(memory),
            "forwarded": outlet.forwarded,
            "engine": engine,
            "last": outlet.last,
        }

    def _memory(self, port: MemoryPort, stream: str = "") -> dict[str, object]:
        """A memory inside the layer; ``stream``: it is sent there when the layer is done."""
        memory = self._memories[port.memory.name]
        name = self._writes(port) if port.writes else ""
        copies = [copy | {"read": copy["address"], "enable": "1'b1"} for copy in self._reads(port)]
        if stream:
            if not copies:
                copies.append(self._names_of_read(port, 0) | {"address": "", "read": f"{name}_index"})
            else:
                copies[0]["read"] = f"sending ? {name}_index : {copies[0]['address']}"
            copies[0]["enable"] = f"{name}_fetch | ~sending"
        elif not copies:  # nobody looks at what is written
            self._unused += [f"{name}_we", f"{name}_waddr", f"{name}_wdata"]
        return {
            "name": name,
            "what": _what(port.memory),
            "writes": bool(port.writes),
            "rom": memory.is_rom,
            "file": memory.hex_file.removeprefix("rom/"),
            "width": memory.width,
            "size": port.memory.size,
            "bits": memory.address_bits,
            "forwarded": bool(stream),
            "stream": stream,
            "copies": copies,
        }

    def _names_of_read(self, port: MemoryPort, number: int) -> dict[str, str]:
        """The signals of a read port: a copy of the memory for each."""
        base = self._memories[port.memory.name].name + (f"_{number}" if number else "")
        name = self._names.fresh(base, ("_raddr", "_rdata", "_ram"))
        return {"address": f"{name}_raddr", "data": f"{name}_rdata", "ram": f"{name}_ram"}

    def _reads(self, port: MemoryPort) -> list[dict[str, str]]:
        copies: list[dict[str, str]] = []
        for number in range(port.reads):
            copy = self._names_of_read(port, number)
            end = str(number) if number else ""
            self._connections += [(f"{port.prefix}_raddr{end}", copy["address"])]
            self._connections += [(f"{port.prefix}_rdata{end}", copy["data"])]
            copies.append(copy)
        return copies

    def _writes(self, port: MemoryPort) -> str:
        """The name of the signals of a memory's write port."""
        name = self._names.fresh(self._memories[port.memory.name].name, _MEMORY)
        self._connections += [(f"{port.prefix}{end}", f"{name}{end}") for end in ("_we", "_waddr", "_wdata")]
        self._taps.append((Tap(port.memory, name), name))
        return name

    def _unit(self, port: OperatorPort) -> dict[str, object]:
        operator = port.operator
        name = self._names.fresh(f"unit_{port.prefix}", ("", "_a", "_b", "_y", "_now", "_a_q", "_b_q"))
        self._connections += [(f"{port.prefix}_{role}", f"{name}_{role}") for role in (*operator.roles, "y")]
        operands = [
            {"signal": f"{name}_{role}", "width": width}
            for role, width in zip(operator.roles, operator.widths, strict=True)
        ]
        return {**operator.instantiated(name), "operands": operands}


def _what(memory: Memory) -> str:
    shape = "x".join(str(extent) for extent in memory.shape)
    return f"memory {comment(memory.name)}: {memory.element}[{shape}], {memory.kind.value}"
