"""A layer with all decisions taken, whatever engine runs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypedDict

from asnet.hls.dataflow.accesses import LayerTiming, Numbers
from asnet.hls.engine import NO_NEIGHBOURS, Neighbours
from asnet.hls.kernel import Operation
from asnet.hls.module import LayerModule
from asnet.hls.reporting import LayerReport
from asnet.hls.sequential.order import Span
from asnet.hls.storage import PackedConstant, TiledConstant

__all__ = ["PlannedLayer", "connections", "loaded"]


class PlannedLayer(Protocol):
    """A layer with all decisions taken."""

    @property
    def layer(self) -> str:
        """Its name."""
        ...

    @property
    def constants(self) -> tuple[PackedConstant, ...]:
        """Constant memories of its own."""
        ...

    @property
    def tiles(self) -> tuple[TiledConstant, ...]:
        """Constants that are not on the chip, in the order in which it uses them."""
        ...

    @property
    def rows(self) -> frozenset[str]:
        """The memories with arrays of several channels that it makes row after row."""
        ...

    @property
    def span(self) -> Span:
        """How long it takes, and when what of it happens."""
        ...

    @property
    def uses(self) -> frozenset[str]:
        """The operators that it uses and the memories that it reads."""
        ...

    def emit(self, module: str, version: str, neighbours: Neighbours = NO_NEIGHBOURS) -> LayerModule:
        """Its Verilog module ``module``; see :func:`asnet.hls.engine.emit_engine`."""
        ...

    def report(self, layer: LayerModule, op_type: str) -> LayerReport:
        """What it is made of and how long it takes."""
        ...

    def timing(self, arrival: Mapping[str, Numbers] | None = None) -> LayerTiming | None:
        """When it writes which word, and where it waits for words; None if that depends on data.

        ``arrival``: as of :func:`asnet.hls.dataflow.gates.find_gates`.
        """
        ...


class Connections(TypedDict):
    """The memories of a report."""

    reads: tuple[str, ...]
    writes: tuple[str, ...]


def connections(layer: LayerModule) -> Connections:
    """The memories that a layer reads and writes."""
    return {
        "reads": tuple(port.memory.name for port in layer.memories if port.reads),
        "writes": tuple(port.memory.name for port in layer.memories if port.writes),
    }


def loaded(operations: Iterable[Operation]) -> frozenset[str]:
    """The memories that ``operations`` read."""
    return frozenset(operation.detail for operation in operations if operation.op == "load")
