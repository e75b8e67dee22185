"""How a network's layers are connected: what each memory becomes where every layer has its own.

A memory that one layer writes and others read is a *stream* of (address, word): each reader keeps a buffer of whole
images (*inlet*), and the writer sends words in the order in which it makes them (*outlet*), if it writes each word
exactly once and reads none; otherwise it works in a RAM of its own, and sends that when it is done (*forwarded*).
A memory that a single layer touches is a RAM in that layer; constants are ROMs in each layer that reads them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from asnet.errors import SynthesisError
from asnet.hls.dataflow.accesses import LayerTiming, Numbers, Words
from asnet.hls.module import LayerModule, MemoryPort
from asnet.hls.storage import Fetcher
from asnet.ir import Memory, MemoryKind

__all__ = ["INPUT", "Engine", "Inlet", "Node", "Outlet", "Plan", "Stream", "arrival_order", "lone_node", "make_plan"]

INPUT = -1
"""The producer of network inputs, in place of a layer's number."""

_FRAMES = 2


@dataclass(frozen=True)
class Inlet:
    """A layer's buffer of ``frames`` images of a memory that another one makes. Without a port it only counts images:
    that tells a layer that reads no activation when to start.

    ``words``: those that the layer waits for while it works; None: it starts when the whole image is there.
    ``pushed``: as of the stream.
    """

    memory: Memory
    port: MemoryPort | None
    frames: int
    pushed: bool
    words: Words | None = None


@dataclass(frozen=True)
class Outlet:
    """A memory that a layer makes for others. ``last``: address of the word that is sent last.

    ``forwarded``: it is sent from a RAM of the layer after the layer is done, in row-major order.
    """

    memory: Memory
    port: MemoryPort
    forwarded: bool
    last: int


@dataclass(frozen=True)
class Engine:
    """What runs a layer. ``timing``: when it writes which word; None: that depends on data.

    ``replicas``: so many modules take images in turn, and so many images are worked on at once. ``fetchers``: module →
    what brings constants of the layer that are not on the chip.
    """

    layer: LayerModule
    timing: LayerTiming | None
    replicas: int = 1
    fetchers: Mapping[str, Fetcher] = field(default_factory=dict[str, Fetcher])


@dataclass(frozen=True, kw_only=True)
class Node(Engine):
    """An engine and its connections. ``inner``: memories of its own, constants among them."""

    index: int
    inlets: tuple[Inlet, ...]
    outlets: tuple[Outlet, ...]
    inner: tuple[MemoryPort, ...]


@dataclass(frozen=True)
class Stream:
    """A memory on its way: from layer ``producer`` to the layers ``consumers``, and out of the network (``output``).

    ``pushed``: words come only where every reader has room, as its writer waits for that before it begins an image;
    readers need not look whether they have. ``frames``: images that the buffer at the network's output holds.
    """

    memory: Memory
    producer: int
    consumers: tuple[int, ...]
    output: bool
    pushed: bool
    frames: int = _FRAMES


@dataclass(frozen=True)
class Plan:
    """All layers in the order of the network, and the streams between them: inputs first, then in order of layers."""

    nodes: tuple[Node, ...]
    streams: tuple[Stream, ...]

    @property
    def inputs(self) -> tuple[Stream, ...]:
        """The network's inputs."""
        return tuple(stream for stream in self.streams if stream.producer == INPUT)

    @property
    def outputs(self) -> tuple[Stream, ...]:
        """The network's outputs, in the order in which they leave."""
        return tuple(stream for stream in self.streams if stream.output)


