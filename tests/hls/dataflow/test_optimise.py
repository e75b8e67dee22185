"""Choosing lanes: which layer gets them, when it stops, what it says; and how many images buffers hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from asnet import hls, lower
from asnet.cache import default_cache
from asnet.errors import SynthesisError, UnreachableError
from asnet.hls.area import estimate_area
from asnet.hls.chip import DEVICES, Area
from asnet.hls.dataflow.optimise import Candidate, Goal, choose
from asnet.hls.options import HlsOptions, Style, Weights
from asnet.ir.jit import Engine
from asnet.passes import approximate
from asnet.types import FloatMode
from benchmarks.hls.networks import dense_network, load_model
from tests.hls.kernels import check_runs
from tests.lower.conftest import build, helper

WORK = (1200, 400, 90)
LANES = ((1, 2, 3, 4, 6), (1, 2, 4), (1,))
NAMES = ("conv", "dense", "relu")


def candidate(layer: int, lanes: int) -> Candidate:
    """Work that lanes divide; a lane is a multiplier of 100 LUTs and 4 DSPs."""
    return Candidate(lanes, WORK[layer] // lanes, Area(50 + 100 * lanes, 10 * lanes, 4 * lanes, 1), {"fmul": lanes})


def test_the_slowest_layer_gets_lanes_until_the_target_is_met() -> None:
    found = choose(NAMES, LANES, candidate, Goal(target=300))
    assert (found.lanes, found.cycles) == ((4, 2, 1), 300)
    assert found.area == Area(850, 70, 28, 3)
    assert found.reason == "300 cycles per image are no more than the 300 wanted"


def test_layers_one_after_the_other_get_lanes_where_these_save_most() -> None:
    found = choose(NAMES, LANES, candidate, Goal(target=1000, together=False))
    assert (found.lanes, found.cycles) == ((3, 1, 1), 890)


def test_a_budget_ends_it() -> None:
    found = choose(NAMES, LANES, candidate, Goal(budget=Area(750, 900, 100, 100), device="a chip"))
    assert (found.lanes, found.cycles) == ((4, 1, 1), 400)
    assert found.reason == (
        "with 2 lanes in layer 'dense', which takes 400 cycles, the design would take 850 LUT4, 70 FF, 28 DSP, "
        "3 block RAM, too much for a chip"
    ) or found.reason.startswith("with 6 lanes in layer 'conv', which takes")


def test_units_are_limited() -> None:
    found = choose(NAMES, LANES, candidate, Goal(units={"fmul": 3}))
    assert found.lanes == (3, 1, 1)
    assert found.reason == "layer 'conv' takes 400 cycles, and may have no more than 3 units 'fmul'"


def test_what_cannot_be_reached_is_said_with_the_best_that_can() -> None:
    with pytest.raises(
        UnreachableError,
        match="100 cycles per image are out of reach: the best is 200, because layer 'conv' takes 200 cycles, and no "
        "more lanes make it faster",
    ):
        choose(NAMES, LANES, candidate, Goal(target=100))
    with pytest.raises(
        UnreachableError, match="the design does not fit a chip: with as few lanes as possible it takes"
    ):
        choose(NAMES, LANES, candidate, Goal(budget=Area(10, 10, 10, 10), device="a chip"))
    assert UnreachableError.exit_status == 1


def _network(convolutions: int) -> tuple[object, Mapping[str, np.ndarray]]:
    """A convolution, and a sum of what it makes and what further convolutions make of that."""
    rng = np.random.default_rng(7)
    names = [f"c{number}" for number in range(convolutions + 1)]
    sources = ["x", *names]
    nodes = [
        helper.make_node("Conv", [source, f"w{number}"], [name])
        for number, (source, name) in enumerate(zip(sources, names, strict=False))
    ]
    nodes.append(helper.make_node("Add", ["c0", names[-1]], ["y"]))
    weights = {f"w{n}": rng.standard_normal((3, 3, 1, 1)).astype(np.float32) for n in range(len(names))}
    network = build("skip", nodes, {"x": (1, 3, 4, 4)}, weights).network()
    return network, {"x": rng.standard_normal((14, 1, 3, 4, 4)).astype(np.float32)}


def _design(network: object, **options: object) -> hls.RtlDesign:
    module = approximate(lower.lower(network, FloatMode.FTZ))  # pyright: ignore
    return hls.synthesise(module, options=HlsOptions(style=Style.DATAFLOW, **options))  # pyright: ignore


def test_a_skip_connection_holds_images_back_no_more_than_the_slowest_layer() -> None:
    network, _ = _network(4)
    design = _design(network)
    assert design.flow is not None and design.flow.timing is not None
    frames = {
        (node.layer.layer, inlet.memory.name): inlet.frames
        for node in design.flow.plan.nodes
        for inlet in node.inlets
        if inlet.frames > 2
    }
    assert [memory for _, memory in frames] == ["c0"] and 3 <= max(frames.values()) <= 6
    assert design.report.interval == max(design.flow.timing.busy)


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("interleave", [{}, {"conv_0": 2, "add*": 3}], ids=["one image", "several images"])
def test_a_skip_connection_is_simulated(interleave: dict[str, int]) -> None:
    network, images = _network(4)
    module = lower.lower(network, FloatMode.FTZ)  # pyright: ignore
    engine = Engine(module, cache=default_cache())
    state = engine.state(14)
    engine.run(images, state=state)
    design = _design(network, interleave=interleave)
    hls.lint(design)
    names = [memory.memory.name for memory in design.memories if not memory.is_rom and memory.memory.name != "x"]
    expected = {name: engine.memory(state, name).copy() for name in names}
    for stalls in (False, True):
        report = hls.cosimulate(design, images, expected, stalls=stalls, cache=default_cache())
        report.raise_if_different()
        check_runs(design, report, stalls=stalls)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parallel": {"conf*": 2}}, "no layer is called like 'conf*'"),
        ({"interleave": {"conf*": 2}}, "no layer is called like 'conf*'"),
        ({"fit": "ecp5-12k"}, "unknown device 'ecp5-12k'; did you mean 'ecp5-25k'?"),
    ],
)
def test_choices_that_mean_nothing_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(SynthesisError) as fault:
        _design(_network(1)[0], **options)
    assert str(fault.value).startswith(message.removesuffix("?"))


def test_weights_outside_of_the_chip_come_no_faster_than_their_bus() -> None:
    """250 beats for each layer: 750 cycles, which conv takes less than with 2 lanes."""

    def fetching(layer: int, lanes: int) -> Candidate:
        return replace(candidate(layer, lanes), beats=250)

    found = choose(NAMES, LANES, fetching, Goal(units={"fmul": 6}))
    assert (found.lanes, found.cycles) == ((2, 1, 1), 750)
    assert found.reason == "weights outside of the chip are 750 beats of their bus (--bus) for each image"
    assert choose(NAMES, LANES, fetching, Goal(target=750)).lanes == (2, 1, 1)
    with pytest.raises(UnreachableError, match="700 cycles per image are out of reach: the best is 750, because w"):
        choose(NAMES, LANES, fetching, Goal(target=700))


@pytest.mark.parametrize("style", list(Style))
def test_a_target_that_the_bus_of_external_weights_cannot_keep_is_refused(style: Style) -> None:
    network = lower.lower(load_model(dense_network((40, 30, 10))), FloatMode.FTZ)
    options = HlsOptions(style=style, weights=Weights.EXTERNAL, inside=-1, bus=32)
    design = hls.synthesise(network, options=options)
    assert design.weights is not None and design.weights.beats >= 40 * 30 + 30 * 10
    for bus, beats in ((32, design.weights.beats), (128, -(-design.weights.beats // 4))):
        wanted = replace(options, bus=bus, target_cycles=beats - 10)
        with pytest.raises(UnreachableError, match=r"out of reach: the best is [\d,]+, because weights outside"):
            hls.synthesise(network, options=wanted)


def test_goals_choose_lanes_of_a_network() -> None:
    network, _ = _network(1)
    slow = _design(network)
    assert slow.report.interval is not None
    fast = _design(network, target_cycles=slow.report.interval * 2 // 3)
    assert fast.report.interval is not None and fast.report.interval <= slow.report.interval * 2 // 3
    assert max(layer.lanes for layer in fast.layers) > 1
    assert fast.choice is not None and "no more than the" in fast.choice.reason
    with pytest.raises(UnreachableError, match="10 cycles per image are out of reach: the best is "):
        _design(network, target_cycles=10)
    assert _design(network, fit="ecp5-85k").files == _design(network, fit="ecp5-85k").files


def test_what_fits_a_device_is_what_is_estimated_of_the_design() -> None:
    network, _ = _network(2)
    design = _design(network, fit="ecp5-25k")
    assert design.choice is not None and "too much for ecp5-25k" in design.choice.reason
    area = estimate_area(design, measure=False).total
    assert area.luts == pytest.approx(design.choice.area.luts, rel=0.01) and area.brams == design.choice.area.brams
    assert area.fits(DEVICES["ecp5-25k"]) and not (area * 2).fits(DEVICES["ecp5-25k"])


def test_several_images_at_once_share_the_time_of_a_layer() -> None:
    network, _ = _network(1)
    one, three = _design(network), _design(network, interleave={"*": 3})
    assert [unit.instances for unit in three.report.units] == [3 * unit.instances for unit in one.report.units]
    assert all(layer.replicas == 3 and layer.busy is not None and 0.3 < layer.busy <= 1 for layer in three.layers)
    roms = [[memory for memory in made.report.memories if memory.kind == "constant"] for made in (one, three)]
    assert [(memory.copies, memory.words) for memory in roms[1]] == [(3, memory.words) for memory in roms[0]]
    assert one.report.interval is not None and three.report.interval is not None
    assert three.report.interval < one.report.interval / 2
    with pytest.raises(SynthesisError, match="several images at once need the style 'dataflow'"):
        module = approximate(lower.lower(network, FloatMode.FTZ))  # pyright: ignore
        hls.synthesise(module, options=HlsOptions(style=Style.SEQUENTIAL, interleave={"*": 2}))


def test_streams_may_be_slower_than_all_layers() -> None:
    nodes = [helper.make_node("Slice", ["x", "from", "to"], ["y"])]
    bounds = {"from": np.array([0, 0]), "to": np.array([1, 10])}
    network = build("few", nodes, {"x": (1, 100)}, bounds).network()
    with pytest.raises(UnreachableError, match=r"50 cycles per image are out of reach: the layers take 1., the "):
        _design(network, target_cycles=50)
