"""Unrolled reductions compute the same bits: floats in their order, integers in any."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asnet.hls.kernel import Constant
from asnet.hls.nest import (
    Affine,
    Arrangement,
    Carried,
    Counter,
    Pipeline,
    Program,
    Streamed,
    arrange,
    iterations,
    possible_lanes,
    possible_unrolls,
)
from tests.hls.nest.loops import computed, contents, convolution, dense, last, memory, op, quantised
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


def test_a_window_is_a_chain_in_its_order() -> None:
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


def test_integer_sums_make_lanes_of_products() -> None:
    """Where outputs are fewer than lanes, several products of each are added up at once."""
    program = PROGRAMS["quantised"]
    assert possible_lanes(program) == (1, 2, 3, 4, 6, 8)
    wish = Arrangement(CYCLES, 6)
    arranged = arrange(program, wish)
    assert arranged.notes == ()
    pipeline = loop(arranged.program)
    assert [operation.op for operation in pipeline.operations].count("mul") == 6
    assert [operation.detail for operation in pipeline.operations].count("x") == 2
    assert iterations(program, wish) == 4 * 4
    before = contents(program)
    assert (computed(arranged.program, before)["y"] == computed(program, before)["y"]).all()
    assert possible_lanes(PROGRAMS["dense"]) == (1, 2, 3, 6, 12)  # floats: all of a sum or one after the other


def test_a_whole_window_needs_no_recurrence() -> None:
    """Without outputs of the same inputs, lanes are those of a window."""
    program = PROGRAMS["depthwise"]
    assert possible_lanes(program) == (1, 3, 9)
    arranged = arrange(program, Arrangement(CYCLES, 9))
    assert arranged.hurried == {"conv"}
    assert not loop(arranged.program).carried


def test_sums_of_partial_results_keep_their_order() -> None:
    """A sum that goes on after a subtraction, or whose parts are looked at, is no sum of integers alone."""
    (pipeline,) = PROGRAMS["quantised"].pipelines
    looked_at = op("seen", "xor", "carry", "a")
    operations = {
        "subtraction": tuple(
            replace(operation, op="sub") if operation.name == "sum" else operation for operation in pipeline.operations
        ),
        "looked at": (
            *(replace(o, operands=("seen", "inputs")) if o.name == "shifted" else o for o in pipeline.operations[:5]),
            looked_at,
            *(replace(o, operands=("seen", "shift")) if o.name == "shifted" else o for o in pipeline.operations[5:]),
        ),
    }
    for made in operations.values():
        program = replace(PROGRAMS["quantised"], body=(replace(pipeline, operations=made),))
        assert possible_lanes(program) == (1, 2, 3, 8)


@pytest.mark.parametrize("unroll", [2, 4])
def test_a_carried_value_may_follow_on_the_counter_itself(unroll: int) -> None:
    """The words of x, of which each iteration reads the one before its own: an address carried over the counter."""
    x, z = memory("x", "input", "int32", 8), memory("z", "output", "int32", 1)
    pipeline = Pipeline(
        name="loop",
        counters=(Counter("i", 4),),
        operations=(
            op("v", "load", "before", detail="x"),
            op("keep", "store", Constant(0, 64), "v", detail="z"),
        ),
        carried=(Carried("before", 64, Constant(7, 64), "i", ("i",), 1, "phi"),),
        conditions={"keep": last({"i": 4}, "i")},
    )
    program = Program("shifted", (x, z), (pipeline,))
    arranged = arrange(program, Arrangement(CYCLES, 1, unroll)).program
    before = contents(program)
    assert loop(arranged).iterations == 4 // unroll
    assert computed(arranged, before)["z"] == computed(program, before)["z"] == before["x"][2]


@pytest.mark.parametrize(("stride", "left"), [(3, 3), (1, 6)])
def test_stores_inside_a_reduction_keep_their_order(stride: int, left: int) -> None:
    """A word that two steps of the reduction store is that of the later one, whatever is inside them."""
    x, z = memory("x", "input", "int32", 6), memory("z", "output", "int32", 6)
    pipeline = Pipeline(
        name="loop",
        counters=(Counter("k", 2), Counter("i", 3)),
        operations=(
            op("v", "load", "read", detail="x"),
            op("sum", "add", "carry", "v"),
            op("keep", "store", "write", "sum", detail="z"),
        ),
        affine={"read": Affine({"k": 3, "i": 1}), "write": Affine({"k": stride, "i": 1})},
        carried=(Carried("carry", 32, Constant(0, 32), "sum", ("k",), 3, "phi"),),
    )
    program = Program("stores", (x, z), (pipeline,))
    arranged = arrange(program, Arrangement(CYCLES, 1, 2)).program
    before = contents(program)
    assert loop(arranged).iterations == left
    assert (computed(arranged, before)["z"] == computed(program, before)["z"]).all()
