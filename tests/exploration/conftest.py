"""Slots and units that the tests of this room share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from asnet.exploration import DesignSpace, StudyFacts
from asnet.ir import Slot
from asnet.testbed import Evaluation
from asnet.types import FloatMode


def slot(layer: str, op_type: str, op: str, count: int = 10, kind: str = "f32") -> Slot:
    return Slot(f"{layer}.{op}", layer, op_type, op, kind, f"asnet.{op}.{layer}", 1, count)


SLOTS = (
    slot("conv1", "Conv", "fmul", 100),
    slot("conv2", "Conv", "fmul", 200),
    slot("softmax", "Softmax", "fmul"),
    slot("softmax", "Softmax", "fdiv"),
)


class FakeEvaluator:
    """Tells an accuracy that depends on nothing but the choices; `fail` raises instead, `calls` counts."""

    def __init__(self) -> None:
        self.calls = 0

    def evaluate(self, configuration: Mapping[str, str], /) -> Evaluation:
        self.calls += 1
        seed = hashlib.sha256(repr(sorted(configuration.items())).encode()).digest()
        return Evaluation(correct=seed[0], images=256, digest=seed.hex(), seconds=0.001)


@pytest.fixture
def space() -> DesignSpace:
    return DesignSpace.of(SLOTS, {"fmul_trunc": {"p": range(0, 23, 4)}, "fdiv_trunc": {"p": [0, 20, 22]}})


def facts_of(space: DesignSpace, **changes: object) -> StudyFacts:
    given: dict[str, object] = {
        "network": Path("net.onnx"), "network_digest": "aa" * 32, "data": Path("test.npz"), "data_digest": "bb" * 32,
        "images": 256, "float_mode": FloatMode.FTZ, "granularity": "network", "backend": "golden",
        "program": "cc" * 32, "version": "0.1.0",
    }  # fmt: skip
    return StudyFacts.collect(space, **(given | changes))  # type: ignore[arg-type]
