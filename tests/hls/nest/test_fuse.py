"""Layers that work word by word become part of the layer before them, and compute the same bits there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from asnet.cache import default_cache
from asnet.hls import nest
from asnet.ir import Module
from asnet.ir.jit import Engine
from asnet.lower import lower
from asnet.network import Network, load
from asnet.passes import approximate
from asnet.types import Array
from tests.hls.nest.golden import before, differing, exact, kernels_of, words
from tests.hls.nest.test_arrange import CYCLES
from tests.lower.conftest import CASES, Case, build, weights

NETWORKS = Path(__file__).resolve().parents[3] / "examples" / "networks"

MOST = 20
"""Operations of a unit for each word: enough for a sigmoid."""

LAYERS = {
    "conv-bn-relu": build(
        "conv-bn-relu",
        [
            helper.make_node("Conv", ["x", "k"], ["c"], name="conv"),
            helper.make_node("BatchNormalization", ["c", "a", "b", "m", "v"], ["n"], name="norm"),
            helper.make_node("Relu", ["n"], ["r"], name="relu"),
            helper.make_node("MaxPool", ["r"], ["y"], name="pool", kernel_shape=[2, 2]),
        ],
        {"x": (1, 2, 5, 4)},
        {"k": weights(3, 2, 2, 2)} | {key: np.abs(weights(3)) for key in "abmv"},
    ),
    "skip": build(
        "skip",
        [
            helper.make_node("Conv", ["x", "k"], ["c"], name="one"),
            helper.make_node("Conv", ["x", "l"], ["d"], name="two"),
            helper.make_node("Add", ["c", "d"], ["s"], name="add"),
            helper.make_node("Relu", ["s"], ["r"], name="relu"),
            helper.make_node("Conv", ["r", "m"], ["t"], name="three"),
            helper.make_node("Add", ["t", "r"], ["y"], name="last"),
        ],
        {"x": (1, 2, 3, 3)},
        {"k": weights(2, 2, 1, 1), "l": weights(2, 2, 1, 1), "m": weights(2, 2, 1, 1)},
    ),
    "used-twice": build(
        "used-twice",
        [
            helper.make_node("Conv", ["x", "k"], ["c"], name="conv"),
            helper.make_node("Relu", ["c"], ["r"], name="relu"),
            helper.make_node("Add", ["c", "r"], ["y"], name="add"),
        ],
        {"x": (1, 2, 3, 3)},
        {"k": weights(2, 2, 2, 2)},
    ),
    "row": build(
        "row",
        [
            helper.make_node("Gemm", ["x", "k"], ["c"], name="dense"),
            helper.make_node("Sigmoid", ["c"], ["s"], name="gate"),
            helper.make_node("Mul", ["s", "f"], ["y"], name="scale"),
        ],
        {"x": (1, 24)},
        {"k": weights(24, 4), "f": weights(4)},
    ),
}


def compared(network: Network, inputs: dict[str, Array], wish: nest.Arrangement | None) -> tuple[Module, nest.Fused]:
    """The layers of ``network`` fused, and arranged, their words compared with the JIT's."""
    plain, module = lower(network), approximate(lower(network))
    engine = Engine(plain, cache=default_cache())
    state = engine.state(len(next(iter(inputs.values()))))
    engine.run(dict(inputs), state=state)
    fused = nest.fuse([nest.structure(kernel) for kernel in kernels_of(module)], most=MOST)
    for image in range(len(next(iter(inputs.values())))):
        memories = before(module, state, image)
        for program in fused.programs:
            arranged = nest.arrange(program, wish).program if wish is not None else program
            nest.run(arranged, memories, module.mode, exact(module))
        for name in {name for call in module.calls for name in call.writes} - {*fused.removed}:
            expected = words(engine.memory(state, name)[image])
            assert differing(module.memories[name].dtype, memories[name], expected) == 0, name
    return module, fused


@pytest.mark.parametrize("lanes", [0, 2])
@pytest.mark.parametrize(
    ("case", "into", "removed"),
    [
        (LAYERS["conv-bn-relu"], {"norm": "conv", "relu": "conv"}, ("c", "n")),
        (LAYERS["skip"], {"add": "two", "relu": "two"}, ("d", "s")),
        (LAYERS["used-twice"], {"relu": "conv", "add": "conv"}, ("r", "c")),
        (LAYERS["row"], {"gate": "dense", "scale": "dense"}, ("c", "s")),
    ],
    ids=LAYERS,
)
def test_layers(case: Case, into: dict[str, str], removed: tuple[str, ...], lanes: int) -> None:
    images = {name: values[[0, 2]] for name, values in case.images().items()}
    wish = nest.Arrangement(CYCLES, lanes) if lanes else None
    module, fused = compared(case.network(), images, wish)
    assert fused.removed == removed
    assert fused.into == into
    kept = [call.layer for call in module.calls if call.layer not in fused.into]
    assert [program.layer for program in fused.programs] == kept


@pytest.mark.parametrize("case", [case for case in CASES if len(case.model.graph.node) > 1], ids=lambda case: case.name)
def test_graphs(case: Case) -> None:
    compared(case.network(), {name: values[:2] for name, values in case.images().items()}, None)


def test_a_network() -> None:
    network = load(NETWORKS / "digits_conv.onnx")
    (tensor,) = network.inputs
    values = np.random.default_rng(1).random((1, *tensor.shape), np.float32)
    _, fused = compared(network, {tensor.name: values}, nest.Arrangement(CYCLES, 2))
    assert fused.into == {"relu1": "conv1", "relu2": "conv2"}
    wish = nest.Arrangement(CYCLES, 2)
    (node,) = (item for item in nest.arrange(fused.programs[0], wish).program.body if isinstance(item, nest.Streamed))
    assert [operation.op for operation in node.tail.operations] == ["fcmp", "select", "store"]


def test_a_word_is_read_once() -> None:
    module = approximate(lower(LAYERS["used-twice"].network()))
    relu_and_add = [nest.structure(kernel) for kernel in kernels_of(module)[1:]]
    (program,) = nest.fuse(relu_and_add).programs
    (pipeline,) = program.pipelines
    assert [operation.op for operation in pipeline.operations] == ["load", "fcmp", "select", "fadd", "store"]


def test_a_unit_for_each_word_is_asked_for_once() -> None:
    module = approximate(lower(LAYERS["row"].network()))
    programs = [nest.structure(kernel) for kernel in kernels_of(module)]
    assert nest.fuse(programs).into == {"scale": "gate"}
    assert nest.fuse(programs, most=MOST).into == {"gate": "dense", "scale": "dense"}
