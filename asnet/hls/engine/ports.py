"""The ports of a layer's module: memories and units, and everything that uses each of them in turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from asnet.hls.engine.parts import Source, choose
from asnet.hls.module import MemoryPort, OperatorPort
from asnet.hls.names import Names, comment, vector
from asnet.hls.operators import Operator
from asnet.hls.planning import ProgramPlan, port_uses
from asnet.hls.ranges import address_bits
from asnet.ir import Memory

__all__ = ["Access", "Ports"]

_MEMORY_SUFFIXES = ("_re", "_raddr", "_rdata", "_we", "_waddr", "_wdata", "_ready", "_claim", "_take")


class Access:
    """One port of a memory, and what uses it. ``number``: behind the names of its signals, from the second port on."""

    def __init__(self, memory: Memory, prefix: str, number: int) -> None:
        self.memory = memory
        self.prefix = prefix
        self.number = number
        self.sources: dict[str, list[Source]] = {}

    def signal(self, role: str) -> str:
        """The name of one of its signals."""
        return f"{self.prefix}_{role}{self.number or ''}"

    def add(self, role: str, source: Source) -> None:
        """Another user."""
        self.sources.setdefault(role, []).append(source)


class Ports:
    """All ports of a layer."""

    def __init__(self, plan: ProgramPlan, names: Names, shared: Set[str]) -> None:
        """``shared``: memories and operators that others use too; a port says when this layer does."""
        self._shared = shared
        self._reads: dict[str, int] = {}
        self._writes: dict[str, int] = {}
        self._units: dict[str, int] = {}
        self._known: dict[str, Operator] = {}
        self._count(plan)
        used = [memory for memory in plan.program.memories if memory.name in {*self._reads, *self._writes}]
        numbers = [str(number or "") for number in range(max([1, *self._reads.values(), *self._writes.values()]))]
        suffixes = [f"{suffix}{number}" for suffix in _MEMORY_SUFFIXES for number in numbers]
        self._memories: dict[str, MemoryPort] = {}
        self._read: dict[tuple[str, int], Access] = {}
        self._write: dict[str, Access] = {}
        for memory in used:
            prefix = names.fresh(memory.name, suffixes)
            reads, writes = self._reads.get(memory.name, 0), self._writes.get(memory.name, 0)
            self._memories[memory.name] = MemoryPort(
                memory, prefix, reads, writes, port_uses(plan, memory.name) if reads > 1 else ()
            )
            self._read |= {(memory.name, number): Access(memory, prefix, number) for number in range(reads)}
            self._write[memory.name] = Access(memory, prefix, 0)
        self._prefixes = {
            (name, number): names.fresh(name if number == 0 else f"{name}_{number}", ("_a", "_b", "_y", "_use"))
            for name, count in self._units.items()
            for number in range(count)
        }
        self._claims: dict[str, tuple[str, str]] = {}
        self._fed: dict[str, list[tuple[str, Sequence[str]]]] = {}

    def _count(self, plan: ProgramPlan) -> None:
        for loop in plan.loops:
            for operation in loop.pipeline.operations:
                instances = loop.instance.get(operation.name, 0) + 1
                if operation.is_memory:
                    counts = self._reads if operation.op == "load" else self._writes
                    counts[operation.detail] = max(counts.get(operation.detail, 0), instances)
                elif operation.name in loop.operators:
                    unit = loop.operators[operation.name]
                    self._known[unit.name] = unit
                    self._units[unit.name] = max(self._units.get(unit.name, 0), instances)

    @property
    def memories(self) -> tuple[MemoryPort, ...]:
        """Those of memories."""
        return tuple(self._memories.values())

    @property
    def operators(self) -> tuple[OperatorPort, ...]:
        """Those of units."""
        return tuple(OperatorPort(self._known[name], prefix) for (name, _), prefix in self._prefixes.items())

    def read(self, memory: str, number: int) -> Access:
        """A read port."""
        return self._read[memory, number]

    def write(self, memory: str) -> Access:
        """The write port."""
        return self._write[memory]

    def rdata(self, memory: str, number: int) -> str:
        """The word that was read."""
        return self._read[memory, number].signal("rdata")

    def claim(self, memory: str, claim: str, take: str = "") -> None:
        """When a tile of a memory, or words of it, are claimed, and when a tile's first word is read."""
        self._claims[memory] = claim, take

    def ready(self, memory: str) -> str:
        """1 while what is claimed next of a memory is there."""
        return f"{self._memories[memory].prefix}_ready"

    def unit(self, unit: Operator, number: int) -> str:
        """The prefix of a unit's ports."""
        return self._prefixes[unit.name, number]

    def feed(self, prefix: str, when: str, values: Sequence[str]) -> None:
        """Operands for a unit while ``when`` is 1."""
        self._fed.setdefault(prefix, []).append((when, values))

    def assignments(self) -> Iterator[tuple[str, str]]:
        """Output port → expression."""
        for access in (*self._read.values(), *self._write.values()):
            widths: Mapping[str, int] = {
                "raddr": address_bits(access.memory),
                "waddr": address_bits(access.memory),
                "wdata": access.memory.element_bytes * 8,
            }
            for role, sources in access.sources.items():
                if role == "we":
                    yield access.signal(role), _any(source.when for source in sources)
                    continue
                if role == "raddr" and access.memory.name in self._shared:
                    yield access.signal("re"), _any(source.when for source in sources)
                yield access.signal(role), choose(sources, widths[role])
        for name, (claim, take) in self._claims.items():
            prefix = self._memories[name].prefix
            yield f"{prefix}_claim", claim
            if take:
                yield f"{prefix}_take", take
        for operator in self.operators:
            fed = self._fed[operator.prefix]
            for index, (_, role, width) in enumerate(operator.operator.inputs):
                sources = [Source(when, values[index]) for when, values in fed]
                yield f"{operator.prefix}_{role}", choose(sources, width)
            if operator.operator.name in self._shared:
                yield f"{operator.prefix}_use", _any(when for when, _ in fed)

    def lines(self) -> Iterator[tuple[str, str, str]]:
        """Direction and type, name, comment of every port."""
        for port in self._memories.values():
            depth, width = address_bits(port.memory), port.memory.element_bytes * 8
            shape = "x".join(str(extent) for extent in port.memory.shape)
            what = f"memory {comment(port.memory.name)}: {port.memory.element}[{shape}]"
            for number in range(port.reads):
                if port.memory.name in self._shared:
                    yield "output ", f"{port.prefix}_re{number or ''}", "the address counts"
                yield f"output {vector(depth)}", f"{port.prefix}_raddr{number or ''}", what
                yield f"input {vector(width)}", f"{port.prefix}_rdata{number or ''}", "one cycle after the address"
            if port.memory.name in self._claims:
                what = "tile is" if self._claims[port.memory.name][1] else "words are"
                yield "input ", f"{port.prefix}_ready", f"the next {what} there"
                yield "output ", f"{port.prefix}_claim", "the first iteration that needs them starts"
                if self._claims[port.memory.name][1]:
                    yield "output ", f"{port.prefix}_take", "its first word is read"
            if port.writes:
                yield "output ", f"{port.prefix}_we", what
                yield f"output {vector(depth)}", f"{port.prefix}_waddr", ""
                yield f"output {vector(width)}", f"{port.prefix}_wdata", ""
        for port in self.operators:
            unit = port.operator
            for _, role, width in unit.inputs:
                yield f"output {vector(width)}", f"{port.prefix}_{role}", unit.instance.name if role == "a" else ""
            if unit.name in self._shared:
                yield "output ", f"{port.prefix}_use", "the operands count"
            yield f"input {vector(unit.result_width)}", f"{port.prefix}_y", f"{unit.latency} cycles later"


def _any(whens: Iterable[str]) -> str:
    return " | ".join(dict.fromkeys(whens))
