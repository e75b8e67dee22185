"""A layer as flat loops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from asnet.hls.dataflow.accesses import LayerTiming, Numbers
from asnet.hls.dataflow.gates import find_gates
from asnet.hls.dataflow.loops import program_timing
from asnet.hls.engine import NO_NEIGHBOURS, Neighbours, emit_engine
from asnet.hls.fusing import program_of
from asnet.hls.kernel import Kernel, Operation
from asnet.hls.layers.planned import connections, loaded
from asnet.hls.layers.setting import Setting
from asnet.hls.layers.wishes import unroll_of
from asnet.hls.module import LayerModule
from asnet.hls.nest import Arrangement, Node, Pipeline, Program, Repeat, Streamed, arrange, made_by_rows
from asnet.hls.options import HlsOptions, Style, Weights
from asnet.hls.planning import LoopPlan, Placed, ProgramPlan, plan_program, recurrence_cycles
from asnet.hls.reporting import LayerReport, LoopReport, OperationReport
from asnet.hls.sequential.order import Span
from asnet.hls.storage import PackedConstant, TiledConstant, TiledMemory, Worth, memory_cost, saves_blocks, store
from asnet.ir import MemoryKind

__all__ = ["PipelinedLayer", "pipelined"]

_STARTED = 1
"""Cycles from the end of a layer to the start of the next one."""


@dataclass(frozen=True)
class PipelinedLayer:
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
        return frozenset(operators).union(*(loaded(loop.pipeline.operations) for loop in self.plan.loops))

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

    def emit(self, module: str, version: str, neighbours: Neighbours = NO_NEIGHBOURS) -> LayerModule:
        """Its Verilog module."""
        own = replace(neighbours, shared=frozenset()) if self.tiles else neighbours
        return emit_engine(self.plan, module, version, own)

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
            **connections(layer),
        )


def pipelined(
    kernel: Kernel, setting: Setting, lanes: int, rows: Collection[str], split_tail: bool | None
) -> PipelinedLayer:
    """``kernel`` as flat loops with so many ``lanes`` at most.

    ``rows``: memories whose words come row after row; ``split_tail``: as of an :class:`~asnet.hls.nest.Arrangement`.

    Raises:
        NotCounted: it is no counted loops.
        NotPipelined: a tail does not keep up with its lanes.
    """

    binder, options = setting.binder, setting.options

    def unit(operation: Operation) -> str | None:
        found = None if operation.is_memory else binder.operator(kernel.layer, operation)
        return found.name if found is not None else None

    program = program_of(kernel, setting.scratch)
    unroll = unroll_of(kernel.layer, options)
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
    stored = store(arranged.program, setting.contents, _worth(options))
    return PipelinedLayer(
        plan_program(stored.program, binder, options, hurried=arranged.hurried),
        _lanes_in(arranged.program),
        stored.constants,
        stored.tiles,
    )


def _worth(options: HlsOptions) -> Worth | None:
    """Which constants shall be outside of the chip."""
    if options.weights is Weights.INTERNAL:
        return None

    def worth(memory: TiledMemory) -> bool:
        if options.inside is None:
            return saves_blocks(memory, options.bus, alone=options.style is Style.DATAFLOW)
        words = memory.tiles * memory.size
        return memory_cost(memory.element_bytes * 8, words, writable=False).blocks > options.inside

    return worth


def _lanes_in(program: Program) -> int:
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


def _work(plan: ProgramPlan) -> int | None:
    """Operations per image of the operator that has most of them; None without operators."""
    work: Counter[str] = Counter()
    for loop in plan.layout.loops:
        for operator in loop.plan.operators.values():
            work[operator.name] += loop.plan.pipeline.iterations * loop.runs
    return max(work.values(), default=None)


def _resource(plan: LoopPlan, operation: str) -> str | None:
    """The unit or the memory port that an operation occupies, for people."""
    if operation in plan.operators:
        return plan.operators[operation].title
    return plan.resources[operation].name if operation in plan.resources else None


def _loop(placed: Placed) -> LoopReport:
    plan, pipeline = placed.plan, placed.plan.pipeline
    operations = tuple(
        OperationReport(
            name=operation.name,
            start=plan.start(operation.name),
            latency=plan.ready(operation.name) - plan.start(operation.name),
            resource=_resource(plan, operation.name),
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
