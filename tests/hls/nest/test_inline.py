"""Layers whose words are computed where they are read: the same bits in what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from onnx import helper

from asnet.cache import default_cache
from asnet.hls import nest
from asnet.hls.fusing import joined_layers
from asnet.hls.memories import scratch_memories
from asnet.ir.jit import Engine
from asnet.lower import lower
from asnet.passes import approximate
from tests.hls.nest.golden import before, differing, exact, kernels_of, words
from tests.hls.nest.test_arrange import CYCLES
from tests.hls.nest.test_fuse import LAYERS
from tests.lower.conftest import CASES, Case, build, integers, weights

MORE = {
    "scaled-skip": build(
        "scaled-skip",
        [
            helper.make_node("Mul", ["z", "f"], ["g"], name="scale"),
            helper.make_node("Conv", ["x", "k"], ["c"], name="conv"),
            helper.make_node("Add", ["c", "g"], ["s"], name="add"),
            helper.make_node("Relu", ["s"], ["y"], name="relu"),
        ],
        {"x": (1, 2, 3, 3), "z": (1, 2, 3, 3)},
        {"k": weights(2, 2, 1, 1), "f": weights(1)},
    ),
    "slice": build(
        "slice",
        [
            helper.make_node("Slice", ["x", "from", "to", "axis"], ["s"], name="slice"),
            helper.make_node("Conv", ["s", "k"], ["y"], name="conv", pads=[1, 1, 1, 1]),
        ],
        {"x": (1, 3, 4, 5)},
        {"k": weights(2, 2, 3, 3), "from": integers(1), "to": integers(3), "axis": integers(1)},
    ),
    "dear": build(
        "dear",
        [
            helper.make_node("Sigmoid", ["x"], ["g"], name="gate"),
            helper.make_node("Conv", ["g", "k"], ["y"], name="conv"),
        ],
        {"x": (1, 2, 3, 3)},
        {"k": weights(2, 2, 2, 2)},
    ),
}


def left_of(case: Case, lanes: int) -> tuple[Sequence[nest.Program], Mapping[str, str]]:
    """The layers of ``case`` moved both ways and arranged, the words of what is left compared with the JIT's."""
    network = case.network()
    plain, module = lower(network), approximate(lower(network))
    images = {name: values[[0, 2]] for name, values in case.images().items()}
    engine = Engine(plain, cache=default_cache())
    state = engine.state(2)
    engine.run(images, state=state)
    programs, into = joined_layers(
        [nest.structure(kernel) for kernel in kernels_of(module)], scratch_memories(module), 1
    )
    kept = {name for program in programs for name in program.memory}
    for image in range(2):
        memories = before(module, state, image)
        for program in programs:
            arranged = nest.arrange(program, nest.Arrangement(CYCLES, lanes)).program
            nest.run(arranged, memories, module.mode, exact(module))
        for name in {name for call in module.calls for name in call.writes} & kept:
            expected = words(engine.memory(state, name)[image])
            assert differing(module.memories[name].dtype, memories[name], expected) == 0, name
    return programs, into


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize(
    ("name", "into", "removed"),
    [
        ("scaled-skip", {"scale": "conv", "add": "conv", "relu": "conv"}, ("c", "g", "s")),
        ("slice", {"slice": "conv"}, ("s",)),
        ("dear", {}, ()),
    ],
)
def test_layers(name: str, into: dict[str, str], removed: tuple[str, ...], lanes: int) -> None:
    programs, found = left_of(MORE[name], lanes)
    assert found == into
    assert {*removed}.isdisjoint(memory for program in programs for memory in program.memory)


@pytest.mark.parametrize(
    "case",
    [*LAYERS.values(), *(case for case in CASES if len(case.model.graph.node) > 1)],
    ids=lambda case: case.name,
)
def test_graphs(case: Case) -> None:
    left_of(case, 2)


def test_a_window_reads_a_slice_in_place() -> None:
    (program,), _ = left_of(MORE["slice"], 1)
    (pipeline,) = program.pipelines
    (load,) = (op for op in pipeline.operations if op.op == "load" and op.detail == "x")
    offset = pipeline.affine[str(load.operands[0])].offset
    assert offset == np.ravel_multi_index((1, 0, 0), (3, 4, 5)) - 5 - 1
