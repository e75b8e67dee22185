"""The top module: layers one after the other over shared operators and memories, streams, memory interface."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from asnet.hls.engine.parts import Source, choose
from asnet.hls.memories import DesignMemory
from asnet.hls.module import LayerModule, MemoryPort
from asnet.hls.names import comment, vector
from asnet.hls.operators import Operator
from asnet.hls.ranges import address_bits
from asnet.hls.sequence import Order
from asnet.hls.storage import BUS_BITS, TiledMemory, WeightsImage
from asnet.ir import MemoryKind
from asnet.resources import render
from asnet.types import FloatMode

__all__ = ["MEMORY_SUFFIXES", "RESERVED", "Top", "emit_top"]

_OWN = """
clk reset s_axis_tdata s_axis_tvalid s_axis_tready s_axis_tlast m_axis_tdata m_axis_tvalid m_axis_tready m_axis_tlast
frame_error start busy done cycles mem_select mem_address mem_rdata mem_we mem_wdata DEBUG running active starts
finished taken written taken_number written_number idle over waiting loaded reading unsent sent count
take begun full give_go give_fetch giving take_index give_index stream_in stream_out given
streamed go from_stream last unused
weights weights_base weights_error weights_ready weights_claim weights_take weights_raddr weights_rdata
m_axi_araddr m_axi_arlen m_axi_arsize m_axi_arburst m_axi_arvalid m_axi_arready
m_axi_rdata m_axi_rresp m_axi_rlast m_axi_rvalid m_axi_rready
"""
RESERVED = tuple(_OWN.split())
"""The top module's own signals."""

_FLOAT_BITS = 32

_COPIES = 64
"""Copies of a memory that there are names for."""

MEMORY_SUFFIXES = (
    *("_rdata", "_read", "_write", "_data", "_take", "_give"),
    *(f"_{signal}{number}" for signal in ("rdata", "read") for number in range(1, _COPIES)),
)
"""Endings of a memory's signals in the top module."""


@dataclass(frozen=True)
class _User:
    """A layer's signal that drives a shared one: the layer's number, its module's prefix, what says that it counts."""

    layer: int
    prefix: str
    when: str


@dataclass(frozen=True)
class Top:
    """What the top module is made of. ``instances`` names the layers' instances; ``rows`` are lines of its header.

    ``order``: when layers start; ``flat``: which of them say what they use of the
    ``shared`` memories and operators, so that others may be at work, too.
    """

    module: str
    mode: FloatMode
    layers: tuple[LayerModule, ...]
    instances: tuple[str, ...]
    memories: tuple[DesignMemory, ...]
    operators: tuple[Operator, ...]
    rows: tuple[str, ...]
    order: Order
    flat: tuple[bool, ...]
    shared: frozenset[str]
    weights: WeightsImage | None = None

    def of_kind(self, kind: MemoryKind) -> list[DesignMemory]:
        """The memories of one kind, in order."""
        return [memory for memory in self.memories if memory.memory.kind is kind]

    def flushes(self, memory: DesignMemory) -> bool:
        """Whether subnormals become zeros on their way into the input ``memory``."""
        return self.mode is FloatMode.FTZ and memory.memory.element == "float"

    @cached_property
    def rams(self) -> list[DesignMemory]:
        """The memories that are written."""
        return [memory for memory in self.memories if not memory.is_rom]

    @cached_property
    def word(self) -> int:
        """Bits of a word of the streams and of the memory interface: the widest RAM's, at least 32."""
        return max(32, *(memory.width for memory in self.rams))

    @cached_property
    def address(self) -> int:
        """Bits of an address at the memory interface."""
        return max(memory.address_bits for memory in self.rams)

    def ports(self, memory: DesignMemory) -> list[tuple[int, str, MemoryPort]]:
        """The layers (number, instance) that are connected to ``memory``."""
        return [
            (index, instance, port)
            for index, (layer, instance) in enumerate(zip(self.layers, self.instances, strict=True))
            for port in layer.memories
            if port.memory.name == memory.memory.name
        ]

    def touching(self, kind: MemoryKind, *, reads: bool = False) -> list[int]:
        """The layers that are connected to memories of one kind, or (``reads``) read them."""
        return [
            number
            for number, layer in enumerate(self.layers)
            if any(port.memory.kind is kind and (port.reads or not reads) for port in layer.memories)
        ]

    def active(self, layer: int) -> str:
        """1 while a layer is at work."""
        return f"active[{layer}]" if len(self.layers) > 1 else "active"

    def user(self, layer: int, prefix: str, flag: str) -> _User:
        """Who drives a signal: ``flag`` ends the name of the port that says when."""
        return _User(layer, prefix, f"{prefix}{flag}" if self.flat[layer] else self.active(layer))


