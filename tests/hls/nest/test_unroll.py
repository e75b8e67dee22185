"""Unrolled reductions compute the same bits: floats in their order, integers in any."""

from __future__ import annotations

import pytest

from asnet.hls.nest import Arrangement, Pipeline, Program, Streamed, arrange, iterations, possible_unrolls
from tests.hls.nest.loops import computed, contents, convolution, dense, quantised
from tests.hls.nest.test_arrange import CYCLES

PROGRAMS = {
    "conv": convolution(4, 2, 3, 4, 3, relu=True),
    "depthwise": convolution(6, 1, 2, 3, 3, depthwise=True),
    "dense": dense(1, 6, 12),
    "quantised": quantised(3, 4, 8),
}


@pytest.mark.parametrize(("unroll", "lanes"), [(2, 1), (3, 1), (3, 2), (4, 2), (8, 1), (9, 2), (12, 1), (18, 1)])
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_the_bits_stay(program: Program, unroll: int, lanes: int) -> None:
    arranged = arrange(program, Arrangement(CYCLES, lanes, unroll)).program
    before = contents(program)
    expected, found = computed(program, before), computed(arranged, before)
    for name, words in expected.items():
        assert (found[name] == words).all(), name


def loop(program: Program) -> Pipeline:
    (node,) = program.body
    assert isinstance(node, Pipeline | Streamed)
    return node.main if isinstance(node, Streamed) else node


def test_factors_divide_the_innermost_counters_first() -> None:
    assert possible_unrolls(PROGRAMS["conv"]) == (1, 3, 9, 18)
    assert possible_unrolls(PROGRAMS["quantised"]) == (1, 2, 4, 8)
    arranged = arrange(PROGRAMS["conv"], Arrangement(CYCLES, unroll=12))
    assert arranged.notes == ("9 iterations of conv at once instead of 12: they divide its reduction",)


def test_a_whole_window_needs_no_recurrence() -> None:
    pipeline = loop(arrange(PROGRAMS["depthwise"], Arrangement(CYCLES, unroll=9)).program)
    assert not pipeline.carried
    assert [counter.extent for counter in pipeline.counters] == [6, 2, 3]
    assert pipeline.conditions == {}
    chain = [operation for operation in pipeline.operations if operation.op == "fadd"]
    sums = [f"sum{x}{y}" for y in (".u1.0", ".u1.1", "") for x in (".u0.0", ".u0.1", "")]
    assert [operation.name for operation in chain] == sums
    assert [operation.operands[0] for operation in chain] == ["start", *sums[:-1]]
    assert iterations(PROGRAMS["depthwise"], Arrangement(CYCLES, unroll=9)) == 36


def test_chains_of_floats_take_as_many_outputs_in_between() -> None:
    pipeline = loop(arrange(PROGRAMS["conv"], Arrangement(CYCLES, unroll=3)).program)
    (total,) = pipeline.carried
    assert total.distance >= 21
    assert total.following == "sum"


def depth(pipeline: Pipeline, value: object) -> int:
    made = pipeline.operation.get(str(value))
    return 0 if made is None else (made.op == "add") + max(depth(pipeline, operand) for operand in made.operands)


def test_sums_of_integers_become_trees() -> None:
    pipeline = loop(arrange(PROGRAMS["quantised"], Arrangement(CYCLES, unroll=8, split_tail=False)).program)
    (scaled,) = (operation for operation in pipeline.operations if operation.name == "shift")
    assert depth(pipeline, scaled.operands[0]) == 4  # nine numbers
    pipeline = loop(arrange(PROGRAMS["quantised"], Arrangement(CYCLES, unroll=4)).program)
    (total, inputs) = pipeline.carried
    for carried in (total, inputs):
        assert pipeline.operation[str(carried.following)].operands[-1] == carried.name
        assert depth(pipeline, carried.following) == 3
