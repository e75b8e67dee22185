"""Kernels through the JIT and through simulated hardware: every bit of every memory is the same."""

from __future__ import annotations

import os
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from asnet.hls import HlsOptions
from asnet.types import Array, FloatMode
from tests.hls.carrying import random_carrying
from tests.hls.generator import random_program
from tests.hls.kernels import Program, compare, module_of
from tests.hls.nests import random_constants
from tests.hls.programs import PROGRAMS

pytestmark = pytest.mark.usefixtures("simulator")

FUZZ = int(os.environ.get("ASNET_FUZZ", "0"))
"""Designs of the long fuzz run, which also shrinks what it finds; 0: a short one that does not."""
PHASES = (Phase.explicit, Phase.generate, Phase.shrink) if FUZZ else (Phase.explicit, Phase.generate)
KERNELS_PER_DESIGN = 1 if FUZZ else 12


@pytest.mark.parametrize("pipelined", [True, False], ids=["pipelined", "general"])
@pytest.mark.parametrize("mode", FloatMode)
def test_hand_written_kernels(mode: FloatMode, pipelined: bool) -> None:
    report = compare(PROGRAMS, mode=mode, images=24, options=HlsOptions(pipelined=pipelined))
    report.raise_if_different()
    assert report.images == 24
    memories = [m for m in module_of(PROGRAMS, mode).memories.values() if m.kind != "input"]
    kept = [m for m in memories if not pipelined or m.name != "only_carried.s"]  # what is copied is read where it was
    assert report.words == 24 * sum(m.size for m in kept)


@settings(
    max_examples=FUZZ or 2,
    deadline=None,
    phases=PHASES,
    derandomize=not FUZZ,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    random=st.randoms(use_true_random=False),
    mode=st.sampled_from(FloatMode),
    size=st.integers(10, 60),
    chain=st.sampled_from((1, 5, 9, 40)),
    carrying=st.booleans(),
)
def test_random_kernels(random: Random, mode: FloatMode, size: int, chain: int, carrying: bool) -> None:
    programs: list[Program] = []
    constants: dict[str, Array] = {}
    for number in range(KERNELS_PER_DESIGN):
        name = f"p{number}"
        if carrying:
            programs.append(random_carrying(random, name, 1 + size // 20))
            constants |= random_constants(random, name)
        else:
            programs.append(random_program(random, name, size))
    seed, options = random.randrange(1 << 30), HlsOptions(chain=chain)
    compare(programs, mode=mode, images=8, seed=seed, options=options, constants=constants).raise_if_different()


@pytest.mark.parametrize("seed", range(2))
def test_large_random_kernels(seed: int) -> None:
    """From a plain generator, whose programs are larger than those that hypothesis prefers."""
    random = Random(seed)
    programs = [random_program(random, f"p{number}", 80) for number in range(10)]
    compare(programs, mode=list(FloatMode)[seed], images=6, seed=seed, stalls=True).raise_if_different()
