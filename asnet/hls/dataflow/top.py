"""The top module of a dataflow design: layers between streams, images in and results out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from asnet.hls.dataflow.plan import INPUT, Node, Plan, Stream
from asnet.hls.dataflow.wrapper import Wrapper
from asnet.hls.fetching import bus_connections
from asnet.hls.frame import Frame, frame_of
from asnet.hls.memories import DesignMemory
from asnet.hls.names import comment, vector
from asnet.hls.storage import WeightsImage
from asnet.hls.wires import fitted, number_bits
from asnet.resources import render
from asnet.types import FloatMode

__all__ = ["RESERVED", "STREAM_SUFFIXES", "Top", "TopTap", "emit_top"]

_OWN = """
clk reset s_axis_tdata s_axis_tvalid s_axis_tready s_axis_tlast m_axis_tdata m_axis_tvalid m_axis_tready m_axis_tlast
frame_error busy take whole begun take_index take_ready stream_take give_fetch give_finish give_index stream_give given
images entered gone left working unused
weights_base weights_error weights_araddr weights_arlen weights_arvalid weights_arready weights_rvalid weights_faults
weights_unasked weights_share m_axi_araddr m_axi_arlen m_axi_arsize m_axi_arburst m_axi_arvalid m_axi_arready
m_axi_rdata m_axi_rresp m_axi_rlast m_axi_rvalid m_axi_rready
"""
RESERVED = tuple(_OWN.split())
"""The top module's own signals."""

STREAM_SUFFIXES = tuple(
    f"_{end}"
    for end in (
        *("tdata", "tuser", "tvalid", "tready", "tlast", "to_tvalid", "to_tready", "fork", "word", "held", "mine"),
        *("ends", "number", "rdata", "fill", "place", "available", "more", "frames", "ram"),
        *("tap_we", "tap_waddr", "tap_wdata"),
    )
)
"""Endings of a memory's signals in the top module."""


@dataclass(frozen=True)
class TopTap:
    """Where the writes to a memory, by one of a layer's replicas, can be seen.

    That is at the top's ports ``<port>_tap_we``, ``_tap_waddr``, ``_tap_wdata``.

    ``done``: the port that is 1 when the layer has written all of an image.
    """

    memory: DesignMemory
    port: str
    done: str


@dataclass(frozen=True)
class Top:
    """What the top module is made of. ``instances``: of the layers; ``rows``: lines of its header; ``weights``:
    the constants that are not on the chip."""

    module: str
    mode: FloatMode
    plan: Plan
    wrappers: tuple[Wrapper, ...]
    instances: tuple[str, ...]
    memories: Mapping[str, DesignMemory]
    rows: tuple[str, ...]
    weights: WeightsImage | None = None

    @property
    def taps(self) -> tuple[TopTap, ...]:
        """All taps: every memory that a layer writes."""
        return tuple(
            TopTap(self.memories[tap.memory.name], self.memories[tap.memory.name].name + end, f"{instance}_tap_done")
            for node, wrapper in zip(self.plan.nodes, self.wrappers, strict=True)
            for end, instance in _replicas(self, node)
            for tap in wrapper.taps
        )


def _replicas(top: Top, node: Node) -> list[tuple[str, str]]:
    """The end of names of each of a layer's replicas, and its instance."""
    instance = top.instances[node.index]
    return [(f"_{n}" if node.replicas > 1 else "", f"{instance}_{n}" if n else instance) for n in range(node.replicas)]