def _driven(users: Sequence[_User], signal: str, width: int) -> str:
    """The expression of a signal that ``users`` drive in turn."""
    return choose([Source(user.when, f"{user.prefix}{signal}") for user in users], width) if users else ""


@dataclass(frozen=True)
class _Stream:
    """The memories of a stream, one after the other: memory → number of its first word."""

    bases: Mapping[str, int]
    words: int

    @property
    def bits(self) -> int:
        """Bits of a word's number."""
        return _bits(self.words)


def _stream(memories: Sequence[DesignMemory]) -> _Stream:
    bases: dict[str, int] = {}
    words = 0
    for memory in memories:
        bases[memory.name] = words
        words += memory.memory.size
    return _Stream(bases, words)


def _bits(count: int) -> int:
    """Bits that number ``count`` things, at least one."""
    return max(1, (count - 1).bit_length())


def _low(signal: str, width: int, full: int) -> str:
    """The low ``width`` bits of a signal of ``full`` bits."""
    return signal if width == full else f"{signal}[{width - 1}:0]" if width > 1 else f"{signal}[0]"


def _padded(signal: str, width: int, full: int) -> str:
    """A signal of ``width`` bits in ``full``, zeros above."""
    return signal if width == full else f"{{{full - width}'d0, {signal}}}"


def emit_top(top: Top, version: str) -> str:
    """The Verilog of the top module."""
    inputs, outputs = top.of_kind(MemoryKind.INPUT), top.of_kind(MemoryKind.OUTPUT)
    take, give = _stream(inputs), _stream(outputs)
    unused = [f"{memory.name}_take" for memory in inputs if memory.address_bits < take.bits and len(inputs) > 1]
    unused += [f"{memory.name}_give" for memory in outputs if memory.address_bits < give.bits and len(outputs) > 1]
    numbers = [memory for memory in inputs if top.flushes(memory)]
    plain = [memory for memory in inputs if not top.flushes(memory)]
    if plain and all(memory.width < top.word for memory in plain):
        unused += ["taken", "written"]
    if not plain and top.word > _FLOAT_BITS:
        unused += ["s_axis_tdata", "mem_wdata"]
    memories = [_memory(top, memory, take, give) for memory in top.memories]
    operators = [
        _operator(top, operator, number)
        for operator in top.operators
        for number in range(max(len(_users(layer, operator)) for layer in top.layers))
    ]
    layers = [_layer(top, index) for index in range(len(top.layers))]
    unused += _unread(layers, [*memories, *operators])
    return render(
        "rtl/top.v.j2",
        version=version,
        top=top,
        vector=vector,
        word=top.word,
        address=top.address,
        select=_bits(len(top.rams)),
        flushed=_numbers(top) if numbers else None,
        plain=bool(plain),
        take_words=take.words,
        take_bits=take.bits,
        give_words=give.words,
        give_bits=give.bits,
        outputs=outputs,
        given=_given(top, outputs, give),
        memories=memories,
        readable=[{"select": memory.select, "value": _readable(top, memory)} for memory in top.rams],
        control=_control(top),
        operators=operators,
        layers=layers,
        unused=unused,
        weights=None if top.weights is None else _weights(top, top.weights),
    )


