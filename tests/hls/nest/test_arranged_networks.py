"""Arranged layers of networks, and of random kernels, compute what the JIT computes."""

from __future__ import annotations

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
from tests.hls.nest.golden import Transform, check
from tests.hls.nest.test_arrange import CYCLES
from tests.lower.conftest import CASES, Case
from tests.lower.test_quantised import CASES as QUANTISED

NETWORKS = Path(__file__).resolve().parents[3] / "examples" / "networks"


def arranging(lanes: int, unroll: int, *, split_tail: bool | None = None, rows: bool = False) -> Transform:
    wish = nest.Arrangement(CYCLES, lanes, unroll, split_tail=split_tail, rows=rows)
    return lambda program: nest.arrange(program, wish).program


@pytest.mark.parametrize(("lanes", "unroll", "rows"), [(2, 1, False), (3, 4, True), (24, 1, True)])
@pytest.mark.parametrize("case", [*CASES, *QUANTISED], ids=lambda case: case.name)
def test_every_operator(case: Case, lanes: int, unroll: int, rows: bool) -> None:
    network = case.network()
    images = {name: values[1:2] for name, values in case.images().items()}
    check(lower(network), approximate(lower(network)), images, arranging(lanes, unroll, split_tail=True, rows=rows))


@pytest.mark.parametrize(("name", "lanes"), [("digits_dense", 2), ("digits_conv", 3), ("mnist_classification", 10)])
def test_networks(name: str, lanes: int) -> None:
    network = load(NETWORKS / f"{name}.onnx")
    (tensor,) = network.inputs
    values = np.random.default_rng(1).random((1, *tensor.shape), np.float32)
    check(lower(network), approximate(lower(network)), {tensor.name: values}, arranging(lanes, 1, rows=True))


@pytest.mark.parametrize("seed", range(2))
def test_random_kernels(seed: int) -> None:
    random = Random(100 + seed)
    kernels = [random_program(random, f"p{number}", random.randrange(10, 80)) for number in range(40)]
    module = module_of(kernels, list(FloatMode)[seed])
    try:
        check(
            module,
            module,
            random_inputs(module, 3, seed),
            arranging(2, 1 + seed, split_tail=True, rows=True),
            flush=False,
        )
    except SynthesisError as error:
        pytest.skip(f"LLVM made something of these kernels that is not supported: {error}")
