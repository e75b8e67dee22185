"""A layer under the general controller: block by block, one operation after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from asnet.hls.dataflow.accesses import LayerTiming, Numbers
from asnet.hls.dataflow.blocks import kernel_timing
from asnet.hls.engine import NO_NEIGHBOURS, Neighbours
from asnet.hls.fsm.allocation import Allocation
from asnet.hls.fsm.binding import bind
from asnet.hls.fsm.layer import emit_layer
from asnet.hls.fsm.report import block_reports
from asnet.hls.fsm.schedule import Schedule
from asnet.hls.layers.planned import connections, loaded
from asnet.hls.loops import Executions, executions
from asnet.hls.module import LayerModule
from asnet.hls.reporting import LayerReport
from asnet.hls.sequential.order import Span
from asnet.hls.storage import PackedConstant, TiledConstant

__all__ = ["GeneralLayer"]

_OVERHEAD = 2
"""Cycles per layer of the general engine in which it is started and its end is noticed."""


@dataclass(frozen=True)
class GeneralLayer:
    """Block by block, one operation after the other."""

    allocation: Allocation
    schedule: Schedule

    @property
    def layer(self) -> str:
        """Its name."""
        return self.allocation.kernel.layer

    @property
    def constants(self) -> tuple[PackedConstant, ...]:
        """None: it reads the network's constants as they are."""
        return ()

    @property
    def tiles(self) -> tuple[TiledConstant, ...]:
        """None: all are on the chip."""
        return ()

    @property
    def uses(self) -> frozenset[str]:
        """The operators that it uses and the memories that it reads."""
        operators = {operator.name for operator in self.allocation.operators.values()}
        return frozenset(operators) | loaded(self.allocation.kernel.operation.values())

    @property
    def rows(self) -> frozenset[str]:
        """None: loops run in the order of the text."""
        return frozenset()

    @property
    def span(self) -> Span:
        """How long it takes, where that does not depend on data."""
        cycles = self._cycles if self._runs.exact else None
        return Span(None if cycles is None else cycles - 1, None)

    @cached_property
    def _runs(self) -> Executions:
        return executions(self.allocation.kernel)

    @property
    def _cycles(self) -> int | None:
        """What it takes, at most, if that does not depend on data."""
        count = self._runs.count
        if count is None:
            return None
        return _OVERHEAD + sum(block.length * count[name] for name, block in self.schedule.blocks.items())

    def emit(self, module: str, version: str, neighbours: Neighbours = NO_NEIGHBOURS) -> LayerModule:
        """Its Verilog module: the general controller has none of the ports that let others run at the same time."""
        assert neighbours.handover is None and neighbours.gate is None
        return emit_layer(bind(self.allocation, self.schedule), module, version)

    def timing(self, arrival: Mapping[str, Numbers] | None = None) -> LayerTiming | None:
        """When it writes which word; None if that depends on data. It waits for whole images."""
        return kernel_timing(self.allocation.kernel, self.schedule)

    def report(self, layer: LayerModule, op_type: str) -> LayerReport:
        """Blocks and how often they run."""
        return LayerReport(
            layer=layer.layer,
            op_type=op_type,
            module=layer.module,
            states=layer.states,
            register_bits=layer.register_bits,
            cycles=self._cycles,
            exact=self._runs.exact,
            operations=dict(sorted(Counter(unit.name for unit in self.allocation.operators.values()).items())),
            loops=block_reports(self.allocation, self.schedule, self._runs.count),
            **connections(layer),
        )
