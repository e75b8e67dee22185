"""A layer's engine: pipelined flat loops wherever control is counted loops, else the general controller."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Protocol, TypedDict

from asnet.hls.binder import Binder
from asnet.hls.dataflow.accesses import LayerTiming, Numbers
from asnet.hls.dataflow.blocks import kernel_timing
from asnet.hls.dataflow.gates import find_gates
from asnet.hls.dataflow.loops import program_timing
from asnet.hls.engine import emit_engine
from asnet.hls.fsm.allocation import Allocation, allocate
from asnet.hls.fsm.binding import bind
from asnet.hls.fsm.layer import emit_layer
from asnet.hls.fsm.report import block_reports
from asnet.hls.fsm.schedule import Schedule
from asnet.hls.fsm.schedulers import make_schedule
from asnet.hls.fusing import FusedKernel, NotFused, program_of
from asnet.hls.kernel import Kernel, Operation
from asnet.hls.loops import executions
from asnet.hls.module import LayerModule
from asnet.hls.nest import (
    Arrangement,
    Node,
    NotCounted,
    Pipeline,
    Program,
    Repeat,
    Streamed,
    arrange,
    made_by_rows,
)
from asnet.hls.options import HlsOptions, Weights
from asnet.hls.planning import Gate, NotPipelined, Placed, ProgramPlan, Trigger, plan_program, recurrence_cycles
from asnet.hls.ranges import widths
from asnet.hls.reporting import LayerReport, LoopReport, OperationReport
from asnet.hls.sequential.order import Span
from asnet.hls.storage import PackedConstant, TiledConstant, store
from asnet.ir import MemoryKind
from asnet.types import Array

__all__ = ["PlannedLayer", "images_of", "lanes_in", "lanes_of", "plan_layer"]

_OVERHEAD = 2
"""Cycles per layer of the general engine in which it is started and its end is noticed."""

_STARTED = 1
"""Cycles from the end of a layer to the start of the next one."""


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

    def emit(
        self,
        module: str,
        version: str,
        handover: Trigger | None = None,
        shared: Set[str] = frozenset(),
        gate: Gate | None = None,
    ) -> LayerModule:
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


def lanes_of(layer: str, options: HlsOptions) -> int:
    """The lanes that the user wants for ``layer``."""
    return _wanted(layer, options.parallel)


def images_of(layer: str, options: HlsOptions) -> int:
    """The images that the user wants ``layer`` to work on at once."""
    return _wanted(layer, options.interleave)


def _wanted(layer: str, choices: Mapping[str, int]) -> int:
    """What the last of the globs that match ``layer`` says; 1 if none does."""
    return next((number for pattern, number in reversed([*choices.items()]) if fnmatchcase(layer, pattern)), 1)


def lanes_in(program: Program) -> int:
    """The lanes that a program has."""

    def lanes(node: Node) -> int:
        match node:
            case Pipeline():
                return 1
            case Streamed():
                return max(len(names) for names in node.values.values())
            case Repeat():
                return max((lanes(inner) for inner in node.body), default=1)

    return max((lanes(node) for node in program.body), default=1)


def plan_layer(
    kernel: Kernel,
    binder: Binder,
    options: HlsOptions,
    contents: Mapping[str, Array],
    lanes: int = 1,
    scratch: Collection[str] = (),
    rows: Collection[str] = (),
) -> PlannedLayer:
    """Decide how ``kernel`` runs.

    ``contents``: of all constant memories there are, by name. ``scratch``: memories that no other layer accesses, which
    it need not have. ``rows``: memories whose words come row after row; of those alone a layer makes rows as well.

    Raises:
        SynthesisError: an operation without operator, or a schedule that contradicts itself.
        NotFused: layers that are no pipeline together.
    """
    for wanted, split_tail in ((lanes, None), (1, False)) if options.pipelined else ():
        try:
            return _pipelined(kernel, binder, options, contents, scratch, rows, wanted, split_tail)
        except NotPipelined:
            continue
        except NotCounted:
            break
    if isinstance(kernel, FusedKernel):
        raise NotFused(kernel.layer)
    allocation = allocate(binder, kernel, widths(kernel), options.chain)
    return _General(allocation, make_schedule(allocation, options.scheduler))


def _pipelined(
    kernel: Kernel,
    binder: Binder,
    options: HlsOptions,
    contents: Mapping[str, Array],
    scratch: Collection[str],
    rows: Collection[str],
    lanes: int,
    split_tail: bool | None,
) -> _Pipelined:
    """``kernel`` as flat loops. ``split_tail``: as of an :class:`~asnet.hls.nest.Arrangement`.

    Raises:
        NotCounted: it is no counted loops.
        NotPipelined: a tail does not keep up with its lanes.
    """

    def unit(operation: Operation) -> str | None:
        found = None if operation.is_memory else binder.operator(kernel.layer, operation)
        return found.name if found is not None else None

    program = program_of(kernel, scratch)
    unroll = _wanted(kernel.layer, options.unroll)
    wish = Arrangement(
        recurrence_cycles(binder, kernel.layer, options.clock),
        lanes,
        unroll,
        split_tail=split_tail,
        unit=unit,
        rows=all(
            operation.detail in rows
            for pipeline in program.pipelines
            for operation in pipeline.operations
            if operation.op == "load" and program.memory[operation.detail].kind is not MemoryKind.CONSTANT
        ),
    )
    arranged = arrange(program, wish)
    stored = store(arranged.program, contents, external=options.weights is Weights.EXTERNAL)
    return _Pipelined(
        plan_program(stored.program, binder, options, hurried=arranged.hurried),
        lanes_in(arranged.program),
        stored.constants,
        stored.tiles,
    )


@dataclass(frozen=True)
class _General:
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
        return frozenset(operators) | _loaded(self.allocation.kernel.operation.values())

    @property
    def rows(self) -> frozenset[str]:
        """None: loops run in the order of the text."""
        return frozenset()

    @property
    def span(self) -> Span:
        """How long it takes, where that does not depend on data."""
        runs = executions(self.allocation.kernel)
        if runs.count is None or not runs.exact:
            return Span(None, None)
        lengths = {name: block.length for name, block in self.schedule.blocks.items()}
        return Span(_OVERHEAD - 1 + sum(length * runs.count[name] for name, length in lengths.items()), None)

    def emit(
        self,
        module: str,
        version: str,
        handover: Trigger | None = None,
        shared: Set[str] = frozenset(),
        gate: Gate | None = None,
    ) -> LayerModule:
        """Its Verilog module: the general controller has none of the ports that let others run at the same time."""
        assert handover is None and gate is None
        return emit_layer(bind(self.allocation, self.schedule), module, version)

    def timing(self, arrival: Mapping[str, Numbers] | None = None) -> LayerTiming | None:
        """When it writes which word; None if that depends on data. It waits for whole images."""
        return kernel_timing(self.allocation.kernel, self.schedule)

    def report(self, layer: LayerModule, op_type: str) -> LayerReport:
        """Blocks and how often they run."""
        runs = executions(self.allocation.kernel)
        lengths = {name: block.length for name, block in self.schedule.blocks.items()}
        cycles = None
        if runs.count is not None:
            cycles = _OVERHEAD + sum(length * runs.count[name] for name, length in lengths.items())
        return LayerReport(
            layer=layer.layer,
            op_type=op_type,
            module=layer.module,
            states=layer.states,
            register_bits=layer.register_bits,
            cycles=cycles,
            exact=runs.exact,
            operations=dict(sorted(Counter(unit.name for unit in self.allocation.operators.values()).items())),
            loops=block_reports(self.allocation, self.schedule, runs.count),
            **_connections(layer),
        )


@dataclass(frozen=True)
class _Pipelined:
    """Flat loops."""

    plan: ProgramPlan
    lanes: int
    constants: tuple[PackedConstant, ...]
    tiles: tuple[TiledConstant, ...] = ()

    @property
    def layer(self) -> str:
        """Its name."""
        return self.plan.program.layer

    @property
    def uses(self) -> frozenset[str]:
        """The operators that it uses and the memories that it reads."""
        operators = {operator.name for loop in self.plan.loops for operator in loop.operators.values()}
        return frozenset(operators).union(*(_loaded(loop.pipeline.operations) for loop in self.plan.loops))

    @property
    def rows(self) -> frozenset[str]:
        """The memories with arrays of several channels that it makes row after row."""
        return made_by_rows(self.plan.program)

    @property
    def span(self) -> Span:
        """When everything happens."""
        if self.tiles:
            return Span(None, None)
        return Span(self.plan.layout.cycles, self.plan.layout)

    def emit(
        self,
        module: str,
        version: str,
        handover: Trigger | None = None,
        shared: Set[str] = frozenset(),
        gate: Gate | None = None,
    ) -> LayerModule:
        """Its Verilog module."""
        apart = frozenset[str]() if self.tiles else shared
        return emit_engine(self.plan, module, version, handover=handover, shared=apart, gate=gate)

    def timing(self, arrival: Mapping[str, Numbers] | None = None) -> LayerTiming:
        """When it writes which word, and where it waits for words."""
        timing = program_timing(self.plan)
        return replace(timing, gates=find_gates(self.plan, timing, arrival)) if arrival else timing

    def report(self, layer: LayerModule, op_type: str) -> LayerReport:
        """Loops, their schedules, and when they run."""
        used = Counter(unit.name for loop in self.plan.loops for unit in loop.operators.values())
        return LayerReport(
            layer=layer.layer,
            op_type=op_type,
            module=layer.module,
            states=layer.states,
            register_bits=layer.register_bits,
            cycles=self.plan.layout.cycles + _STARTED,
            exact=not self.tiles,
            operations=dict(sorted(used.items())),
            loops=tuple(_loop(placed) for placed in self.plan.layout.loops),
            lanes=self.lanes,
            work=_work(self.plan),
            engine="pipelined",
            **_connections(layer),
        )


class _Connections(TypedDict):
    reads: tuple[str, ...]
    writes: tuple[str, ...]


def _connections(layer: LayerModule) -> _Connections:
    """The memories that a layer reads and writes."""
    return {
        "reads": tuple(port.memory.name for port in layer.memories if port.reads),
        "writes": tuple(port.memory.name for port in layer.memories if port.writes),
    }


def _loaded(operations: Iterable[Operation]) -> frozenset[str]:
    return frozenset(operation.detail for operation in operations if operation.op == "load")


def _work(plan: ProgramPlan) -> int | None:
    """Operations per image of the operator that has most of them; None without operators."""
    work: Counter[str] = Counter()
    for loop in plan.layout.loops:
        for operator in loop.plan.operators.values():
            work[operator.name] += loop.plan.pipeline.iterations * loop.runs
    return max(work.values(), default=None)


def _loop(placed: Placed) -> LoopReport:
    plan, pipeline = placed.plan, placed.plan.pipeline
    operations = tuple(
        OperationReport(
            name=operation.name,
            start=plan.start(operation.name),
            latency=plan.ready(operation.name) - plan.start(operation.name),
            resource=plan.resources[operation.name].name if operation.name in plan.resources else None,
            source=operation.source,
        )
        for operation in pipeline.operations
    )
    return LoopReport(
        name=pipeline.name,
        counters={counter.name: counter.extent for counter in pipeline.counters},
        iterations=pipeline.iterations * placed.runs,
        interval=plan.interval if pipeline.iterations > 1 else 0,
        depth=plan.depth,
        limit=plan.solution.limit.text,
        operations=operations,
        start=placed.start,
        runs=placed.runs,
    )
