"""A small lowered network to rewrite."""

from __future__ import annotations

from pathlib import Path

import pytest

from asnet.ir import Module
from asnet.lower import lower
from asnet.network import load

NETWORK = Path(__file__).resolve().parents[2] / "examples" / "networks" / "digits_dense.onnx"


@pytest.fixture
def module() -> Module:
    return lower(load(NETWORK))
