"""Programs compute what the JIT computes: hand-written kernels, random ones, every operator, shipped networks."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import numpy as np
import pytest

from asnet.errors import SynthesisError
from asnet.hls import nest
from asnet.lower import lower
from asnet.network import load
from asnet.passes import approximate
from asnet.types import FloatMode
from tests.hls.generator import random_program
from tests.hls.kernels import module_of, random_inputs
from tests.hls.nest.golden import check
from tests.hls.programs import PROGRAMS
from tests.lower.conftest import CASES, Case
from tests.lower.test_quantised import CASES as QUANTISED

FUZZ = int(os.environ.get("ASNET_FUZZ", "0"))
"""Random kernels of the long run; 0: some."""
NETWORKS = Path(__file__).resolve().parents[3] / "examples" / "networks"


@pytest.mark.parametrize("mode", FloatMode)
def test_hand_written_kernels(mode: FloatMode) -> None:
    module = module_of(PROGRAMS, mode)
    programs = check(module, module, random_inputs(module, 4, 1), flush=False)
    assert [name for name, found in programs.items() if isinstance(found, nest.NotCounted)] == ["collatz"]


@pytest.mark.parametrize("seed", range(max(1, FUZZ // 40)))
def test_random_kernels(seed: int) -> None:
    random = Random(seed)
    kernels = [random_program(random, f"p{number}", random.randrange(10, 80)) for number in range(40)]
    module = module_of(kernels, list(FloatMode)[seed % 2])
    try:
        programs = check(module, module, random_inputs(module, 3, seed), flush=False)
    except SynthesisError as error:
        pytest.skip(f"LLVM made something of these kernels that is not supported: {error}")
    assert sum(isinstance(found, nest.Program) for found in programs.values()) > len(kernels) // 2


@pytest.mark.parametrize("case", [*CASES, *QUANTISED], ids=lambda case: case.name)
def test_every_operator(case: Case) -> None:
    network = case.network()
    images = {name: values[:2] for name, values in case.images().items()}
    programs = check(lower(network), approximate(lower(network)), images)
    assert all(isinstance(found, nest.Program) for found in programs.values())


@pytest.mark.parametrize("name", ["digits_dense", "digits_conv", "mnist_classification"])
def test_networks(name: str) -> None:
    network = load(NETWORKS / f"{name}.onnx")
    (tensor,) = network.inputs
    values = np.random.default_rng(1).random((1, *tensor.shape), np.float32)
    programs = check(lower(network), approximate(lower(network)), {tensor.name: values})
    assert all(isinstance(found, nest.Program) for found in programs.values())
