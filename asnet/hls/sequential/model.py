"""What the top module of the sequential style is made of, and the signals that layers drive in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from asnet.hls.engine.parts import Source, choose
from asnet.hls.memories import DesignMemory
from asnet.hls.module import LayerModule, MemoryPort
from asnet.hls.operators import Operator
from asnet.hls.sequential.order import Order
from asnet.hls.storage import Fetcher, Organisation, WeightsImage
from asnet.ir import MemoryKind
from asnet.types import FloatMode

__all__ = ["Top", "User", "driven"]


@dataclass(frozen=True)
class User:
    """A layer's signal that drives a shared one: the layer's number, its module's prefix, what says that it counts."""

    layer: int
    prefix: str
    when: str


@dataclass(frozen=True)
class Top:
    """What the top module is made of. ``instances`` names the layers' instances; ``rows`` are lines of its header.

    ``order``: when layers start; ``flat``: which of them say what they use of the
    ``shared`` memories and operators, so that others may be at work, too. ``organisations``: memory → how its read
    ports are made; ``fetchers``: module → what it brings of the ``weights``.
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
    organisations: Mapping[str, Organisation]
    weights: WeightsImage | None = None
    fetchers: Mapping[str, Fetcher] = field(default_factory=dict[str, Fetcher])

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

    def user(self, layer: int, prefix: str, flag: str) -> User:
        """Who drives a signal: ``flag`` ends the name of the port that says when."""
        return User(layer, prefix, f"{prefix}{flag}" if self.flat[layer] else self.active(layer))


def driven(users: Sequence[User], signal: str, width: int) -> str:
    """The expression of a signal that ``users`` drive in turn."""
    return choose([Source(user.when, f"{user.prefix}{signal}") for user in users], width) if users else ""
