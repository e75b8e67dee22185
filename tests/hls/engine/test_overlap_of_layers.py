"""Layers and images that start while those before them drain: the same bits, and no cycle is lost."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from asnet import hls
from asnet.cache import default_cache
from asnet.hls.options import HlsOptions, Style
from asnet.hls.sequential import Span, in_order
from asnet.ir.jit import Engine
from asnet.lower import lower
from asnet.passes import approximate
from tests.lower.conftest import Case, build, helper

SEQUENTIAL = HlsOptions(style=Style.SEQUENTIAL)


def dense(*sizes: int, relu: bool = True) -> Case:
    """Dense layers, with a ReLU between each two."""
    rng = np.random.default_rng(3)
    nodes, constants, value = [], {}, "x"
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        weights, bias = rng.standard_normal((outputs, inputs)) / 4, rng.standard_normal(outputs)
        constants |= {f"w{number}": weights.astype(np.float32), f"b{number}": bias.astype(np.float32)}
        last = number == len(sizes) - 2
        made = "y" if last else f"d{number}"
        nodes.append(helper.make_node("Gemm", [value, f"w{number}", f"b{number}"], [made], transB=1))
        if relu and not last:
            nodes.append(helper.make_node("Relu", [made], [f"r{number}"]))
        value = f"r{number}" if relu and not last else made
    return build("dense", nodes, {"x": (1, sizes[0])}, constants)


def elementwise(length: int, layers: int) -> Case:
    """Layers that take no longer than their results take to be sent."""
    names = ["x", *(f"v{number}" for number in range(1, layers)), "y"]
    nodes = [helper.make_node("Relu" if k % 2 else "Neg", [a], [b]) for k, (a, b) in enumerate(pairwise(names))]
    return build("elementwise", nodes, {"x": (1, length)})


def streamed(
    case: Case, images: int, *, stalls: bool, options: hls.HlsOptions = SEQUENTIAL
) -> tuple[hls.RtlDesign, hls.CosimReport]:
    """Images right behind one another through the hardware; every result is the JIT's."""
    network = case.network()
    design = hls.synthesise(approximate(lower(network)), options=options)
    hls.lint(design)
    (tensor,) = network.inputs
    values = np.random.default_rng(5).standard_normal((images, *tensor.shape)).astype(np.float32)
    module = lower(network)
    engine = Engine(module, cache=default_cache())
    state = engine.state(images)
    engine.run({tensor.name: values}, state=state)
    expected = {tensor.name: engine.memory(state, tensor.name) for tensor in network.outputs}
    report = hls.cosimulate(design, {tensor.name: values}, expected, stalls=stalls, cache=default_cache())
    report.raise_if_different()
    return design, report


def test_reports_count_the_units_of_all_lanes() -> None:
    module = approximate(lower(dense(8, 6, 4).network()))
    design = hls.synthesise(module, options=replace(SEQUENTIAL, parallel={"*": 3}))
    top = design.files[f"rtl/{design.top}.v"]
    counts = {unit.operator: unit.instances for unit in design.report.units}
    assert counts == {name: len(re.findall(rf"^ +\) unit_{name}(_\d+)? \($", top, re.MULTILINE)) for name in counts}
    assert counts["fmul"] == 3


@pytest.mark.usefixtures("simulator")
def test_the_multiplier_never_rests() -> None:
    """64·16 + 16·10 multiplications take so many cycles an image, although ReLU and draining lie between the layers,
    as long as those two take no more cycles than there are outputs: so at 80 MHz."""
    design, report = streamed(dense(64, 16, 10), 24, stalls=False, options=replace(SEQUENTIAL, clock=80))
    assert design.cycles_exact
    assert set(report.cycles) == {design.cycles}
    assert design.report.interval == report.interval == 64 * 16 + 16 * 10
    assert {unit.name: unit.instances for unit in design.report.units} == {"fmul": 1, "fadd": 1, "fcmp": 1}
    starts = [layer.start for layer in design.layers]
    assert starts[0] == 0
    assert starts[1] is not None
    assert starts[1] < (design.layers[0].cycles or 0)


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("case", [elementwise(9, 1), elementwise(30, 2), dense(3, 4, 20)], ids=["one", "two", "dense"])
def test_results_are_sent_before_the_next_ones_take_their_place(case: Case) -> None:
    """What waits for a stream is known to the cycle, too, where the stream does not stall."""
    design, report = streamed(case, 24, stalls=False)
    assert report.interval == design.report.interval
    assert report.latency == design.cycles
    streamed(case, 64, stalls=True)


def test_what_depends_on_data_or_runs_block_by_block_is_waited_for() -> None:
    unknown = in_order([Span(10, None), Span(None, None)])
    assert (unknown.handovers, unknown.starts, unknown.done, unknown.interval) == ((None, None), None, None, None)
    blocks = in_order([Span(10, None), Span(20, None), Span(5, None)])
    assert blocks.handovers == (None, None, None)
    assert (blocks.starts, blocks.done, blocks.interval) == ((0, 10, 30), 35, 35)
    spans = [Span(10, None), Span(20, None), Span(5, None)]
    assert blocks.spacing(spans, 0, 2, (8, 3)) == 35
    assert blocks.spacing(spans, 2, 2, (8, 3)) == 45
    assert blocks.spacing(spans, 0, 2, (8, 70)) == 77
    assert unknown.spacing(spans[:2], 0, 1, (8, 3)) is None
