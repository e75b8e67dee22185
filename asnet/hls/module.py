"""A layer as a Verilog module, and what it is connected to: the contract between a layer's engine and what holds it."""

from __future__ import annotations

from dataclasses import dataclass

from asnet.hls.operators import Operator
from asnet.hls.storage import PortUse, TiledMemory
from asnet.ir import Memory

__all__ = ["LayerModule", "MemoryPort", "OperatorPort"]


@dataclass(frozen=True)
class MemoryPort:
    """A layer's connection to a memory: ``reads`` read ports and ``writes`` write ports.

    The names of its ports start with ``prefix``: ``_raddr``, ``_rdata`` and ``_we``, ``_waddr``, ``_wdata``, with the
    port's number behind them from the second on (``_raddr1``). ``uses``: what is known of the loops that read it, those
    together that run at the same time.
    """

    memory: Memory
    prefix: str
    reads: int
    writes: int
    uses: tuple[tuple[PortUse, ...], ...] = ()


@dataclass(frozen=True)
class OperatorPort:
    """A layer's connection to one instance of an operator: ports ``<prefix>_a``, ``_b``, ``_y``."""

    operator: Operator
    prefix: str


@dataclass(frozen=True)
class LayerModule:
    """The Verilog of one layer, and what it is connected to."""

    layer: str
    module: str
    text: str
    memories: tuple[MemoryPort, ...]
    operators: tuple[OperatorPort, ...]
    states: int
    register_bits: int

    @property
    def on_chip(self) -> tuple[MemoryPort, ...]:
        """The connections to memories that are not behind a bus."""
        return tuple(port for port in self.memories if not isinstance(port.memory, TiledMemory))

    @property
    def fetched(self) -> tuple[MemoryPort, ...]:
        """The connections to constants that are not on the chip."""
        return tuple(port for port in self.memories if isinstance(port.memory, TiledMemory))
