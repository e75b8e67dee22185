"""Networks as pipelines of layers: every bit of every layer, every cycle of every image, with stalls and without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from asnet import hls, lower
from asnet.cache import default_cache
from asnet.errors import DataError, MismatchError
from asnet.hls.options import HlsOptions, Style
from asnet.hls.simulate import Simulation
from asnet.ir import MemoryKind, Module
from asnet.ir.jit import Engine
from asnet.passes import approximate
from asnet.types import Array, FloatMode
from tests.hls.kernels import check_runs
from tests.lower.conftest import CASES, build, helper

DATAFLOW = HlsOptions(style=Style.DATAFLOW)
SIMULATED = ("gemm", "maxpool-pads", "softmax-axis", "residual")


def _shared() -> Module:
    """Two inputs; a sum that two layers and the outside read; a difference of two streams; a constant of two layers."""
    case = build(
        "shared",
        [
            helper.make_node("Add", ["a", "b"], ["sum"]),
            helper.make_node("Mul", ["sum", "a"], ["product"]),
            helper.make_node("Relu", ["sum"], ["rest"]),
            helper.make_node("Sub", ["product", "rest"], ["y"]),
        ],
        {"a": (2, 3), "b": (2, 3)},
        outputs=("y", "sum"),
    )
    return lower.lower(case.network(), FloatMode.FTZ)


def _values(module: Module, images: Mapping[str, Array]) -> dict[str, Array]:
    engine = Engine(module, cache=default_cache())
    state = engine.state(len(next(iter(images.values()))))
    engine.run(images, state=state)
    kinds = (MemoryKind.OUTPUT, MemoryKind.ACTIVATION)
    return {name: engine.memory(state, name).copy() for name, m in module.memories.items() if m.kind in kinds}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_operator_has_dataflow_hardware(case: object) -> None:
    module = approximate(lower.lower(case.network()))  # pyright: ignore
    design = hls.synthesise(module, options=DATAFLOW)
    assert design.flow is not None and design.flow.timing is not None and design.cycles_exact
    assert design.report.interval == design.flow.timing.interval >= max(design.flow.timing.busy)


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("name", SIMULATED)
def test_every_bit_and_every_cycle(name: str) -> None:
    case = next(case for case in CASES if case.name == name)
    module = lower.lower(case.network(), FloatMode.FTZ)
    some = case.images()
    images = {key: np.concatenate([values] * 4) for key, values in some.items()}
    everything = _values(module, images)
    design = hls.synthesise(approximate(module), name=case.name, options=DATAFLOW)
    known = {memory.memory.name for memory in design.memories}
    expected = {memory: values for memory, values in everything.items() if memory in known}
    hls.lint(design)
    for stalls in (False, True):
        report = hls.cosimulate(design, images, expected, stalls=stalls, cache=default_cache())
        report.raise_if_different()
        check_runs(design, report, stalls=stalls)
    assert design.flow is not None and design.flow.timing is not None
    assert report.words == sum(values.size for values in expected.values())


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("lanes", [2, 3])
def test_lanes_give_the_same_bits(lanes: int) -> None:
    """Wide constants, a collector, and a last group of lanes that is not full."""
    rng = np.random.default_rng(3)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("Gemm", ["f", "v", "b"], ["y"], transB=1),
    ]
    constants = {
        "w": rng.standard_normal((5, 2, 3, 3)).astype(np.float32),
        "v": rng.standard_normal((7, 80)).astype(np.float32),
        "b": rng.standard_normal(7).astype(np.float32),
    }
    module = lower.lower(build("lanes", nodes, {"x": (1, 2, 4, 4)}, constants).network(), FloatMode.FTZ)
    images = {"x": rng.standard_normal((5, 1, 2, 4, 4)).astype(np.float32)}
    expected = _values(module, images)
    options = replace(DATAFLOW, parallel={"*": 1, module.calls[0].layer: lanes, module.calls[-1].layer: lanes + 1})
    design = hls.synthesise(approximate(module), name="lanes", options=options)
    hls.lint(design)
    assert [design.layers[0].lanes, design.layers[-1].lanes] == [lanes, lanes + 1]
    known = {memory.memory.name for memory in design.memories}
    expected = {memory: values for memory, values in expected.items() if memory in known}
    for stalls in (False, True):
        report = hls.cosimulate(design, images, expected, stalls=stalls, cache=default_cache())
        report.raise_if_different()
        check_runs(design, report, stalls=stalls)


@pytest.fixture(scope="module")
def module() -> Module:
    return _shared()


@pytest.fixture(scope="module")
def design() -> hls.RtlDesign:
    return hls.synthesise(approximate(_shared()), name="shared", options=DATAFLOW)


@pytest.fixture(scope="module")
def images() -> dict[str, Array]:
    rng = np.random.default_rng(5)
    return {name: rng.standard_normal((9, 2, 3)).astype(np.float32) for name in ("a", "b")}


@pytest.mark.usefixtures("simulator")
class TestStreams:
    def test_forks_joins_and_outputs_that_are_read(
        self, design: hls.RtlDesign, module: Module, images: dict[str, Array]
    ) -> None:
        hls.lint(design)
        for stalls in (False, True):
            report = hls.cosimulate(design, images, _values(module, images), stalls=stalls, cache=default_cache())
            report.raise_if_different()
            check_runs(design, report, stalls=stalls)

    def test_bad_frames_and_a_reset_leave_nothing_behind(self, design: hls.RtlDesign, images: dict[str, Array]) -> None:
        simulation = Simulation(design, default_cache())
        words = np.concatenate([values.reshape(9, -1).view(np.uint32) for values in images.values()], axis=1)
        good = simulation.run(words, observe=True)
        assert good.flow is not None
        for bad, cycles in ((True, 0), *((False, cycles) for cycles in (5, 12, 13, 40, 77, 161))):
            after = simulation.run(words, observe=True, bad_frames=bad, interrupted=cycles)
            assert after.flow == good.flow
            assert np.array_equal(after.stream, good.stream)
            assert all(np.array_equal(after.observed[name], seen) for name, seen in good.observed.items())

    def test_the_first_layer_that_differs_is_named(
        self, design: hls.RtlDesign, module: Module, images: dict[str, Array]
    ) -> None:
        layer = next(call.layer for call in module.calls if call.op_type == "Relu")
        path = f"rtl/layer_{layer}.v"
        assert ".wdata(s_sum_tdata)" in design.files[path]
        text = design.files[path].replace(".wdata(s_sum_tdata)", ".wdata(s_sum_tdata ^ 32'd1)")
        changed = replace(design, files={**design.files, path: text})
        found = hls.cosimulate(changed, images, _values(module, images), cache=default_cache()).mismatch
        assert found is not None and (found.layer, found.image) == (layer, 0)

    def test_a_word_that_is_lost_is_noticed(self, design: hls.RtlDesign, images: dict[str, Array]) -> None:
        files = dict(design.files)
        path = next(path for path in files if path.startswith("rtl/layer_") and "m_sum_tready" in files[path])
        assert " & m_sum_tready;" in files[path]
        files[path] = files[path].replace(" & m_sum_tready;", ";")
        with pytest.raises(MismatchError, match="the design stopped"):
            Simulation(replace(design, files=files), default_cache()).run(np.zeros((40, 12), np.uint32), stall_seed=77)

    def test_there_is_no_memory_interface(self, design: hls.RtlDesign) -> None:
        with pytest.raises(DataError, match="a dataflow design has no memory interface"):
            Simulation(design, default_cache()).run(np.zeros((1, 12), np.uint32), through="memory")
