"""A layer that stands by itself: engine, units, constants and buffers in one module with streams in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from asnet.hls.dataflow.plan import Inlet, Node, Outlet
from asnet.hls.fetching import BUS_ENDS, FETCHER_SUFFIXES, describe_fetcher, fetched_word
from asnet.hls.memories import DesignMemory
from asnet.hls.module import MemoryPort, OperatorPort
from asnet.hls.names import Names, comment, vector
from asnet.hls.ranges import address_bits
from asnet.hls.storage import Fetcher, Organisation, Part, ReadPort, memory_parts, organise
from asnet.hls.wires import number_bits
from asnet.ir import Memory
from asnet.resources import render

__all__ = ["Tap", "Wrapper", "emit_wrapper"]

_OWN = ("clk", "reset", "busy", "start", "done", "finish", "sending", "engine", "unused", "tap_done", "weights_base")
_STREAM = ("_tdata", "_tuser", "_tvalid", "_tready", "_tlast")
_INLET = (*_STREAM, "_available", "_more", "_fill", "_place", "_frames", "_arrival", "_begun", "_ready", "_claim")
_WAITS = ("begun", "ready", "claim")
_MEMORY = ("_we", "_waddr", "_wdata", "_fetch", "_index", "_sent", "_out", "_tap_we", "_tap_waddr", "_tap_wdata")


_READ = ("_raddr", "_rdata", "_rdata_kept", "_rdata_late")
_TILED = ("_raddr", "_claim", "_take")
_FETCHED = (*FETCHER_SUFFIXES, "_error", *(f"_{end}" for end in BUS_ENDS))


@dataclass(frozen=True)
class Tap:
    """Every write to a memory, for observers: the module's ports ``<port>_tap_we``, ``_tap_waddr``, ``_tap_wdata``."""

    memory: Memory
    port: str


