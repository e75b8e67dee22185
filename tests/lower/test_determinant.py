"""Det: bit for bit the oracle's, equal to ONNX's reference."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.network import oracle
from tests.lower.conftest import case_tests, one

CASES = [one(f"det-{m}", "Det", (m, m)) for m in (1, 2, 3, 7)] + [one("det-batch", "Det", (2, 3, 4, 4))]


test_has_the_oracles_bits, test_agrees_with_the_onnx_reference = case_tests(CASES)


@pytest.mark.parametrize(
    "matrix, expected",
    [([[0, 2], [3, 4]], -6), ([[1, 2], [2, 4]], 0), ([[0, 0], [0, 5]], 0), ([[0, 1], [1, 0]], -1)],
)
def test_known_determinants(matrix: list[list[float]], expected: float) -> None:
    found = oracle.run(CASES[1].network(), {"in0": np.array(matrix, np.float32)})["y"]
    assert found.item() == expected
