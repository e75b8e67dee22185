"""Kernels become the flat loops that a reader expects."""

from __future__ import annotations

import pytest

from asnet.hls import nest
from asnet.hls.kernel import Constant, Kernel
from asnet.hls.nest import Affine, Condition, Counter, Pipeline, Repeat
from asnet.hls.parsing import parse_kernels
from asnet.hls.simplify import simplify
from asnet.ir import for_hls
from asnet.lower import lower
from asnet.passes import approximate
from asnet.types import FloatMode
from tests.hls.kernels import Program, module_of
from tests.hls.programs import COLLATZ, DOT, DOWNWARDS, SORT, TRANSPOSED_PRODUCT
from tests.lower.conftest import CASES


def kernel_of(program: Program) -> Kernel:
    module = module_of([program], FloatMode.FTZ)
    slots = {slot.symbol: slot for slot in module.slots}
    (kernel,) = parse_kernels(for_hls(module), module.calls, module.memories, slots)
    return simplify(kernel)


def kernels_of(name: str) -> list[Kernel]:
    """The kernels of a small network."""
    (case,) = (case for case in CASES if case.name == name)
    module = approximate(lower(case.network()))
    slots = {slot.symbol: slot for slot in module.slots}
    return [simplify(k) for k in parse_kernels(for_hls(module), module.calls, module.memories, slots)]


def test_a_nest_is_one_pipeline() -> None:
    (pipeline,) = nest.structure(kernel_of(TRANSPOSED_PRODUCT)).body
    assert isinstance(pipeline, Pipeline)
    assert [counter.extent for counter in pipeline.counters] == [3, 4, 5]
    i, j, k = (counter.name for counter in pipeline.counters)
    accesses = {op.detail: pipeline.affine[str(op.operands[0])] for op in pipeline.operations if op.is_memory}
    assert accesses == {
        "matrix.x": Affine({i: 5, k: 1}),
        "matrix.y": Affine({k: 4, j: 1}),
        "matrix.z": Affine({i: 4, j: 1}),
    }
    (store,) = (op for op in pipeline.operations if op.op == "store")
    assert pipeline.conditions == {store.name: Condition({k: (4, 4)})}
    (total,) = pipeline.carried
    assert (total.initial, total.over, total.distance) == (Constant(0, 32), (k,), 1)
    assert pipeline.operation[str(total.following)].op == "fsub"
    assert pipeline.gate == 2
    assert {op.op for op in pipeline.operations} == {"load", "store", "fmul", "fsub"}


def test_chained_accumulators_are_one() -> None:
    (conv,) = nest.structure(kernels_of("conv")[0]).pipelines
    (total,) = conv.carried
    assert len(total.over) == 3
    assert total.distance == 1
    assert conv.operation[str(total.initial)].op == "load"
    assert conv.gate == 3


def test_code_after_a_loop_joins_it() -> None:
    (pipeline,) = nest.structure(kernel_of(DOT)).body
    assert isinstance(pipeline, Pipeline)
    assert pipeline.counters == (Counter("i", 12),)
    (store,) = (op for op in pipeline.operations if op.op == "store")
    assert pipeline.conditions[store.name] == Condition({"i": (11, 11)})


def test_a_loop_that_runs_downwards_counts_upwards() -> None:
    (pipeline,) = nest.structure(kernel_of(DOWNWARDS)).pipelines
    (counter,) = pipeline.counters
    load, store = pipeline.operations
    assert pipeline.affine[str(load.operands[0])] == Affine({counter.name: -1}, 7)
    assert store.operands[0] == counter.name


def test_branches_become_conditions() -> None:
    copy, bubbles = nest.structure(kernel_of(SORT)).pipelines
    assert copy.conditions == {}
    stores = [op for op in bubbles.operations if op.op == "store"]
    assert [bubbles.conditions[op.name] for op in stores] == [Condition({}, ("wrong",))] * 2


def test_loops_around_several_are_repeated() -> None:
    (repeat,) = nest.structure(kernels_of("softmax")[0]).body
    assert isinstance(repeat, Repeat)
    assert repeat.counter.extent == 2
    pipelines = [node for node in repeat.body if isinstance(node, Pipeline) and node.counters]
    assert [pipeline.iterations for pipeline in pipelines] == [10, 10, 10]
    assert all(isinstance(pipeline, Pipeline) and len(pipeline.carried) <= 1 for pipeline in pipelines)
    assert [len(pipeline.results) for pipeline in pipelines] == [1, 1, 0]


def test_what_is_not_counted_is_said() -> None:
    with pytest.raises(nest.NotCounted, match="block 'step"):
        nest.structure(kernel_of(COLLATZ))