def _weights(top: Top, weights: WeightsImage) -> dict[str, object]:
    """How layers are connected to the constants that are not on the chip."""
    users = [
        (top.active(index), f"{instance}_{port.prefix}", address_bits(port.memory))
        for index, (layer, instance) in enumerate(zip(top.layers, top.instances, strict=True))
        for port in layer.memories
        if isinstance(port.memory, TiledMemory)
    ]
    addresses = [Source(when, _padded(f"{user}_raddr", bits, weights.ring_bits)) for when, user, bits in users]
    return {
        "bus": BUS_BITS,
        "width": weights.width,
        "ring_bits": weights.ring_bits,
        "claim": " | ".join(f"{user}_claim" for _, user, _ in users),
        "take": " | ".join(f"{user}_take" for _, user, _ in users),
        "address": choose(addresses, weights.ring_bits),
    }


def _unread(layers: Sequence[Mapping[str, object]], described: Sequence[Mapping[str, object]]) -> list[str]:
    """Signals that say what a layer uses, and that nobody needs: one user of each signal is taken by default."""
    text = str(described)
    names = [str(name) for layer in layers for name in layer["uses"]]  # pyright: ignore
    return [name for name in names if not re.search(rf"\b{name}\b", text)]


def _readable(top: Top, memory: DesignMemory) -> str:
    value = _padded(f"{memory.name}_rdata", memory.width, top.word)
    return value if memory.memory.kind is MemoryKind.OUTPUT else f"DEBUG != 0 ? {value} : {top.word}'d0"


def _given(top: Top, outputs: Sequence[DesignMemory], give: _Stream) -> list[str]:
    """The lines that choose the word on offer."""
    if len(outputs) == 1:
        return [f"assign m_axis_tdata = {_padded(f'{outputs[0].name}_rdata', outputs[0].width, top.word)};"]
    lines = ["assign m_axis_tdata ="]
    for memory in outputs:
        value = _padded(f"{memory.name}_rdata", memory.width, top.word)
        end = give.bases[memory.name] + memory.memory.size
        last = memory is outputs[-1]
        lines.append(f"    {value};" if last else f"    given < {give.bits}'d{end} ? {value} :")
    return lines


def _memory(top: Top, memory: DesignMemory, take: _Stream, give: _Stream) -> dict[str, object]:
    """What the template needs to know about one memory: its shape, and who reads and writes it."""
    ports = top.ports(memory)
    name, kind = memory.name, memory.memory.kind
    writers = [
        _User(index, f"{instance}_{port.prefix}", f"{instance}_{port.prefix}_we")
        for index, instance, port in ports
        if port.writes
    ]
    readers = _readers(top, memory, 0)
    shape = "x".join(str(extent) for extent in memory.memory.shape)
    host = _low("mem_address", memory.address_bits, top.address)
    described: dict[str, object] = {
        "name": name,
        "what": f"Memory {comment(memory.memory.name)}: {memory.memory.element}[{shape}], {kind.value}",
        "rom": memory.is_rom,
        "file": memory.hex_file.removeprefix("rom/"),
        "width": memory.width,
        "size": memory.memory.size,
        "bits": memory.address_bits,
        "readers": readers,
        "addresses": _driven(writers, "_waddr", memory.address_bits),
        "data": _driven(writers, "_wdata", memory.width),
        "copies": [
            {"number": number, "readers": _readers(top, memory, number)}
            for number in range(1, max((port.reads for _, _, port in ports), default=0))
        ],
        "wires": [],
        "enable": "1'b1",
        "raddr": f"running | DEBUG == 0 ? {name}_read : {host}" if readers else host,
        "we": " | ".join(user.when for user in writers) or "1'b0",
        "waddr": f"{name}_write" if writers else f"{memory.address_bits}'d0",
        "wdata": f"{name}_data" if writers else f"{memory.width}'d0",
    }
    if kind is MemoryKind.INPUT:
        described |= _taken(top, memory, take, host)
    elif kind is MemoryKind.OUTPUT:
        wires, index = _index(memory, give, "give")
        rest = f"running ? {name}_read : {host}" if readers else host
        described |= {"wires": wires, "enable": "give_fetch | ~giving", "raddr": f"giving ? {index} : {rest}"}
    return described