def emit_top(top: Top, version: str) -> str:
    """The Verilog of the top module."""
    plan = top.plan
    take, give = (frame_of(stream.memory for stream in streams) for streams in (plan.inputs, plan.outputs))
    ends = [top.memories[stream.memory.name] for stream in (*plan.inputs, *plan.outputs)]
    word = max(32, *(memory.width for memory in ends))
    unused = ["working"]
    inputs = [_input(top, stream, take, word, unused) for stream in plan.inputs]
    outputs = [_output(top, stream, give, word, unused) for stream in plan.outputs]
    if all(memory["width"] != word for memory in inputs):
        unused.append("s_axis_tdata")
    for stream in plan.streams:
        if not stream.consumers and not stream.output:
            name = top.memories[stream.memory.name].name
            unused += [f"{name}_{end}" for end in ("tdata", "tuser", "tvalid", "tlast")]
    deals, collects = _turns(top)
    return render(
        "rtl/dataflow_top.v.j2",
        version=version,
        rows=top.rows,
        module=top.module,
        vector=vector,
        word=word,
        taps=[
            {
                "name": tap.port,
                "what": comment(tap.memory.memory.name),
                "bits": tap.memory.address_bits,
                "width": tap.memory.width,
            }
            for tap in top.taps
        ],
        streams=[_stream(top, stream) for stream in plan.streams],
        take_bits=take.bits,
        take_words=take.words,
        take_ready=[
            (take.span(stream.memory)[1], f"{top.memories[stream.memory.name].name}_tready") for stream in plan.inputs
        ],
        inputs=inputs,
        give_bits=give.bits,
        give_words=give.words,
        outputs=outputs,
        layers=list(_layers(top)),
        deals=deals,
        collects=collects,
        unused=unused,
        weights=None if top.weights is None else top.weights.sharing(_masters(top)),
    )


def _readers(stream: Stream) -> int:
    return len(stream.consumers) + stream.output


def _end(top: Top, stream: Stream, number: int, signal: str) -> str:
    """The signal of reader ``number`` of a stream."""
    name = f"{top.memories[stream.memory.name].name}_to_{signal}"
    return f"{name}[{number}]" if _readers(stream) > 1 else name


def _stream(top: Top, stream: Stream) -> dict[str, object]:
    memory = top.memories[stream.memory.name]
    shape = "x".join(str(extent) for extent in stream.memory.shape)
    origin = "the network's input" if stream.producer == INPUT else top.plan.nodes[stream.producer].layer.layer
    return {
        "name": memory.name,
        "what": f"{comment(stream.memory.name)}: {stream.memory.element}[{shape}]",
        "origin": comment(origin),
        "width": memory.width,
        "bits": memory.address_bits,
        "readers": _readers(stream),
        "pushed": stream.pushed,
    }


def _input(top: Top, stream: Stream, take: Frame, word: int, unused: list[str]) -> dict[str, object]:
    memory = top.memories[stream.memory.name]
    base, end = take.span(stream.memory)
    if base and memory.address_bits < take.bits:
        unused.append(f"{memory.name}_number")
    return {
        "name": memory.name,
        "width": memory.width,
        "size": stream.memory.size,
        "bits": memory.address_bits,
        "base": base,
        "end": end,
        "held": end < take.words,
        "taken": " & ".join(("take", *take.within(stream.memory, "take_index"))),
        "flushed": top.mode is FloatMode.FTZ and memory.memory.element == "float",
        "word": fitted("s_axis_tdata", word, memory.width),
        "address": fitted(f"{memory.name}_number" if base else "take_index", take.bits, memory.address_bits),
    }


def _output(top: Top, stream: Stream, give: Frame, word: int, unused: list[str]) -> dict[str, object]:
    memory = top.memories[stream.memory.name]
    base, end = give.span(stream.memory)
    if base and memory.address_bits < give.bits:
        unused.append(f"{memory.name}_number")
    unused.append(f"{memory.name}_more")
    place = number_bits(stream.frames)
    valid, ready = (_end(top, stream, len(stream.consumers), signal) for signal in ("tvalid", "tready"))
    return {
        "name": memory.name,
        "width": memory.width,
        "bits": memory.address_bits,
        "frames": stream.frames,
        "place": place,
        "depth": ((stream.frames - 1) << memory.address_bits) + stream.memory.size,
        "base": base,
        "end": end,
        "ready": ready,
        "comes": valid if stream.pushed else f"{valid} & {ready}",
        "address": fitted(f"{memory.name}_number" if base else "give_index", give.bits, memory.address_bits),
        "given": fitted(f"{memory.name}_rdata", memory.width, word),
    }


def _masters(top: Top) -> int:
    """Modules that fetch constants."""
    return sum(node.replicas * len(made.fetchers) for node, made in zip(top.plan.nodes, top.wrappers, strict=True))


