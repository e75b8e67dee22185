"""Modules lowered with samples: the bits of the whole run at the sampled places, nothing anywhere else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from asnet.cache import Cache
from asnet.ir import MemoryKind, Module, verify
from asnet.ir.jit import Binder, Engine
from asnet.ir.sampling import Sampler
from asnet.ir.state import State
from asnet.lower import lower
from asnet.testbed.tally import canonical_bits
from asnet.types import Array
from tests.lower import (
    conftest,
    test_conv_transpose,
    test_fourier,
    test_functions,
    test_normalizing,
    test_quantised,
    test_reductions,
    test_sampling,
)
from tests.lower.conftest import Case

SAMPLES = 3
NAMES = ("gemm-beta", "matmul-batch", "conv-pads", "conv-groups", "conv-3d", "avgpool-pads", "sigmoid", "softmax")
OTHERS = (test_normalizing, test_reductions, test_sampling, test_quantised, test_fourier, test_functions)
CASES = [case for case in conftest.CASES if case.name in NAMES]
CASES += test_conv_transpose.CASES
CASES += [case for module in OTHERS for case in module.CASES[:60:7]]


def contents(module: Module, state: State) -> Mapping[str, Array]:
    kept = (memory for memory in module.memories.values() if memory.kind is not MemoryKind.CONSTANT)
    return {memory.name: np.array(canonical_bits(state.view(memory))) for memory in kept}


def ran(case: Case, objects: Cache) -> tuple[Engine, State, Sampler]:
    """A module with samples, and a state in which the whole network ran."""
    network, sampler = case.network(), Sampler()
    whole = Engine(lower(network), cache=objects)
    part = Engine(lower(network, samples=SAMPLES), binder=sampler.bound(Binder("")), cache=objects)
    verify(part.module)
    images = case.images()
    state, again = (engine.state(len(next(iter(images.values())))) for engine in (whole, part))
    whole.run(images, state=state)
    part.run(images, state=again)
    for name, memory in part.module.memories.items():
        if memory.kind is not MemoryKind.CONSTANT and name in whole.module.memories:
            again.view(memory)[:] = state.view(whole.module.memories[name])
    return part, again, sampler


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_samples_are_what_a_whole_run_computes(case: Case, objects: Cache) -> None:
    part, state, sampler = ran(case, objects)
    before = contents(part.module, state)
    for seed in (0, 1, 2**64 - 1):
        sampler.seed = seed
        part.run(state=state)
        for name, values in contents(part.module, state).items():
            assert np.array_equal(values, before[name]), name


def test_no_more_than_the_samples_are_computed(objects: Cache) -> None:
    case = next(case for case in CASES if case.name == "conv-pads")
    part, state, sampler = ran(case, objects)
    (output,) = (memory for memory in part.module.memories.values() if memory.kind is MemoryKind.OUTPUT)
    places: set[int] = set()
    for seed in range(5):
        sampler.seed = seed
        state.view(output)[:] = 12345.0
        part.run(state=state)
        touched = state.view(output).reshape(state.images, -1) != 12345.0
        assert all(2 <= row.sum() <= SAMPLES and row[0] and row[-1] for row in touched)
        assert (touched == touched[0]).all()
        places |= set(np.flatnonzero(touched[0]).tolist())
    assert len(places) > SAMPLES
