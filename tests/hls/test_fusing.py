"""Layers in one: every bit of what is left, in both styles; layers of unknown loops stay apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asnet import hls, lower
from asnet.cache import default_cache
from asnet.hls import HlsOptions, Style
from asnet.hls.fusing import FusedKernel, fused
from asnet.hls.kernel import Kernel
from asnet.hls.layers import choice
from asnet.hls.planning import NotPipelined
from asnet.ir import MemoryKind
from asnet.ir.jit import Engine
from asnet.network import load
from asnet.passes import approximate
from asnet.types import FloatMode
from tests.hls.kernels import module_of
from tests.hls.nest.golden import kernels_of
from tests.hls.nest.test_fuse import LAYERS
from tests.hls.nest.test_inline import MORE
from tests.hls.programs import COLLATZ, DOT

NETWORKS = Path(__file__).resolve().parents[2] / "examples" / "networks"


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("conv-bn-relu", Style.SEQUENTIAL),
        ("skip", Style.DATAFLOW),
        ("scaled-skip", Style.SEQUENTIAL),
        ("slice", Style.DATAFLOW),
    ],
)
def test_every_bit_of_what_is_left(name: str, style: Style) -> None:
    case = {**LAYERS, **MORE}[name]
    network = case.network()
    module = lower.lower(network, FloatMode.FTZ)
    engine = Engine(module, cache=default_cache())
    images = case.images()
    state = engine.state(4)
    engine.run(images, state=state)
    whole = hls.synthesise(approximate(lower.lower(network, FloatMode.FTZ)), options=HlsOptions(style))
    design = hls.synthesise(approximate(lower.lower(network, FloatMode.FTZ)), options=HlsOptions(style, fuse=1))
    hls.lint(design)
    ours = {memory for memory in design.rams if module.memories[memory].kind is not MemoryKind.INPUT}
    expected = {memory: engine.memory(state, memory) for memory in ours}
    hls.cosimulate(design, images, expected, stalls=True, cache=default_cache()).raise_if_different()
    assert design.rams < whole.rams
    assert len(design.layers) < len(whole.layers)
    if style is Style.SEQUENTIAL:
        assert design.cycles is not None and whole.cycles is not None and design.cycles < whole.cycles


def test_layers_are_named_by_all_that_they_do() -> None:
    design = hls.synthesise(approximate(lower.lower(load(NETWORKS / "digits_conv.onnx"))), options=HlsOptions(fuse=1))
    found = [(layer.layer, layer.op_type) for layer in design.report.layers]
    assert found[:4] == [
        ("conv1", "Conv + Relu"),
        ("pool1", "MaxPool"),
        ("conv2", "Conv + Relu"),
        ("pool2", "MaxPool"),
    ]


def test_a_layer_of_unknown_loops_stays_apart() -> None:
    module = module_of([DOT, COLLATZ], FloatMode.FTZ)
    kernels = kernels_of(module)
    left, calls = fused(kernels, module.calls, frozenset(), 1)
    assert list(left) == kernels
    assert calls == module.calls
    assert not any(isinstance(kernel, FusedKernel) for kernel in left)


def test_layers_that_are_no_pipeline_together_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first layer that takes another one in is refused; the design says so, and fuses the others."""
    network = approximate(lower.lower(load(NETWORKS / "digits_conv.onnx")))
    options = HlsOptions(fuse=1)
    first = hls.synthesise(network, options=options).report.layers[0]
    pipelined = choice.pipelined

    def refusing(kernel: Kernel, *rest: Any) -> Any:
        if isinstance(kernel, FusedKernel) and kernel.layer == first.layer:
            raise NotPipelined("refused")
        return pipelined(kernel, *rest)

    monkeypatch.setattr(choice, "pipelined", refusing)
    design = hls.synthesise(network, options=options)
    found = {layer.layer: layer.op_type for layer in design.report.layers}
    assert (first.op_type, found[first.layer]) == ("Conv + Relu", "Conv")
    assert any(" + " in op_type for op_type in found.values())
    assert design.report.apart == (first.layer,)
    assert f"not fused             {first.layer}\n" in design.files["report.txt"]