def _layers(top: Top) -> Iterator[dict[str, object]]:
    """The instances of all layers, and of their replicas."""
    count = sum(node.replicas for node in top.plan.nodes)
    number = master = 0
    for node, wrapper in zip(top.plan.nodes, top.wrappers, strict=True):
        for replica, (end, instance) in enumerate(_replicas(top, node)):
            taps = [
                (f"{tap.port}_tap_{role}", f"{top.memories[tap.memory.name].name}{end}_tap_{role}")
                for tap in wrapper.taps
                for role in ("we", "waddr", "wdata")
            ]
            fetched = [("weights_base", "weights_base")] if wrapper.fetchers else []
            for port in wrapper.fetchers:
                fetched += [(f"{port}_{end}", signal) for end, signal in bus_connections("weights", master)]
                master += 1
            yield {
                "module": wrapper.module,
                "instance": instance,
                "connections": [*_connections(top, node, wrapper, replica), *fetched],
                "taps": taps,
                "bit": f"[{number}]" if count > 1 else "",
            }
            number += 1


def _connections(top: Top, node: Node, wrapper: Wrapper, replica: int) -> list[tuple[str, str]]:
    """Ports of one of a layer's modules and what they are connected to."""
    streams = {stream.memory.name: stream for stream in top.plan.streams}
    connections: list[tuple[str, str]] = []
    for inlet in node.inlets:
        port, memory = wrapper.streams[inlet.memory.name], top.memories[inlet.memory.name]
        stream = streams[inlet.memory.name]
        connections += [(f"{port}_{end}", f"{memory.name}_{end}") for end in ("tdata", "tuser", "tlast")]
        if node.replicas > 1:
            dealt = _dealt(top, node, port)
            connections += [(f"{port}_{end}", f"{dealt}_{end}[{replica}]") for end in ("tvalid", "tready")]
        else:
            number = stream.consumers.index(node.index)
            connections += [(f"{port}_{end}", _end(top, stream, number, end)) for end in ("tvalid", "tready")]
    for outlet in node.outlets:
        port, memory = wrapper.streams[outlet.memory.name], top.memories[outlet.memory.name]
        if node.replicas > 1:
            dealt = _dealt(top, node, port)
            connections += [
                (f"{port}_tdata", f"{dealt}_tdata[{(replica + 1) * memory.width - 1}:{replica * memory.width}]"),
                (
                    f"{port}_tuser",
                    f"{dealt}_tuser[{(replica + 1) * memory.address_bits - 1}:{replica * memory.address_bits}]",
                ),
            ]
            connections += [(f"{port}_{end}", f"{dealt}_{end}[{replica}]") for end in ("tvalid", "tready", "tlast")]
        else:
            ends = ("tdata", "tuser", "tvalid", "tready", "tlast")
            connections += [(f"{port}_{end}", f"{memory.name}_{end}") for end in ends]
    return connections


def _dealt(top: Top, node: Node, port: str) -> str:
    """The name of the signals between a stream and the replicas of a layer."""
    return f"{top.instances[node.index]}_{port}"


def _turns(top: Top) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """What deals images to the replicas of layers, and what collects their results."""
    streams = {stream.memory.name: stream for stream in top.plan.streams}
    deals: list[dict[str, object]] = []
    collects: list[dict[str, object]] = []
    for node, wrapper in zip(top.plan.nodes, top.wrappers, strict=True):
        if node.replicas == 1:
            continue
        for memory, port in wrapper.streams.items():
            made, stream = top.memories[memory], streams[memory]
            described: dict[str, object] = {
                "name": _dealt(top, node, port),
                "stream": made.name,
                "count": node.replicas,
                "turn": number_bits(node.replicas),
                "width": made.width,
                "bits": made.address_bits,
            }
            if stream.producer == node.index:
                collects.append(described)
            else:
                number = stream.consumers.index(node.index)
                ends = {end: _end(top, stream, number, f"t{end}") for end in ("valid", "ready")}
                deals.append(described | ends)
    return deals, collects
