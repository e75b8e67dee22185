"""Equal numbers mean equal bytes, small blobs or large."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.ir.staged import Blob
from asnet.testbed import contents
from asnet.testbed.contents import Contents


@pytest.mark.parametrize("large", [1 << 30, 1])
def test_numbers(monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    monkeypatch.setattr(contents, "_LARGE", large)
    monkeypatch.setattr(contents, "_COMPARED", 1000)
    generator = np.random.default_rng(1)
    numbers, there = Contents(), dict[int, Blob]()
    first = generator.integers(0, 256, 64 * 200, np.uint8)
    beside = first.copy()
    beside[64 * 3 + 5] ^= 1  # in no line of the sample
    longer = np.concatenate([first, np.zeros(64, np.uint8)])
    for expected, blob in enumerate((first, beside, longer), start=1):
        assert numbers.number(blob, there) == expected
        there[expected] = blob
    assert [numbers.number(blob.copy(), there) for blob in (longer, beside, first)] == [3, 2, 1]
    del there[2]
    again = numbers.number(beside, there)
    assert again == (2 if large > 1 else 4)  # a large content that is gone cannot be compared
    numbers.forget({1})
    assert numbers.number(first, there) == 1
    assert numbers.number(longer, {}) > 3
