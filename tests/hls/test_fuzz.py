"""A sample of the fuzz run: some hundred random kernels, under random choices about the hardware."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace

import numpy as np
import pytest

from asnet.hls import HlsOptions
from asnet.hls.nest import structure
from tests.hls.fuzz import Batch, main, random_batch, shrunk
from tests.hls.kernels import module_of, random_inputs
from tests.hls.nest.golden import kernels_of, repeats


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("seed", range(6))
def test_random_batches(seed: int) -> None:
    assert random_batch(seed).failure() == ""


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize(
    ("seed", "name", "text"), [(1027, "p18", 3889387548)], ids=["a counter that goes round by itself"]
)
def test_kernels_that_failed_once(seed: int, name: str, text: int) -> None:
    """``text``: the checksum of the kernel, as another one would say nothing."""
    batch = random_batch(seed)
    alone = batch.only(next(program for program in batch.programs if program.name == name))
    assert zlib.crc32(alone.programs[0].body.encode()) == text
    assert alone.failure() == ""


def test_a_kernel_alone_is_the_kernel_in_its_batch() -> None:
    """Text, constants, units, options and images do not depend on the other kernels."""
    batch = random_batch(3)
    alone = batch.only(batch.programs[4])
    whole, part = (module_of(each.programs, each.mode, each.constants) for each in (batch, alone))
    assert random_batch(3, 5).programs[4] == alone.programs[0]
    for name, values in random_inputs(part, 6, 3).items():
        np.testing.assert_array_equal(values, random_inputs(whole, 6, 3)[name])
    assert alone.options.parallel == {"p4": batch.options.parallel["p4"]}
    assert replace(alone.options, parallel={}, unroll={}) == replace(batch.options, parallel={}, unroll={})


def test_everything_is_drawn() -> None:
    batches = [random_batch(seed) for seed in range(40)]
    for name in ("style", "clock", "dsps", "fuse", "reuse", "pipelined", "scheduler", "chain", "weights", "bus"):
        assert len({getattr(batch.options, name) for batch in batches}) > 1, name
    for name in ("parallel", "unroll"):
        assert {n for batch in batches for n in getattr(batch.options, name).values()} >= {1, 2, 3}, name
    assert {slot.op for batch in batches for program in batch.programs for slot in program.slots} == {"fmul", "fdiv"}
    assert {batch.stalls for batch in batches} == {False, True}
    assert len({batch.mode for batch in batches}) == 2


def test_repeats_carry_values() -> None:
    """Of the kernels that are made for it, each is flat loops, and many have values that go through several of them."""
    carrying: list[bool] = []
    for batch in (random_batch(seed) for seed in range(4)):
        for kernel in kernels_of(module_of(batch.programs[2::3], batch.mode, batch.constants)):
            carrying.append(any(len(repeat.carried) > 1 for repeat in repeats(structure(kernel).body)))
    assert len(carrying) == 32
    assert sum(carrying) > 8


@pytest.fixture
def cannot_convert(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if hardware could not turn integers into floats."""

    def failure(self: Batch, cache: object = None) -> str:
        return "converts" if any("sitofp" in program.body for program in self.programs) else ""

    monkeypatch.setattr(Batch, "failure", failure)


@pytest.mark.usefixtures("cannot_convert")
def test_a_failure_is_shrunk() -> None:
    """What is left is one kernel, without choices and stores that do not matter, apart from those of known words."""
    least, problem = shrunk(random_batch(0))
    assert problem == "converts"
    assert len(least.programs) == 1
    assert not re.search(r"store \w+ %", least.programs[0].body)
    assert least.options == HlsOptions()


@pytest.mark.usefixtures("cannot_convert")
def test_a_failure_says_how_to_repeat_it(capsys: pytest.CaptureFixture[str]) -> None:
    batch = random_batch(0)
    name = next(program.name for program in batch.programs if "sitofp" in program.body)
    good = next(program.name for program in batch.programs if "sitofp" not in program.body)
    assert main(["--seed", "0", "--only", name]) == 1
    assert f"again: python -m tests.hls.fuzz --seed 0 --only {name}\n" in capsys.readouterr().out
    assert main(["--seed", "0", "--only", good]) == 0
