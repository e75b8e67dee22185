"""Images in turn: each has the bits that it has alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from asnet.hls.nest import IMAGE, Arrangement, Counter, Pipeline, Program, Streamed, arrange, iterations
from asnet.ir import MemoryKind
from tests.hls.nest.loops import computed, contents, convolution, dense, op, quantised
from tests.hls.nest.test_arrange import CYCLES

PROGRAMS = {
    "dense": dense(1, 10, 20, sigmoid=True),
    "conv": convolution(3, 2, 2, 2, 2, relu=True),
    "quantised": quantised(3, 4, 8),
}


@pytest.mark.parametrize(("images", "lanes", "unroll"), [(2, 1, 1), (7, 3, 1), (5, 10, 1), (3, 2, 2)])
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_the_bits_stay(program: Program, images: int, lanes: int, unroll: int) -> None:
    arranged = arrange(program, Arrangement(CYCLES, lanes, unroll, images)).program
    assert arranged.images == images
    alone = [contents(program, seed) for seed in range(images)]
    constant = {memory.name for memory in program.memories if memory.kind == MemoryKind.CONSTANT}
    for words in alone[1:]:
        words |= {name: alone[0][name] for name in constant}
    together = {name: np.concatenate([words[name] for words in alone]) for name in alone[0]}
    found = computed(arranged, together | {name: alone[0][name] for name in constant})
    expected = [computed(program, words) for words in alone]
    for name in found.keys() - constant:
        assert (found[name] == np.concatenate([words[name] for words in expected])).all(), name


def test_images_hide_the_adder() -> None:
    program = dense(1, 10, 784)
    assert iterations(program, Arrangement(CYCLES, 10)) == 784 * 7
    assert iterations(program, Arrangement(CYCLES, 10, interleave=7)) == 784 * 7  # of seven images
    (node,) = arrange(program, Arrangement(CYCLES, 10, interleave=7)).program.body
    assert isinstance(node, Streamed)
    assert node.main.counters == (Counter("k", 784), Counter(IMAGE, 7))
    assert node.tail.counters == (Counter("n.lane", 10), Counter(IMAGE, 7))
    assert [operation.name for operation in node.main.operations if operation.detail == "x"] == ["a"]


def test_images_stay_around_where_there_are_enough_outputs() -> None:
    (node,) = arrange(dense(1, 16, 20), Arrangement(CYCLES, interleave=2)).program.body
    assert isinstance(node, Pipeline)
    assert [counter.name for counter in node.counters] == [IMAGE, "k", "n"]


def test_addresses_from_data_get_the_image_added() -> None:
    (pipeline,) = dense(1, 10, 5).pipelines
    number, place = op("number", "trunc", "a", width=3), op("place", "zext", "number", width=64, widths=3)
    gathered = replace(pipeline.operation["product"], operands=("a2", "w.1"))
    (start, a, w, _, total, put) = pipeline.operations
    operations = (start, a, number, place, op("a2", "load", "place", detail="x"), w, gathered, total, put)
    program = replace(PROGRAMS["dense"], body=(replace(pipeline, operations=operations),))
    (after,) = arrange(program, Arrangement(CYCLES, interleave=2)).program.pipelines
    added = after.operation["a2.image"]
    assert (added.op, added.operands) == ("add", ("place", "x.image"))
    assert after.affine["x.image"].strides == {IMAGE: 20}
    assert after.operation["a2"].operands == ("a2.image",)


def test_a_value_between_loops_keeps_images_apart() -> None:
    (pipeline,) = dense(1, 10, 5).pipelines
    program = replace(PROGRAMS["dense"], body=(replace(pipeline, results=("sum",)),))
    arranged = arrange(program, Arrangement(CYCLES, interleave=2))
    assert arranged.program.images == 1
    assert arranged.notes == ("one image at a time: a value goes from one loop to another",)
