"""The top module: layers one after the other over shared operators and memories, streams, memory interface."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from asnet.hls.fetching import bus_connections, describe_fetcher, fetched_word
from asnet.hls.frame import frame_of
from asnet.hls.module import LayerModule
from asnet.hls.names import comment, vector
from asnet.hls.operators import Operator
from asnet.hls.ranges import address_bits
from asnet.hls.sequential.memories import describe_memory, flushed_words, given, readable
from asnet.hls.sequential.model import Top, driven
from asnet.hls.storage import Fetcher, TiledMemory
from asnet.hls.wires import number_bits
from asnet.ir import MemoryKind
from asnet.resources import render

__all__ = ["LIBRARY", "MEMORY_SUFFIXES", "RESERVED", "emit_top"]

LIBRARY = (
    *("asnet_banks", "asnet_delay", "asnet_hold", "asnet_ram", "asnet_ram_deep", "asnet_rom", "asnet_rom_deep"),
    *("asnet_stream_in", "asnet_stream_out"),
)
"""Modules that a sequential design may have."""

_OWN = """
clk reset s_axis_tdata s_axis_tvalid s_axis_tready s_axis_tlast m_axis_tdata m_axis_tvalid m_axis_tready m_axis_tlast
frame_error start busy done cycles mem_select mem_address mem_rdata mem_we mem_wdata DEBUG running active starts
finished taken written taken_number written_number idle over waiting loaded reading unsent sent count
take begun full give_go give_fetch giving take_index give_index stream_in stream_out given
streamed go from_stream last unused
weights_base weights_error weights_araddr weights_arlen weights_arvalid weights_arready weights_rvalid weights_faults
weights_unasked weights_share
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


def emit_top(top: Top, version: str) -> str:
    """The Verilog of the top module."""
    inputs, outputs = top.of_kind(MemoryKind.INPUT), top.of_kind(MemoryKind.OUTPUT)
    take, give = (frame_of(memory.memory for memory in ends) for ends in (inputs, outputs))
    unused = [f"{memory.name}_take" for memory in inputs if memory.address_bits < take.bits and len(inputs) > 1]
    unused += [f"{memory.name}_give" for memory in outputs if memory.address_bits < give.bits and len(outputs) > 1]
    numbers = [memory for memory in inputs if top.flushes(memory)]
    plain = [memory for memory in inputs if not top.flushes(memory)]
    if plain and all(memory.width < top.word for memory in plain):
        unused += ["taken", "written"]
    if not plain and top.word > _FLOAT_BITS:
        unused += ["s_axis_tdata", "mem_wdata"]
    memories = [describe_memory(top, memory, take, give) for memory in top.memories]
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
        select=number_bits(len(top.rams)),
        flushed=flushed_words(top) if numbers else None,
        plain=bool(plain),
        take_words=take.words,
        take_bits=take.bits,
        give_words=give.words,
        give_bits=give.bits,
        outputs=outputs,
        given=given(top, outputs, give),
        memories=memories,
        readable=[{"select": memory.select, "value": readable(top, memory)} for memory in top.rams],
        control=_control(top),
        operators=operators,
        layers=layers,
        unused=unused,
        weights=None if top.weights is None else top.weights.sharing(len(top.fetchers)),
        fetchers=[_fetcher(top, number, *pair) for number, pair in enumerate(top.fetchers.items())],
    )


def _fetcher(top: Top, number: int, name: str, fetcher: Fetcher) -> dict[str, object]:
    """What brings constants that are not on the chip, and the layers that read them."""
    users = [
        (f"{instance}_{port.prefix}", port)
        for layer, instance in zip(top.layers, top.instances, strict=True)
        for port in layer.memories
        if fetcher.has(port.memory)
    ]
    return describe_fetcher(_fetching(name), name, fetcher, users, bus_connections("weights", number))


def _fetching(module: str) -> str:
    """The name of a fetcher's instance."""
    return f"{module}_fetched"


def _unread(layers: Sequence[Mapping[str, object]], described: Sequence[Mapping[str, object]]) -> list[str]:
    """Signals that say what a layer uses, and that nobody needs: one user of each signal is taken by default."""
    text = str(described)
    names = [str(name) for layer in layers for name in layer["uses"]]  # pyright: ignore
    return [name for name in names if not re.search(rf"\b{name}\b", text)]


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
            name, fetcher = next((name, own) for name, own in top.fetchers.items() if own.has(port.memory))
            connections.append((f"{port.prefix}_ready", f"{_fetching(name)}_ready"))
            connections.append((f"{port.prefix}_rdata", fetched_word(_fetching(name), fetcher, port)))
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
        for _, role, width in port.operator.inputs:
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
    name = _unit(operator, number)
    users = [
        top.user(index, f"{instance}_{prefix}", "_use")
        for index, (layer, instance) in enumerate(zip(top.layers, top.instances, strict=True))
        for prefix in _users(layer, operator)[number : number + 1]
    ]
    operands = [
        {"signal": f"{name}_{role}", "width": width, "source": driven(users, f"_{role}", width)}
        for _, role, width in operator.inputs
    ]
    return {**operator.instantiated(name), "operands": operands}