def _readers(top: Top, memory: DesignMemory, number: int) -> str:
    """The address at read port ``number`` of a memory; each port but the first is a copy of it."""
    end = number or ""
    users = [
        top.user(index, f"{instance}_{port.prefix}", f"_re{end}")
        for index, instance, port in top.ports(memory)
        if port.reads > number
    ]
    return _driven(users, f"_raddr{end}", memory.address_bits)


def _index(memory: DesignMemory, stream: _Stream, verb: str) -> tuple[list[tuple[str, int, str]], str]:
    """Wires, and the address that a memory gets from its stream."""
    if len(stream.bases) == 1:
        return [], f"{verb}_index"
    wire = f"{memory.name}_{verb}"
    base = f"{verb}_index - {stream.bits}'d{stream.bases[memory.name]}"
    return [(wire, stream.bits, base)], _low(wire, memory.address_bits, stream.bits)


def _numbers(top: Top) -> tuple[str, str]:
    """The signals of float inputs in ftz mode, without subnormals; other inputs have the plain names for themselves."""
    mixed = any(not top.flushes(memory) for memory in top.of_kind(MemoryKind.INPUT))
    return ("taken_number", "written_number") if mixed else ("taken", "written")


def _taken(top: Top, memory: DesignMemory, take: _Stream, host: str) -> dict[str, object]:
    """How an input's memory is written: by the stream, or by the memory interface."""
    wires, index = _index(memory, take, "take")
    base, end = take.bases[memory.name], take.bases[memory.name] + memory.memory.size
    tests = ["take"]
    if base:
        tests.append(f"take_index >= {take.bits}'d{base}")
    if end < take.words:
        tests.append(f"take_index < {take.bits}'d{end}")
    mine = " & ".join(tests)
    select = f"mem_select == {_bits(len(top.rams))}'d{memory.select}"
    if top.flushes(memory):
        word, given = _numbers(top)
    else:
        word, given = (_low(signal, memory.width, top.word) for signal in ("taken", "written"))
    return {
        "wires": wires,
        "we": f"{f'({mine})' if len(tests) > 1 else mine} | (mem_we & ~busy & {select})",
        "waddr": f"take ? {index} : {host}",
        "wdata": f"take ? {word} : {given}",
    }


def _control(top: Top) -> dict[str, object]:
    """When layers start, and what they wait for."""
    count = len(top.layers)
    over = [
        f"{instance}_next" if trigger is not None else f"finished[{number}]" if count > 1 else "finished"
        for number, (instance, trigger) in enumerate(zip(top.instances, top.order.handovers, strict=True))
    ]
    filling = min(top.touching(MemoryKind.OUTPUT), default=0)
    reading = max(top.touching(MemoryKind.INPUT, reads=True), default=None)
    starts = ["go", *over[:-1]]
    if filling:
        starts[filling] = f"({starts[filling]} | (waiting & ~|active)) & ~unsent"
    last = top.order.handovers[-1]
    rest = 0
    if last is not None and top.order.done is not None and top.order.interval is not None:
        rest = top.order.done - top.order.interval
    return {
        "starts": starts,
        "over": over[-1],
        "filling": filling,
        "asked": over[filling - 1] if filling else "",
        "reading": None if reading is None else f"finished[{reading}]" if count > 1 else "finished",
        "last": f"finished[{count - 1}]" if count > 1 else "finished",
        "rest": 2 + rest,
    }


