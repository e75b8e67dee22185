"""A sample of the fuzz run over networks: from ONNX to co-simulated hardware, with random units and choices."""

from __future__ import annotations

import pytest

from tests.e2e.fuzz import failure


@pytest.mark.parametrize("seed", [*range(6), 5004])  # 5004: lanes share units, and what follows them has others
def test_random_networks(seed: int) -> None:
    assert failure(seed) == ""