@dataclass(frozen=True)
class Wrapper:
    """A layer's module. ``streams``: memory → the name that its stream's ports begin with; ``organisations``: memory →
    how its read ports are made; ``fetchers``: what the ports of those begin with that fetch constants."""

    module: str
    text: str
    streams: Mapping[str, str]
    taps: tuple[Tap, ...]
    organisations: Mapping[str, Organisation]
    fetchers: tuple[str, ...]


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
        self._organisations: dict[str, Organisation] = {}

    def emit(self, module: str, version: str) -> Wrapper:
        node = self._node
        inlets = [self._inlet(inlet) for inlet in node.inlets]
        outlets = [self._outlet(outlet) for outlet in node.outlets]
        memories = [self._memory(port) for port in node.inner]
        memories += [
            self._memory(outlet.port, self._streams[outlet.memory.name]) for outlet in node.outlets if outlet.forwarded
        ]
        fetchers = [self._fetcher(name, fetcher) for name, fetcher in node.fetchers.items()]
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
            fetchers=fetchers,
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
                *(f"{inlet['name']}_{signal}" for inlet in inlets if inlet["words"] for signal in _WAITS),
                *(f"{outlet['name']}_busy" for outlet in forwarded),
            ],
            connections=self._connections,
            unused=self._unused,
        )
        ports = tuple(str(fetcher["name"]) for fetcher in fetchers)
        return Wrapper(module, text, self._streams, tuple(tap for tap, _ in self._taps), self._organisations, ports)

    def _inlet(self, inlet: Inlet) -> dict[str, object]:
        memory, frames = inlet.memory, inlet.frames
        name = self._names.fresh(f"s_{self._memories[memory.name].name}", _INLET)
        self._streams[memory.name] = name
        bits, place = address_bits(memory), number_bits(frames)
        several = frames > 1
        depth = ((frames - 1) << bits) + memory.size
        width = memory.element_bytes * 8
        write = f"{{{name}_fill, {name}_tuser}}" if several else f"{name}_tuser"
        comes = f"{name}_tvalid" if inlet.pushed else f"{name}_tvalid & {name}_tready"
        deep = self._memories[memory.name].is_deep
        copies: list[ReadPort] = []
        parts: Sequence[Part] = ()
        if inlet.port is not None:
            copies = self._reads(inlet.port)
            ports = [replace(c, address=f"{{{name}_place, {c.address}}}") for c in copies] if several else copies
            parts = memory_parts(
                (width, depth, bits + (place if several else 0)),
                self._organised(inlet.port, depth, deep=deep),
                ports,
                deep=deep,
                write={"we": comes, "waddr": write, "wdata": f"{name}_tdata"},
            )
        else:
            self._unused += [f"{name}_tdata", f"{name}_tuser"]
        if inlet.port is None or not several:
            self._unused += [f"{name}_fill", f"{name}_place"]
        words = self._words(inlet)
        return {
            "name": name,
            "what": _what(memory),
            "width": width,
            "bits": bits,
            "frames": frames,
            "place": place,
            "comes": comes,
            "copies": copies,
            "parts": parts,
            "words": words,
            "available": f"({name}_available | {name}_begun)" if words else f"{name}_available",
            "following": f"({name}_more | {name}_begun)" if words else f"{name}_more",
        }

    def _words(self, inlet: Inlet) -> dict[str, int] | None:
        """The words that the layer waits for while it works."""
        if inlet.words is None or inlet.port is None or self._node.timing is None or self._node.timing.gates is None:
            return None
        name = self._streams[inlet.memory.name]
        self._connections += [(f"{inlet.port.prefix}_{end}", f"{name}_{end}") for end in ("ready", "claim")]
        words, groups = inlet.words, self._node.timing.gates.groups
        most = max(inlet.memory.size, words.first + words.step * groups)
        return {"bits": most.bit_length() + 1, "first": words.first, "step": words.step}

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
        """A memory inside the layer; ``stream``: it is sent there when the layer is done, each word after one cycle."""
        memory = self._memories[port.memory.name]
        name = self._writes(port) if port.writes else ""
        deep, late = memory.is_deep and not stream, memory.is_deep and bool(stream and port.reads)
        copies = self._reads(port, late=late)
        ports, enable = copies, "1'b1"
        if stream:
            enable, index = f"{name}_fetch | ~sending", f"{name}_index"
            if copies:
                ports = [replace(copies[0], address=f"sending ? {index} : {copies[0].address}"), *copies[1:]]
            else:
                ports = [replace(self._read_port(port, 0), address=index)]
                copies = [replace(ports[0], address="")]
        elif not copies:  # nobody looks at what is written
            self._unused += [f"{name}_we", f"{name}_waddr", f"{name}_wdata"]
        shape = memory.width, port.memory.size, memory.address_bits
        parts: Sequence[Part] = ()
        if memory.is_rom:
            organisation = self._organised(port, port.memory.size, deep=deep)
            parts = memory_parts(shape, organisation, ports, deep=deep, file=memory.contents)
        elif ports:
            write = {end: f"{name}_{end}" for end in ("we", "waddr", "wdata")}
            organisation = self._organised(port, port.memory.size, deep=deep)
            parts = memory_parts(shape, organisation, ports, deep=deep, enable=enable, write=write)
        return {
            "name": name,
            "what": _what(port.memory),
            "writes": bool(port.writes),
            "width": memory.width,
            "size": port.memory.size,
            "bits": memory.address_bits,
            "forwarded": bool(stream),
            "stream": stream,
            "copies": copies,
            "late": late,
            "parts": parts,
        }

    def _fetcher(self, module: str, fetcher: Fetcher) -> dict[str, object]:
        """What brings constants that are not on the chip: its ports to the bus, and the engine's to it."""
        name = self._names.fresh("weights", _FETCHED)
        users: list[tuple[str, MemoryPort]] = []
        for port in (port for port in self._node.layer.fetched if fetcher.has(port.memory)):
            user = self._names.fresh(port.prefix, _TILED)
            users.append((user, port))
            self._connections += [(f"{port.prefix}{end}", f"{user}{end}") for end in _TILED]
            self._connections += [
                (f"{port.prefix}_ready", f"{name}_ready"),
                (f"{port.prefix}_rdata", fetched_word(name, fetcher, port)),
            ]
        bus = [(end, f"{name}_{end}") for end in ("error", *BUS_ENDS)]
        described = describe_fetcher(name, module, fetcher, users, bus)
        wires = [(user, address_bits(port.memory)) for user, port in users]
        return described | {"beat": fetcher.bus, "wires": wires}

    def _organised(self, port: MemoryPort, depth: int, *, deep: bool) -> Organisation:
        """How the read ports of a memory of ``depth`` words are made."""
        memory = self._memories[port.memory.name]
        made = organise(memory.width, depth, max(1, port.reads), port.uses, writable=not memory.is_rom, deep=deep)
        self._organisations[port.memory.name] = made
        return made

    def _read_port(self, port: MemoryPort, number: int) -> ReadPort:
        """The signals of a read port."""
        memory = self._memories[port.memory.name]
        kind = "rom" if memory.is_rom else "ram"
        name = self._names.fresh(f"{memory.name}_{number}" if number else memory.name, (*_READ, f"_{kind}"))
        return ReadPort(f"{name}_{kind}", f"{name}_raddr", f"{name}_rdata")

    def _reads(self, port: MemoryPort, *, late: bool = False) -> list[ReadPort]:
        """The read ports; ``late``: the engine takes words when those of a deep memory come."""
        ports: list[ReadPort] = []
        for number in range(port.reads):
            made = self._read_port(port, number)
            end = str(number) if number else ""
            self._connections += [(f"{port.prefix}_raddr{end}", made.address)]
            self._connections.append((f"{port.prefix}_rdata{end}", f"{made.data}_late" if late else made.data))
            ports.append(made)
        return ports

    def _writes(self, port: MemoryPort) -> str:
        """The name of the signals of a memory's write port."""
        name = self._names.fresh(self._memories[port.memory.name].name, _MEMORY)
        self._connections += [(f"{port.prefix}{end}", f"{name}{end}") for end in ("_we", "_waddr", "_wdata")]
        self._taps.append((Tap(port.memory, name), name))
        return name

    def _unit(self, port: OperatorPort) -> dict[str, object]:
        operator = port.operator
        name = self._names.fresh(f"unit_{port.prefix}", ("", "_a", "_b", "_y", "_now", "_a_q", "_b_q"))
        roles = (*(role for _, role, _ in operator.inputs), "y")
        self._connections += [(f"{port.prefix}_{role}", f"{name}_{role}") for role in roles]
        operands = [{"signal": f"{name}_{role}", "width": width} for _, role, width in operator.inputs]
        return {**operator.instantiated(name), "operands": operands}


def _what(memory: Memory) -> str:
    shape = "x".join(str(extent) for extent in memory.shape)
    return f"memory {comment(memory.name)}: {memory.element}[{shape}], {memory.kind.value}"
