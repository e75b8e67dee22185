"""Layers that begin on an image before all of it is there: every bit and every cycle, and what happens if too early."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from asnet import hls, lower
from asnet.cache import default_cache
from asnet.errors import MismatchError
from asnet.hls.dataflow.accesses import Words
from asnet.hls.dataflow.gates import line_above
from asnet.ir import MemoryKind, Module
from asnet.ir.jit import Engine
from asnet.passes import approximate
from asnet.types import Array, FloatMode
from tests.hls.kernels import check_runs
from tests.lower.conftest import Case, build, helper, weights

MAPS = build(
    "maps",
    [
        helper.make_node("Conv", ["x", "w"], ["a"], name="narrow", kernel_shape=[3, 3]),
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        helper.make_node("Conv", ["b", "v"], ["c"], name="padded", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["c", "b"], ["d"], name="skip"),
        helper.make_node("MaxPool", ["d"], ["e"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Relu", ["e"], ["y"], name="last"),
    ],
    {"x": (1, 2, 10, 22)},
    {"w": weights(3, 2, 3, 3), "v": weights(3, 3, 3, 3)},
)
"""Rows so long that sums of one row hide an adder; windows with and without padding, a skip connection."""

ELEMENTWISE = build(
    "elementwise",
    [
        helper.make_node("Relu", ["x"], ["a"], name="first"),
        helper.make_node("Neg", ["a"], ["b"], name="second"),
        helper.make_node("Sub", ["a", "b"], ["y"], name="both"),
    ],
    {"x": (40,)},
)


def _network(case: Case, images: int = 3) -> tuple[Module, dict[str, Array], dict[str, Array]]:
    module = lower.lower(case.network(), FloatMode.FTZ)
    inputs = {name: np.concatenate([values] * images)[:images] for name, values in case.images().items()}
    return module, inputs, _values(module, inputs)


def _values(module: Module, inputs: Mapping[str, Array]) -> dict[str, Array]:
    engine = Engine(module, cache=default_cache())
    state = engine.state(len(next(iter(inputs.values()))))
    engine.run(inputs, state=state)
    kinds = (MemoryKind.OUTPUT, MemoryKind.ACTIVATION)
    return {n: engine.memory(state, n).copy() for n, m in module.memories.items() if m.kind in kinds}


def _compared(
    design: hls.RtlDesign, inputs: Mapping[str, Array], values: Mapping[str, Array], **how: bool
) -> hls.CosimReport:
    expected = {name: array for name, array in values.items() if name in design.rams}
    return hls.cosimulate(design, inputs, expected, cache=default_cache(), **how)


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize(
    ("case", "options"),
    [
        (MAPS, hls.HlsOptions()),
        (MAPS, hls.HlsOptions(parallel={"*": 3}, clock=170.0)),
        (MAPS, hls.HlsOptions(parallel={"padded": 2}, fuse=2)),
        (ELEMENTWISE, hls.HlsOptions()),
    ],
    ids=["maps", "lanes", "fused", "elementwise"],
)
def test_every_bit_and_every_cycle(case: Case, options: hls.HlsOptions) -> None:
    module, inputs, values = _network(case)
    design = hls.synthesise(approximate(module), name=case.name, options=options)
    hls.lint(design)
    assert any("asnet_arrival #" in text for text in design.files.values())
    for stalls in (False, True):
        report = _compared(design, inputs, values, stalls=stalls)
        report.raise_if_different()
        check_runs(design, report, stalls=stalls)


def test_layers_overlap() -> None:
    design = hls.synthesise(approximate(_network(MAPS)[0]), name="maps")
    assert design.flow is not None and design.flow.timing is not None
    inlets = [inlet for node in design.flow.plan.nodes[1:] for inlet in node.inlets]
    assert all(inlet.words is not None and inlet.words.first < inlet.memory.size / 2 for inlet in inlets)
    assert design.flow.timing.latency < 0.75 * sum(design.flow.timing.busy)


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("layer", ["padded", "pool"])
def test_a_word_too_few_is_found(layer: str) -> None:
    """Groups that begin some words too early read what was there before; a layer may end before its image is there."""
    module = lower.lower(MAPS.network(), FloatMode.FTZ)
    images = np.random.default_rng(1).standard_normal((3, 1, 2, 10, 22), np.float32)
    inputs, values = {"x": images}, _values(module, {"x": images})
    design = hls.synthesise(approximate(module), name="maps")
    _compared(design, inputs, values).raise_if_different()
    path = f"rtl/layer_{layer}.v"
    first = re.search(r"\.FIRST\((\d+)'d(\d+)\)", design.files[path])
    assert first is not None
    changed = design.files[path].replace(first[0], f".FIRST({first[1]}'d1)")
    with pytest.raises(MismatchError, match=rf"layer '{layer}', image \d|stopped: "):
        _compared(replace(design, files={**design.files, path: changed}), inputs, values).raise_if_different()


@pytest.mark.parametrize(
    ("needs", "line"),
    [
        ([3, 6, 9, 12], Words(3, 3)),
        ([12, 12, 12, 12], Words(12, 0)),
        ([4, 4, 8, 8, 12], Words(4, 2)),
        ([1, 2, 3, 12], Words(1, 4)),
        ([9, 3, 3, 12], Words(9, 1)),
    ],
)
def test_no_group_needs_more_than_the_line(needs: list[int], line: Words) -> None:
    found = line_above(np.array(needs))
    assert found == line
    assert all(have >= want for have, want in zip(found.needed(len(needs), needs[-1]), needs, strict=True))
