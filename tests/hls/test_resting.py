"""Units that rest in simulation: all of them may, nothing else changes, and a rest that is too early is found."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from asnet import hls
from asnet.cache import default_cache
from asnet.errors import MismatchError
from asnet.hls import simulate
from asnet.hls.resting import SINCE, resting
from asnet.hls.simulate import Simulation
from asnet.ir import MemoryKind
from asnet.tools import verilator
from asnet.types import FloatMode
from tests.hls.kernels import jit_values, module_of, random_inputs
from tests.hls.programs import PREFIX_SUM, element_wise, lines

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
MODULE = module_of(PROGRAMS, FloatMode.FTZ)
conditional_events = pytest.mark.skipif(verilator.find().version < SINCE, reason="this Verilator is simulated as it is")


@pytest.fixture(params=list(hls.Style), ids=[style.value for style in hls.Style])
def design(request: pytest.FixtureRequest, simulator: None) -> hls.RtlDesign:
    return hls.synthesise(MODULE, options=hls.HlsOptions(style=request.param))


def _words(design: hls.RtlDesign) -> np.ndarray:
    images = random_inputs(MODULE, 6, 1)
    inputs = [memory.memory.name for memory in design.memories if memory.memory.kind is MemoryKind.INPUT]
    return np.concatenate([images[name].view(np.uint32) for name in inputs], axis=1)


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


@conditional_events
def test_nothing_else_changes(design: hls.RtlDesign, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every word of every memory, and when it comes, with and without waiting for the streams."""
    words = _words(design)
    plain = Simulation(design, default_cache(), cycles=1)
    monkeypatch.setattr(simulate, "FEW_CYCLES", 1)
    rested = Simulation(design, default_cache(), cycles=1)
    assert (plain.rests, rested.rests) == (False, True)
    for stall_seed in (0, 7):
        one, other = (simulation.run(words, stall_seed=stall_seed) for simulation in (rested, plain))
        assert one.equals(other)
        assert not one.equals(replace(other, clocks=other.clocks + np.uint64(1)))


@conditional_events
def test_a_rest_that_is_too_early_is_found(design: hls.RtlDesign, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is under way when operands stop changing must arrive."""

    def hasty(design: hls.RtlDesign) -> hls.RtlDesign:
        files = {path: DEPTH.sub(r"\g<1>1", text) for path, text in resting(design).files.items()}
        return replace(design, files=files)

    good = Simulation(design, default_cache(), cycles=1).run(_words(design))
    monkeypatch.setattr(simulate, "resting", hasty)
    monkeypatch.setattr(simulate, "FEW_CYCLES", 1)
    assert not Simulation(design, default_cache(), cycles=1).run(_words(design)).equals(good)
    inputs = random_inputs(MODULE, 6, 1)
    values = jit_values(MODULE, inputs, default_cache())
    expected = {name: array for name, array in values.items() if name in design.rams}
    with pytest.raises(MismatchError, match="units that rest in simulation change what 'kernels' does"):
        hls.cosimulate(design, inputs, expected)
