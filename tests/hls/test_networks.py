"""Every operator of the frontend becomes hardware; a few networks of all kinds are simulated, layer after layer."""

from __future__ import annotations

import pytest

from asnet import hls, lower
from asnet.cache import default_cache
from asnet.ir import MemoryKind
from asnet.ir.jit import Engine
from asnet.passes import approximate
from asnet.types import FloatMode
from tests.lower.conftest import CASES, Case, Typed, build, helper, integers, one

SEQUENTIAL = hls.HlsOptions(style=hls.Style.SEQUENTIAL)
SIMULATED = {
    "gemm": FloatMode.IEEE,
    "conv-groups": FloatMode.IEEE,
    "maxpool-pads": FloatMode.FTZ,
    "avgpool-ceil": FloatMode.FTZ,
    "tanh": FloatMode.FTZ,
    "softmax-axis": FloatMode.FTZ,
    "residual": FloatMode.IEEE,
    "layer": FloatMode.FTZ,
    "wide-constant": FloatMode.FTZ,
    "mixed": FloatMode.FTZ,
    "sampled": FloatMode.FTZ,
}


OTHERS = [
    one("layer", "LayerNormalization", (2, 4), (4,)),
    one("wide-constant", "TensorScatter", (2, 4, 3), (2, 2, 3), integers(1, 2), opset=24),
    build(
        "mixed",
        [helper.make_node("Cast", ["n"], ["f"], to=1), helper.make_node("Max", ["x", "f"], ["y"])],
        {"x": (2, 5), "n": Typed("int64", (5,))},
    ),
    one("sampled", "GridSample", (1, 2, 3, 4), (1, 2, 3, 2), padding_mode="reflection"),
]
"""A design named like a signal of its top module; memories wider than a float, with subnormals among the inputs."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_operator_has_hardware(case: Case) -> None:
    module = approximate(lower.lower(case.network()))
    design = hls.synthesise(module)
    assert [layer.layer for layer in design.layers] == [call.layer for call in module.calls]
    assert design.cycles_exact


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize(("name", "mode"), SIMULATED.items())
def test_every_bit_of_every_layer(name: str, mode: FloatMode) -> None:
    case = next(case for case in (*CASES, *OTHERS) if case.name == name)
    network = case.network()
    module = lower.lower(network, mode)
    engine = Engine(module, cache=default_cache())
    images = case.images()
    state = engine.state(len(next(iter(images.values()))))
    engine.run(images, state=state)
    kinds = (MemoryKind.OUTPUT, MemoryKind.ACTIVATION)
    design = hls.synthesise(approximate(lower.lower(network, mode)), name=case.name, options=SEQUENTIAL)
    used = [memory.memory for memory in design.memories if memory.memory.kind in kinds]
    expected = {memory.name: engine.memory(state, memory.name) for memory in used}
    hls.lint(design)
    report = hls.cosimulate(design, images, expected, stalls=True, cache=default_cache())
    report.raise_if_different()
    assert set(report.cycles) == {design.cycles}