def _layer(top: Top, index: int) -> dict[str, object]:
    """The instance of a layer: its wires and connections."""
    layer, instance = top.layers[index], top.instances[index]
    names = {memory.memory.name: memory for memory in top.memories}
    wires: list[tuple[int, str]] = []
    connections: list[tuple[str, str]] = []
    uses: list[str] = []
    if top.order.handovers[index] is not None:
        wires.append((1, f"{instance}_next"))
        connections.append(("next", f"{instance}_next"))

    def own(width: int, port: str) -> None:
        wires.append((width, f"{instance}_{port}"))
        connections.append((port, f"{instance}_{port}"))

    for port in layer.memories:
        if isinstance(port.memory, TiledMemory):
            own(address_bits(port.memory), f"{port.prefix}_raddr")
            own(1, f"{port.prefix}_claim")
            own(1, f"{port.prefix}_take")
            connections.append((f"{port.prefix}_ready", "weights_ready"))
            assert top.weights is not None
            word = _low("weights_rdata", port.memory.element_bytes * 8, top.weights.width)
            connections.append((f"{port.prefix}_rdata", word))
            continue
        memory = names[port.memory.name]
        for number in (str(each or "") for each in range(port.reads)):
            if top.flat[index] and memory.memory.name in top.shared:
                own(1, f"{port.prefix}_re{number}")
                uses.append(f"{instance}_{port.prefix}_re{number}")
            own(memory.address_bits, f"{port.prefix}_raddr{number}")
            connections.append((f"{port.prefix}_rdata{number}", f"{memory.name}_rdata{number}"))
        if port.writes:
            own(1, f"{port.prefix}_we")
            own(memory.address_bits, f"{port.prefix}_waddr")
            own(memory.width, f"{port.prefix}_wdata")
    for port in layer.operators:
        for role, width in zip(port.operator.roles, port.operator.widths, strict=True):
            own(width, f"{port.prefix}_{role}")
        if top.flat[index] and port.operator.name in top.shared:
            own(1, f"{port.prefix}_use")
            uses.append(f"{instance}_{port.prefix}_use")
        number = _users(layer, port.operator).index(port.prefix)
        connections.append((f"{port.prefix}_y", f"{_unit(port.operator, number)}_y"))
    return {
        "index": index,
        "layer": comment(layer.layer),
        "module": layer.module,
        "instance": instance,
        "wires": wires,
        "connections": connections,
        "uses": uses,
    }


def _users(layer: LayerModule, operator: Operator) -> list[str]:
    """The prefixes of the layer's ports that are for instances of ``operator``, one instance each."""
    return [port.prefix for port in layer.operators if port.operator is operator]


def _unit(operator: Operator, number: int) -> str:
    """The name of an operator's instance in the top module; the first one has no number."""
    return f"unit_{operator.name}{f'_{number}' if number else ''}"


def _operator(top: Top, operator: Operator, number: int) -> dict[str, object]:
    """An instance of an operator: who uses it, and how it is connected."""
    name, ports = _unit(operator, number), operator.ports
    users = [
        top.user(index, f"{instance}_{prefix}", "_use")
        for index, (layer, instance) in enumerate(zip(top.layers, top.instances, strict=True))
        for prefix in _users(layer, operator)[number : number + 1]
    ]
    operands = [
        {"signal": f"{name}_{role}", "width": width, "source": _driven(users, f"_{role}", width)}
        for role, width in zip(operator.roles, operator.widths, strict=True)
    ]
    connections = [(ports[role], value) for role, value in (("clk", "clk"), ("ce", "1'b1")) if role in ports]
    connections += [(ports[role], f"{name}_{role}_q") for role in operator.roles]
    connections.append((ports["y"], f"{name}_now" if operator.wrapped else f"{name}_y"))
    return {
        "name": name,
        "what": f"{operator.instance.name}: {operator.latency} cycles, digest {operator.instance.digest}",
        "module": operator.instance.module,
        "parameters": operator.parameters,
        "operands": operands,
        "connections": connections,
        "result_width": operator.result_width,
        "wrapped": operator.wrapped,
    }
