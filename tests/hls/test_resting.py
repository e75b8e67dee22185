"""What rests in simulation: all units and flat loops may, nothing else changes, and a rest too early is found."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from asnet import hls
from asnet.cache import default_cache
from asnet.errors import MismatchError
from asnet.hls import simulate
from asnet.hls.resting import SINCE, resting
from asnet.hls.simulate import Simulation
from asnet.ir import MemoryKind, Module
from asnet.lower import lower
from asnet.tools import verilator
from asnet.types import FloatMode
from tests.hls.kernels import jit_values, module_of, random_inputs
from tests.hls.programs import PREFIX_SUM, element_wise, lines
from tests.lower.conftest import build, helper, weights

QUOTIENT = element_wise(
    "quotient",
    "float",
    lines("%q = fdiv float %a, %b", "%s = fadd float %q, %a", "%t = fadd float %s, %b", "%r = fmul float %t, %q"),
)
CHOICE = element_wise(
    "choice",
    "float",
    lines("%o = fcmp ogt float %a, %b", "%s = fadd float %a, %b", "%r = select i1 %o, float %s, float %b"),
)
PROGRAMS = (QUOTIENT, PREFIX_SUM, CHOICE)
DEPTH = re.compile(r"(asnet_awake #\(\.WIDTH\(\d+\), \.DEPTH\()(\d+)")
AWAKE = re.compile(r"assign _awake = \|\{(.*)\};")
BY_ITSELF = re.compile(r"^ {12}(\w+) <= (?!\d+'[bd]\d+;|.*\?)", re.MULTILINE)
"""A register of a layer's control that may change in any cycle, but for the slot of an interval (a choice)."""
conditional_events = pytest.mark.skipif(verilator.find().version < SINCE, reason="this Verilator is simulated as it is")


def _kernels() -> Module:
    return module_of(PROGRAMS, FloatMode.FTZ)


def _network() -> Module:
    """Layers that wait for one another's words, with results of two lanes."""
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    constants = {"w": weights(4, 2, 3, 3), "b": weights(4)}
    return lower(build("waiting", nodes, {"x": (1, 2, 6, 6)}, constants).network())


@pytest.fixture(params=list(hls.Style), ids=[style.value for style in hls.Style])
def style(request: pytest.FixtureRequest, simulator: None) -> hls.Style:
    return request.param


@pytest.fixture(params=[_kernels, _network], ids=["kernels", "network"])
def design(request: pytest.FixtureRequest, style: hls.Style) -> hls.RtlDesign:
    return hls.synthesise(request.param(), options=hls.HlsOptions(style=style, parallel={"*": 2}))


def _words(design: hls.RtlDesign) -> np.ndarray:
    sizes = [memory.memory.size for memory in design.memories if memory.memory.kind is MemoryKind.INPUT]
    return np.random.default_rng(1).standard_normal((6, sum(sizes))).astype(np.float32).view(np.uint32)


def test_every_unit_rests(design: hls.RtlDesign) -> None:
    simulated = resting(design).files
    modules = [path for path, text in design.files.items() if path.startswith("rtl/") and " cycles, digest " in text]
    assert modules
    for path in modules:
        units = re.findall(r": (\d+) cycles, digest ", design.files[path])
        assert [depth for _, depth in DEPTH.findall(simulated[path])] == units
        assert len(re.findall(r"\.ce\(unit_\w+_awake\)", simulated[path])) == len(units)
    assert "iff ce" in simulated["units/fp_reg.v"]
    assert all(simulated[path] == text for path, text in design.files.items() if path.startswith("rom/"))


def test_every_flat_loop_rests(design: hls.RtlDesign) -> None:
    """But not while anything in its control may change by itself."""
    simulated = resting(design).files
    engines = [path for path, text in design.files.items() if ": pipelined loops.\n" in text]
    assert len(engines) >= len(PROGRAMS)
    for path in engines:
        text = simulated[path]
        (awake,) = AWAKE.findall(text)
        assert {"reset", "start", "done"} < set(awake.split(", "))
        assert set(BY_ITSELF.findall(text)) <= set(awake.split(", "))
        assert "@(posedge clk)" not in text


@conditional_events
def test_nothing_else_changes(design: hls.RtlDesign, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every word of every memory, and when it comes, with and without waiting for the streams."""
    words = _words(design)
    plain = Simulation(design, default_cache(), cycles=1)
    monkeypatch.setattr(simulate, "_FEW_CYCLES", 1)
    rested = Simulation(design, default_cache(), cycles=1)
    assert (plain.rests, rested.rests) == (False, True)
    for stall_seed in (0, 7):
        one, other = (simulation.run(words, stall_seed=stall_seed) for simulation in (rested, plain))
        assert one.equals(other)
        assert not one.equals(replace(other, clocks=other.clocks + np.uint64(1)))


@conditional_events
def test_a_rest_of_units_that_is_too_early_is_found(style: hls.Style, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is under way when operands stop changing must arrive."""
    module = _kernels()
    design = hls.synthesise(module, options=hls.HlsOptions(style=style))
    _plant(monkeypatch, lambda text: DEPTH.sub(r"\g<1>1", text))
    each = design.report.interval or design.cycles or 0
    monkeypatch.setattr(simulate, "_FEW_CYCLES", 3 * each)  # two of six images are a short run
    inputs = random_inputs(module, 6, 1)
    values = jit_values(module, inputs, default_cache())
    expected = {name: array for name, array in values.items() if name in design.rams}
    with pytest.raises(MismatchError, match="what rests in simulation changes what 'kernels' does"):
        hls.cosimulate(design, inputs, expected)


@conditional_events
def test_nothing_rests_where_the_comparison_would_be_a_long_run(style: hls.Style, simulator: None) -> None:
    design = hls.synthesise(_kernels(), options=hls.HlsOptions(style=style))
    short, long = (Simulation(design, default_cache(), compared=cycles) for cycles in (999_999, 1_000_000))
    assert (short.rests, long.rests) == (True, False)


@conditional_events
def test_a_rest_of_loops_that_is_too_early_is_found(style: hls.Style, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is under way when no iteration starts must arrive."""
    design = hls.synthesise(_network(), options=hls.HlsOptions(style=style))
    _plant(monkeypatch, lambda text: re.sub(r", \w+_(v|final_end\w*)\b", "", text))
    with pytest.raises(MismatchError, match=r"the design stopped|does not finish"):
        Simulation(design, default_cache(), cycles=1).run(_words(design))


def _plant(monkeypatch: pytest.MonkeyPatch, fault: Callable[[str], str]) -> None:
    """Simulate short runs with rests, too, and with ``fault`` in what is simulated."""

    def hasty(design: hls.RtlDesign) -> hls.RtlDesign:
        return replace(design, files={path: fault(text) for path, text in resting(design).files.items()})

    monkeypatch.setattr(simulate, "resting", hasty)
    monkeypatch.setattr(simulate, "_FEW_CYCLES", 1)
