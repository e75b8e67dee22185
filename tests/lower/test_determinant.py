"""Det: bit for bit the oracle's, equal to ONNX's reference."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.cache import Cache
from asnet.network import oracle
from asnet.types import FloatMode
from tests.lower.conftest import Case, check_bits, check_reference, one

CASES = [one(f"det-{m}", "Det", (m, m)) for m in (1, 2, 3, 7)] + [one("det-batch", "Det", (2, 3, 4, 4))]


@pytest.mark.parametrize("mode", FloatMode)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_has_the_oracles_bits(case: Case, mode: FloatMode, objects: Cache) -> None:
    check_bits(case, mode, objects)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_agrees_with_the_onnx_reference(case: Case, objects: Cache) -> None:
    check_reference(case, objects)


@pytest.mark.parametrize(
    "matrix, expected",
    [([[0, 2], [3, 4]], -6), ([[1, 2], [2, 4]], 0), ([[0, 0], [0, 5]], 0), ([[0, 1], [1, 0]], -1)],
)
def test_known_determinants(matrix: list[list[float]], expected: float) -> None:
    found = oracle.run(CASES[1].network(), {"in0": np.array(matrix, np.float32)})["y"]
    assert found.item() == expected
