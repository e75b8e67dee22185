"""Padding is no pass over memories: a window reads the array itself, and the number outside of it."""

from __future__ import annotations

import pytest

from asnet.hls import nest
from asnet.hls.kernel import Constant, Operation
from asnet.hls.memories import scratch_memories
from asnet.hls.nest import Affine, Counter, Pipeline, Program
from asnet.ir import Memory, MemoryKind
from asnet.lower import lower
from asnet.passes import approximate
from tests.hls.nest.golden import check, kernels_of
from tests.lower.conftest import CASES, Case
from tests.lower.test_quantised import CASES as QUANTISED

PADDED = [
    case
    for case in (*CASES, *QUANTISED)
    if case.name.startswith(("conv", "maxpool", "avgpool", "qconv", "dynamic"))
    and any("padded" in name or "quantised" in name for name in lower(case.network()).memories)
]


@pytest.mark.parametrize("case", PADDED, ids=lambda case: case.name)
def test_every_padded_operator(case: Case) -> None:
    network = case.network()
    module = approximate(lower(network))
    images = {name: values[:2] for name, values in case.images().items()}
    programs = check(lower(network), module, images, lambda program: nest.forwarded(program, scratch_memories(module)))
    for program in programs.values():
        assert isinstance(program, Program)
        assert not any("padded" in name for name in program.memory)


def test_a_padded_convolution_is_one_pipeline() -> None:
    (case,) = (case for case in CASES if case.name == "conv-strides")
    module = approximate(lower(case.network()))
    program = nest.structure(kernels_of(module)[0])
    assert [pipeline.iterations for pipeline in program.pipelines] == [112, 84, 144]
    (pipeline,) = nest.forwarded(program, scratch_memories(module)).pipelines
    assert pipeline.iterations == 144
    tests = [op for op in pipeline.operations if op.op == "icmp"]
    bounds = [(pipeline.affine[str(op.operands[0])], op.operands[1]) for op in tests]
    _, row, column, _, ky, kx = (counter.name for counter in pipeline.counters)
    assert bounds == [
        (Affine({row: 2, ky: 1}, -1), Constant(7, 4)),
        (Affine({column: 3, kx: 1}, -1), Constant(6, 4)),
    ]
    (word,) = (op for op in pipeline.operations if op.op == "select")
    assert word.operands[2] == Constant(0, 32)


def copying(index: Affine, source: str = "x", value: str = "v") -> Program:
    """s[i] = x[i] for 8 words, then y[i] = s[index] for 4."""
    first = Pipeline(
        "first",
        (Counter("i", 8),),
        (
            Operation("v", "load", ("i",), 32, (64,), "", source),
            Operation("w", "fadd", ("v", "v"), 32, (32, 32), ""),
            Operation("p", "store", ("i", value), 0, (64, 32), "", "s"),
        ),
    )
    second = Pipeline(
        "second",
        (Counter("j", 4),),
        (
            Operation("u", "load", ("at",), 32, (64,), "", "s"),
            Operation("q", "store", ("j", "u"), 0, (64, 32), "", "y"),
        ),
        {"at": index},
    )
    memories = tuple(Memory(name, MemoryKind.ACTIVATION, "float32", (8,), 0) for name in "xsy")
    return Program("copy", memories, (first, second))


def test_a_copy_is_read_where_it_comes_from() -> None:
    program = nest.forwarded(copying(Affine({"j": 2}, 1)), ["s"])
    (pipeline,) = program.pipelines
    load, store = pipeline.operations
    assert (load.detail, pipeline.affine[str(load.operands[0])]) == ("x", Affine({"j": 2}, 1))
    assert store.operands == ("j", load.name)
    assert [memory.name for memory in program.memories] == ["x", "y"]


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (copying(Affine({"j": 1}, 5)), "words that were never written"),
        (copying(Affine({"j": 1}), value="w"), "an addition at every reading"),
        (copying(Affine({"j": 1}), source="y"), "a memory that is written meanwhile"),
        (copying(Affine({"j": 1}), source="s"), "a memory that is read while it is written"),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_what_is_not_forwarded(program: Program, why: str) -> None:
    assert why
    assert nest.forwarded(program, ["s"]) is program


def test_other_memories_stay() -> None:
    program = copying(Affine({"j": 1}))
    assert nest.forwarded(program, []) is program
