"""Programs compute what the JIT computes: hand-written kernels, random ones, every operator, shipped networks."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest

from asnet.errors import SynthesisError
from asnet.hls import nest
from asnet.hls.memories import scratch_memories
from asnet.ir import MemoryKind
from asnet.lower import lower
from asnet.network import load
from asnet.passes import approximate
from asnet.types import Array, FloatMode
from tests.hls.carrying import random_carrying
from tests.hls.generator import random_program
from tests.hls.kernels import Argument, Program, module_of, random_inputs
from tests.hls.nest import golden
from tests.hls.nest.golden import check
from tests.hls.nests import random_constants, random_nests
from tests.hls.programs import PROGRAMS
from tests.lower.conftest import CASES, Case
from tests.lower.test_quantised import CASES as QUANTISED

FUZZ = int(os.environ.get("ASNET_FUZZ", "0"))
"""Random kernels of the long run; 0: some."""
BRANCHES = Program(
    "branches",
    (Argument("x", MemoryKind.INPUT, "i32", 16), Argument("z", MemoryKind.OUTPUT, "i32", 16)),
    """  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %n, %second ]
  %px = getelementptr i32, ptr %x, i64 %i
  %pz = getelementptr i32, ptr %z, i64 %i
  %a = load i32, ptr %px
  store i32 0, ptr %pz
  %p = icmp slt i32 %a, 3
  br i1 %p, label %one, label %two
one:
  %c1 = icmp sgt i32 %a, -2
  store i32 1, ptr %pz
  br label %first
two:
  %c2 = icmp sgt i32 %a, 99
  store i32 2, ptr %pz
  br label %first
first:
  %c = phi i1 [ %c1, %one ], [ %c2, %two ]
  %u = phi i32 [ %a, %one ], [ 40, %two ]
  br i1 %c, label %three, label %four
three:
  br label %second
four:
  store i32 4, ptr %pz
  br i1 %p, label %five, label %six
five:
  store i32 5, ptr %pz
  br label %six
six:
  %v = phi i32 [ 7, %four ], [ %u, %five ]
  br label %second
second:
  %w = phi i32 [ %u, %three ], [ %v, %six ]
  %old = load i32, ptr %pz
  %r = add i32 %w, %old
  store i32 %r, ptr %pz
  %n = add nuw nsw i64 %i, 1
  %again = icmp ult i64 %n, 16
  br i1 %again, label %loop, label %done
done:
  ret void""",
)
NETWORKS = Path(__file__).resolve().parents[3] / "examples" / "networks"


@pytest.mark.parametrize("mode", FloatMode)
def test_hand_written_kernels(mode: FloatMode) -> None:
    module = module_of(PROGRAMS, mode)
    programs = check(module, module, random_inputs(module, 4, 1), flush=False)
    refused = [name for name, found in programs.items() if isinstance(found, nest.NotCounted)]
    assert refused == ["joined", "collatz"]  # a way that two branches share, a loop that ends by data


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


@pytest.mark.parametrize("kind", [random_nests, random_carrying])
@pytest.mark.parametrize("seed", range(max(1, FUZZ // 20)))
def test_random_nests(seed: int, kind: Callable[[Random, str, int], Program]) -> None:
    """Also with scratch memories forwarded, and in lanes."""
    random = Random(seed)
    names = [f"p{number}" for number in range(20)]
    kernels = [kind(random, name, 1 + random.randrange(4)) for name in names]
    constants: dict[str, Array] = {}
    for name in names:
        constants |= random_constants(random, name)
    module = module_of(kernels, list(FloatMode)[seed % 2], constants)
    scratch, cycles = scratch_memories(module), random.randrange(1, 8)
    wish = nest.Arrangement(lambda _pipeline, _carried: cycles, lanes=random.randrange(1, 5))

    def transformed(program: nest.Program) -> nest.Program:
        return nest.arrange(nest.forwarded(program, scratch), wish).program

    programs = check(module, module, random_inputs(module, 2, seed), transformed, flush=False)
    assert all(isinstance(found, nest.Program) for found in programs.values())


def test_branches_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are written, before LLVM makes less of them: flags are chosen, and used by the next branches."""
    monkeypatch.setattr(golden, "for_hls", lambda module: module.text)
    module = module_of([BRANCHES], FloatMode.FTZ)
    (program,) = check(module, module, random_inputs(module, 20, 1), flush=False).values()
    assert isinstance(program, nest.Program)
    (pipeline,) = program.pipelines
    names = [operation.name for operation in pipeline.operations]
    assert len(names) == len(set(names))


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
