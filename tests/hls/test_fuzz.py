"""A sample of the fuzz run: some hundred random kernels, under random choices about the hardware."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.hls.fuzz import random_batch, shrunk

pytestmark = pytest.mark.usefixtures("simulator")


@pytest.mark.parametrize("seed", range(9))
def test_random_batches(seed: int) -> None:
    assert random_batch(seed).failure() == ""


def test_a_failure_is_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if hardware could not divide: what is left is one kernel, without stores that do not matter."""
    batch = random_batch(0)
    assert any("fdiv" in program.body for program in batch.programs)

    def failure(self: object) -> str:
        return "divides" if any("fdiv" in program.body for program in self.programs) else ""  # type: ignore[attr-defined]

    monkeypatch.setattr(type(batch), "failure", failure)
    least, problem = shrunk(batch)
    assert problem == "divides"
    assert len(least.programs) == 1
    assert "store" not in least.programs[0].body
    assert shrunk(replace(batch, programs=least.programs))[1] == "divides"
