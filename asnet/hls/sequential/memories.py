"""The memories of the sequential style: which layers, streams and hosts read and write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from asnet.hls.frame import Frame
from asnet.hls.memories import DesignMemory
from asnet.hls.names import comment
from asnet.hls.sequential.model import Top, User, driven
from asnet.hls.storage import ReadPort, memory_parts
from asnet.hls.wires import fitted, number_bits
from asnet.ir import MemoryKind

__all__ = ["describe_memory", "flushed_words", "given", "readable"]


def readable(top: Top, memory: DesignMemory) -> str:
    value = fitted(f"{memory.name}_rdata", memory.width, top.word)
    return value if memory.memory.kind is MemoryKind.OUTPUT else f"DEBUG != 0 ? {value} : {top.word}'d0"


def given(top: Top, outputs: Sequence[DesignMemory], give: Frame) -> list[str]:
    """The lines that choose the word on offer."""
    if len(outputs) == 1:
        return [f"assign m_axis_tdata = {fitted(f'{outputs[0].name}_rdata', outputs[0].width, top.word)};"]
    lines = ["assign m_axis_tdata ="]
    for memory in outputs:
        value = fitted(f"{memory.name}_rdata", memory.width, top.word)
        _, end = give.span(memory.memory)
        last = memory is outputs[-1]
        lines.append(f"    {value};" if last else f"    given < {give.bits}'d{end} ? {value} :")
    return lines


def describe_memory(top: Top, memory: DesignMemory, take: Frame, give: Frame) -> dict[str, object]:
    """What the template needs to know about one memory: its shape, and who reads and writes it."""
    name, kind = memory.name, memory.memory.kind
    writers = [
        User(index, f"{instance}_{port.prefix}", f"{instance}_{port.prefix}_we")
        for index, instance, port in top.ports(memory)
        if port.writes
    ]
    organisation = top.organisations[memory.memory.name]
    numbers = range(sum(len(copy) for copy in organisation.copies))
    ports = [
        {"data": f"{name}_rdata{end}", "address": f"{name}_read{end}", "readers": _readers(top, memory, number)}
        for number in numbers
        for end in [number or ""]
    ]
    shape = "x".join(str(extent) for extent in memory.memory.shape)
    described: dict[str, object] = {
        "name": name,
        "what": f"Memory {comment(memory.memory.name)}: {memory.memory.element}[{shape}], {kind.value}",
        "width": memory.width,
        "bits": memory.address_bits,
        "ports": ports,
        "addresses": "" if memory.is_rom else driven(writers, "_waddr", memory.address_bits),
        "data": driven(writers, "_wdata", memory.width),
        "wires": [],
    }
    read = [
        ReadPort(f"{'rom' if memory.is_rom else 'ram'}_{name}{f'_{number}' if number else ''}", *signals)
        for number, port in enumerate(ports)
        for signals in [(port["address"], port["data"])]
    ]
    sizes = memory.width, memory.memory.size, memory.address_bits
    if memory.is_rom:
        parts = memory_parts(sizes, organisation, read, deep=memory.is_deep, file=memory.contents)
        return described | {"parts": parts}
    host = fitted("mem_address", top.address, memory.address_bits)
    readers = bool(ports[0]["readers"])
    enable, address = "1'b1", f"running | DEBUG == 0 ? {name}_read : {host}" if readers else host
    write = {
        "we": " | ".join(user.when for user in writers) or "1'b0",
        "waddr": f"{name}_write" if writers else f"{memory.address_bits}'d0",
        "wdata": f"{name}_data" if writers else f"{memory.width}'d0",
    }
    if kind is MemoryKind.INPUT:
        described["wires"], write = _taken(top, memory, take, host)
    elif kind is MemoryKind.OUTPUT:
        described["wires"], index = _index(memory, give, "give")
        rest = f"running ? {name}_read : {host}" if readers else host
        enable, address = "give_fetch | ~giving", f"giving ? {index} : {rest}"
    read[0] = replace(read[0], address=address)
    parts = memory_parts(sizes, organisation, read, deep=memory.is_deep, enable=enable, write=write)
    return described | {"parts": parts}


def _readers(top: Top, memory: DesignMemory, number: int) -> str:
    """The address at read port ``number`` of a memory; a layer with fewer ports has no say."""
    end = number or ""
    users = [
        top.user(index, f"{instance}_{port.prefix}", f"_re{end}")
        for index, instance, port in top.ports(memory)
        if port.reads > number
    ]
    return driven(users, f"_raddr{end}", memory.address_bits)


def _index(memory: DesignMemory, frame: Frame, verb: str) -> tuple[list[tuple[str, int, str]], str]:
    """Wires, and the address that a memory gets from its stream."""
    if len(frame.bases) == 1:
        return [], f"{verb}_index"
    wire = f"{memory.name}_{verb}"
    base = f"{verb}_index - {frame.bits}'d{frame.bases[memory.memory.name]}"
    return [(wire, frame.bits, base)], fitted(wire, frame.bits, memory.address_bits)


def flushed_words(top: Top) -> tuple[str, str]:
    """The signals of float inputs in ftz mode, without subnormals; other inputs have the plain names for themselves."""
    mixed = any(not top.flushes(memory) for memory in top.of_kind(MemoryKind.INPUT))
    return ("taken_number", "written_number") if mixed else ("taken", "written")


def _taken(top: Top, memory: DesignMemory, take: Frame, host: str) -> tuple[list[tuple[str, int, str]], dict[str, str]]:
    """How an input's memory is written, by the stream or by the memory interface: wires, and its write port."""
    wires, index = _index(memory, take, "take")
    tests = ["take", *take.within(memory.memory, "take_index")]
    mine = " & ".join(tests)
    select = f"mem_select == {number_bits(len(top.rams))}'d{memory.select}"
    if top.flushes(memory):
        word, given = flushed_words(top)
    else:
        word, given = (fitted(signal, top.word, memory.width) for signal in ("taken", "written"))
    return wires, {
        "we": f"{f'({mine})' if len(tests) > 1 else mine} | (mem_we & ~busy & {select})",
        "waddr": f"take ? {index} : {host}",
        "wdata": f"take ? {word} : {given}",
    }