def make_plan(engines: Sequence[Engine], memories: Mapping[str, Memory]) -> Plan:
    """Connect ``engines``, in the order in which layers run; ``memories``: name → the network's.

    Raises:
        SynthesisError: a memory is written by two layers, or read by an earlier one than its writer; a layer in
            several replicas whose timing depends on data.
    """
    layers = [engine.layer for engine in engines]
    writers = _writers(layers)
    readers: dict[str, list[int]] = {}
    for index, layer in enumerate(layers):
        for port in layer.memories:
            if port.reads and writers.get(port.memory.name) != index and port.memory.kind is not MemoryKind.CONSTANT:
                readers.setdefault(port.memory.name, []).append(index)
    streams: dict[str, Stream] = {}
    nodes: list[Node] = []
    for memory in memories.values():
        if memory.kind is MemoryKind.INPUT:
            consumers = tuple(readers.get(memory.name, []))
            streams[memory.name] = Stream(memory, INPUT, consumers, output=False, pushed=True)
    if not streams:
        raise SynthesisError("the network has no input: nothing tells its layers when to run")
    trigger = next(iter(streams.values()))
    for index, engine in enumerate(engines):
        layer, timing = engine.layer, engine.timing
        inlets: list[Inlet] = []
        outlets: list[Outlet] = []
        inner: list[MemoryPort] = []
        if engine.replicas > 1 and timing is None:
            raise SynthesisError(
                f"layer {layer.layer!r} cannot work on {engine.replicas} images at once: how long it takes depends on "
                "data, and images would overtake each other"
            )
        for port in layer.on_chip:
            memory = port.memory
            mine = writers.get(memory.name) == index
            outward = memory.kind is MemoryKind.OUTPUT
            if memory.kind is MemoryKind.CONSTANT or (mine and not outward and memory.name not in readers):
                inner.append(port)
            elif mine:
                outlet = _outlet(port, engine)
                outlets.append(outlet)
                consumers = tuple(readers.get(memory.name, []))
                streams[memory.name] = Stream(memory, index, consumers, outward, pushed=not outlet.forwarded)
            else:
                if memory.name not in streams:
                    raise SynthesisError(f"layer {layer.layer!r} reads {memory.name!r}, which no earlier layer writes")
                gates = timing.gates if timing is not None else None
                words = gates.words.get(memory.name) if gates else None
                inlets.append(Inlet(memory, port, _FRAMES, streams[memory.name].pushed, words))
        if not inlets:
            inlets.append(Inlet(trigger.memory, None, _FRAMES, trigger.pushed))
            trigger = replace(trigger, consumers=tuple(sorted((*trigger.consumers, index))))
            streams[trigger.memory.name] = trigger
        nodes.append(_node(engine, index, inlets, outlets, inner))
    _check_outputs(memories, streams)
    return Plan(tuple(nodes), _ordered(streams, memories))


def lone_node(engine: Engine, inside: Collection[str]) -> Node:
    """A layer that no other one is known of; ``inside``: memories that nobody else reads."""
    inlets: list[Inlet] = []
    outlets: list[Outlet] = []
    inner: list[MemoryPort] = []
    for port in engine.layer.on_chip:
        if port.memory.kind is MemoryKind.CONSTANT or port.memory.name in inside:
            inner.append(port)
        elif port.writes:
            outlets.append(_outlet(port, engine))
        else:
            inlets.append(Inlet(port.memory, port, _FRAMES, pushed=True))
    return _node(engine, 0, inlets, outlets, inner)


def _node(
    engine: Engine, index: int, inlets: Sequence[Inlet], outlets: Sequence[Outlet], inner: Sequence[MemoryPort]
) -> Node:
    return Node(**vars(engine), index=index, inlets=tuple(inlets), outlets=tuple(outlets), inner=tuple(inner))


def _ordered(streams: Mapping[str, Stream], memories: Mapping[str, Memory]) -> tuple[Stream, ...]:
    """Inputs, then streams by producer; of one producer, and the outputs among themselves, in the module's order."""
    order = list(memories)
    outputs = [name for name in order if name in streams and streams[name].output]
    others = [stream for stream in streams.values() if not stream.output]
    others.sort(key=lambda stream: (stream.producer, order.index(stream.memory.name)))
    return (*others, *(streams[name] for name in outputs))


def _writers(layers: Sequence[LayerModule]) -> dict[str, int]:
    writers: dict[str, int] = {}
    for index, layer in enumerate(layers):
        for port in layer.memories:
            name = port.memory.name
            if not port.writes:
                continue
            if name in writers or port.memory.kind is MemoryKind.INPUT:
                owner = repr(layers[writers[name]].layer) if name in writers else "the network's input stream"
                raise SynthesisError(
                    f"layer {layer.layer!r} writes memory {name!r}, which {owner} writes too: "
                    "in the dataflow style each memory has one writer; choose --style sequential"
                )
            if port.writes > 1:
                raise SynthesisError(
                    f"layer {layer.layer!r} writes memory {name!r} through {port.writes} ports: "
                    "a stream has one; use fewer lanes"
                )
            writers[name] = index
    return writers


def arrival_order(port: MemoryPort, engine: Engine) -> Numbers:
    """By address, how many words of what ``engine`` writes at ``port`` are sent before the word."""
    order = np.arange(port.memory.size, dtype=np.int64)
    if engine.timing is not None and not _outlet(port, engine).forwarded:
        order[engine.timing.writes[port.memory.name].addresses] = order.copy()
    return order


def _outlet(port: MemoryPort, engine: Engine) -> Outlet:
    writes = engine.timing.writes.get(port.memory.name) if engine.timing is not None else None
    if engine.replicas > 1 or port.reads or writes is None or not writes.covers(port.memory.size):
        return Outlet(port.memory, port, forwarded=True, last=port.memory.size - 1)
    return Outlet(port.memory, port, forwarded=False, last=int(writes.addresses[-1]))


def _check_outputs(memories: Mapping[str, Memory], streams: Mapping[str, Stream]) -> None:
    for memory in memories.values():
        if memory.kind is MemoryKind.OUTPUT and memory.name not in streams:
            raise SynthesisError(f"no layer writes the network's output {memory.name!r}")
