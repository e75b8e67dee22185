"""Arrangements compute the same bits as the source's order, and take the iterations that they should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from asnet.hls.kernel import Operation
from asnet.hls.nest import (
    Affine,
    Arrangement,
    Counter,
    Pipeline,
    Program,
    Streamed,
    arrange,
    iterations,
    longest_recurrence,
    possible_lanes,
)
from tests.hls.nest.loops import computed, contents, convolution, dense, memory, op, quantised


def latency(operation: Operation) -> int:
    return {"fadd": 7, "fmul": 5, "call": 5, "load": 2}.get(operation.op, 0)


CYCLES = longest_recurrence(latency)

PROGRAMS = {
    "conv": convolution(4, 2, 3, 8, 3),
    "conv-narrow": convolution(5, 2, 4, 3, 3, relu=True),
    "conv-pointwise": convolution(7, 6, 2, 2, 1),
    "conv-one-pixel": convolution(10, 4, 1, 1, 3),
    "conv-wide": convolution(2, 1, 2, 46, 2),
    "depthwise": convolution(6, 1, 3, 5, 3, depthwise=True, relu=True),
    "dense": dense(1, 16, 20),
    "dense-small": dense(1, 10, 16, sigmoid=True),
    "dense-prime": dense(1, 23, 5),
    "dense-long": dense(1, 131, 5),
    "dense-rows": dense(3, 5, 8, sigmoid=True),
    "dense-one": dense(1, 2, 30),
    "quantised": quantised(6, 5, 7),
}


def test_the_loops_compute_a_convolution() -> None:
    program = convolution(2, 3, 2, 2, 2)
    before = contents(program)
    x, w, b = (before[name].view(np.float32).reshape(program.memory[name].shape) for name in "xwb")
    expected = [
        b[o] + sum((x[:, i : i + 2, j : j + 2] * w[o]).ravel()) for o in range(2) for i in range(2) for j in range(2)
    ]
    np.testing.assert_allclose(computed(program, before)["y"].view(np.float32), expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(("lanes", "split_tail"), [(1, None), (1, True), (2, None), (3, None), (7, None)])
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_every_arrangement_keeps_the_bits(program: Program, lanes: int, split_tail: bool | None) -> None:
    arranged = arrange(program, Arrangement(CYCLES, lanes, split_tail=split_tail)).program
    before = contents(program)
    expected, found = computed(program, before), computed(arranged, before)
    for name, words in expected.items():
        assert (found[name] == words).all(), name
    if split_tail:
        assert any(isinstance(node, Streamed) for node in arranged.body)


def only(program: Program) -> Pipeline | Streamed:
    (node,) = program.body
    assert isinstance(node, Pipeline | Streamed)
    return node


def main(program: Program) -> Pipeline:
    node = only(program)
    return node.main if isinstance(node, Streamed) else node


@pytest.mark.parametrize(
    ("name", "lanes", "counters", "distance"),
    [
        ("conv", 1, "o4 y3 c2 ky3 kx3 x8", 8),
        ("conv", 2, "o.outer2 y3 c2 ky3 kx3 x8", 8),
        ("conv-narrow", 1, "o5 c2 ky3 kx3 y4 x3", 12),
        ("conv-wide", 1, "o2 y2 x.outer2 ky2 kx2 x.inner23", 23),
        ("conv-one-pixel", 1, "c4 ky3 kx3 o10", 10),
        ("conv-one-pixel", 4, "c4 ky3 kx3 o.inner7", 7),
        ("conv-pointwise", 1, "c6 o7 y2 x2", 28),
        ("dense", 1, "k20 n16", 16),
        ("dense", 2, "k20 n.inner8", 8),
        ("dense-prime", 1, "k5 n23", 23),
        ("dense-long", 1, "n.outer12 k5 n.inner11", 11),
        ("dense-one", 1, "k30 n.inner7", 7),
        ("quantised", 3, "o.outer2 p5 c7", 1),
    ],
)
def test_iterations_inside_a_reduction(name: str, lanes: int, counters: str, distance: int) -> None:
    pipeline = main(arrange(PROGRAMS[name], Arrangement(CYCLES, lanes)).program)
    assert " ".join(f"{counter.name}{counter.extent}" for counter in pipeline.counters) == counters
    assert {carried.distance for carried in pipeline.carried} == {distance}


def test_lanes_read_the_inputs_once() -> None:
    node = only(arrange(PROGRAMS["quantised"], Arrangement(CYCLES, 3)).program)
    assert isinstance(node, Streamed)
    loads = [(operation.name, operation.detail) for operation in node.main.operations if operation.op == "load"]
    assert [name for name, detail in loads if detail == "x"] == ["a8"]
    assert [name for name, detail in loads if detail == "w"] == ["w8.l0", "w8.l1", "w8.l2"]
    assert [item.name for item in node.main.carried] == ["carry.l0", "carry.l1", "carry.l2", "carry.1"]
    assert node.values == {"sum.result": ("sum.l0", "sum.l1", "sum.l2"), "inputs.result": ("inputs",) * 3}
    assert node.tail.counters == (Counter("o.outer", 2), Counter("p", 5), Counter("o.lane", 3))
    assert not any(operation.op == "store" for operation in node.main.operations)


def test_the_tail_has_only_what_follows_the_sum() -> None:
    node = only(arrange(PROGRAMS["dense-small"], Arrangement(CYCLES)).program)
    assert isinstance(node, Streamed)
    assert [operation.name for operation in node.tail.operations] == ["square", "cube", "put"]
    assert set(node.values) == {"sum.result", "start.result"}
    assert only(arrange(PROGRAMS["dense-small"], Arrangement(CYCLES, split_tail=False)).program) is not node


@pytest.mark.parametrize(
    ("name", "lanes", "note"),
    [
        ("dense-prime", 7, "dense: 5 outputs at once instead of 7 lanes; more would not be faster"),
        ("dense-small", 12, "dense: 10 outputs at once instead of 12 lanes; more would not be faster"),
        ("dense-small", 8, "dense: 5 outputs at once instead of 8 lanes; more would not be faster"),
        ("quantised", 15, "quantised: 1 output x 7 products at once instead of 15 lanes; more would not be faster"),
        ("depthwise", 2, "conv: 1 output at once instead of 2 lanes; more would not be faster"),
    ],
)
def test_lanes_that_cannot_be_are_told(name: str, lanes: int, note: str) -> None:
    assert note in arrange(PROGRAMS[name], Arrangement(CYCLES, lanes)).notes


def test_no_lanes_are_told() -> None:
    arranged = arrange(replace(PROGRAMS["dense"], body=()), Arrangement(CYCLES, 2))
    assert arranged.notes == ("no lanes: no loop reduces its inputs to several outputs",)


def test_the_choice_of_lanes() -> None:
    assert possible_lanes(PROGRAMS["dense-small"]) == (1, 2, 3, 4, 5, 10, 16)
    assert possible_lanes(PROGRAMS["dense-prime"]) == (1, 2, 3, 4, 5)
    assert possible_lanes(PROGRAMS["depthwise"]) == (1, 3, 9)
    program = PROGRAMS["dense-small"]
    assert [iterations(program, Arrangement(CYCLES, lanes)) for lanes in (1, 2, 10)] == [160, 112, 112]
    assert iterations(dense(1, 1 << 4, 64), Arrangement(CYCLES)) == 1024


def test_dependent_iterations_stay() -> None:
    """Outputs that overlap keep the order of the source."""
    for program, strides in ((PROGRAMS["dense"], {"n": 0}), (PROGRAMS["conv"], {"o": 40, "y": 8, "x": 2})):
        (pipeline,) = program.pipelines
        changed = replace(pipeline, affine={**pipeline.affine, "write": Affine(strides)})
        overlapping = replace(program, body=(changed,))
        assert arrange(overlapping, Arrangement(CYCLES, 2)).program == overlapping


@pytest.mark.parametrize("lanes", [1, 2, 3])
@pytest.mark.parametrize("name", ["dense-one", "dense-prime", "dense-long", "conv-one-pixel"])
def test_what_a_loop_leaves_is_of_its_last_output(name: str, lanes: int) -> None:
    """Neither an iteration that is there for the distance only nor another lane comes last."""
    program = PROGRAMS[name]
    (pipeline,) = program.pipelines
    keep = Pipeline("after", (), (op("kept", "store", "place", "sum", detail="last"),), {"place": Affine({})})
    leaving = replace(
        program,
        memories=(*program.memories, memory("last", "output", "float32", 1)),
        body=(replace(pipeline, results=("sum",)), keep),
    )
    before = contents(leaving)
    arranged = arrange(leaving, Arrangement(CYCLES, lanes)).program
    assert computed(arranged, before)["last"] == computed(leaving, before)["last"]
