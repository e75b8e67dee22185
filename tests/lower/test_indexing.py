"""Operators with run-time indices: bit for bit the oracle's, equal to ONNX's reference (which has no Scatter)."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.cache import Cache
from asnet.errors import NetworkError
from asnet.network import oracle
from asnet.types import FloatMode
from tests.lower.conftest import Case, Typed, check_bits, check_reference, integers, one

ROWS = np.array([[0, -1], [2, 2]])

CASES = [
    one("gather", "Gather", (3, 4), ROWS),
    one("gather-axis", "Gather", Typed("uint8", (2, 3, 4)), ROWS.astype(np.int32), axis=-2),
    one("gather-scalar", "Gather", Typed("bool", (3, 4)), np.array(-3)),
    one("gather-embedding", "Gather", (20, 3), Typed("int64", (2, 5))),
    one("gather-none", "Gather", (3, 4), np.zeros((0, 2), np.int64)),
    one("gather-elements", "GatherElements", (2, 4), np.array([[0, -1, 2], [1, 1, 0]]), axis=1),
    one("gather-elements-int32", "GatherElements", Typed("int8", (20, 2)), Typed("int32", (3, 2))),
    one("gather-nd", "GatherND", (3, 4, 2), np.array([[0, 1], [-1, 3], [2, -4]])),
    one("gather-nd-all", "GatherND", Typed("int16", (3, 4)), np.array([[0, 1], [-1, 3]])),
    one("gather-nd-batch", "GatherND", (2, 3, 4), np.array([[[0], [2]], [[-1], [1]]]), batch_dims=1),
    one("gather-nd-run", "GatherND", Typed("bool", (20, 3)), Typed("int64", (2, 2, 1))),
    one("scatter-9", "Scatter", (3, 3), np.array([[1, 0, 2], [0, 2, 1]]), (2, 3), opset=9),
    one("scatter-elements", "ScatterElements", (1, 5), np.array([[1, -2]]), (1, 2), axis=1),
    *(
        one(
            f"scatter-elements-{reduction}-{name}",
            "ScatterElements",
            Typed(name, (3, 4)) if name != "float32" else (3, 4),
            np.array([[1, 1, 0], [1, -2, 2]]),
            Typed(name, (2, 3)) if name != "float32" else (2, 3),
            reduction=reduction,
        )
        for reduction in ("none", "add", "mul", "max", "min")
        for name in ("float32", "int32", "uint8", "int64")
    ),
    one("scatter-elements-bool", "ScatterElements", Typed("bool", (9,)), integers(3, -1, 3), Typed("bool", (3,))),
    *(
        one(f"scatter-nd-{reduction}", "ScatterND", (4, 3), np.array([[1], [-1], [1]]), (3, 3), reduction=reduction)
        for reduction in ("none", "add", "mul", "max", "min")
    ),
    one("scatter-nd-points", "ScatterND", Typed("int64", (4, 3)), np.array([[1, 2], [0, -3]]), Typed("int64", (2,))),
    one("scatter-nd-run", "ScatterND", Typed("int8", (20,)), Typed("int64", (6, 1)), Typed("int8", (6,))),
    one("tensor-scatter", "TensorScatter", (2, 5, 3), (2, 2, 3), integers(1, 3), opset=24),
    one("tensor-scatter-first", "TensorScatter", (2, 2, 5, 3), (2, 2, 1, 3), opset=24),
    one(
        "tensor-scatter-circular",
        "TensorScatter",
        (2, 3, 4),
        (2, 3, 3),
        integers(3, -2),
        opset=24,
        axis=2,
        mode="circular",
    ),
    one(
        "tensor-scatter-run", "TensorScatter", (3, 20), (3, 2), Typed("int64", (3,)), opset=24, axis=1, mode="circular"
    ),
]


@pytest.mark.parametrize("mode", FloatMode)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_has_the_oracles_bits(case: Case, mode: FloatMode, objects: Cache) -> None:
    check_bits(case, mode, objects)


@pytest.mark.parametrize("case", [case for case in CASES if case.name != "scatter-9"], ids=lambda case: case.name)
def test_agrees_with_the_onnx_reference(case: Case, objects: Cache) -> None:
    check_reference(case, objects)


def test_a_computed_index_beyond_the_axis_is_the_nearest_inside() -> None:
    network = one("gather", "Gather", (3,), Typed("int64", (4,))).network()
    x = np.array([1, 2, 3], np.float32)
    found = oracle.run(network, {"in0": x, "in1": integers(-9, 9, -3, -(2**63))})["y"]
    assert found.tolist() == [1, 3, 1, 1]


def test_a_computed_start_beyond_the_cache_writes_inside() -> None:
    network = one("t", "TensorScatter", (2, 3), (2, 2), Typed("int64", (2,)), opset=24, axis=1).network()
    update = np.array([[1, 2], [3, 4]], np.float32)
    found = oracle.run(network, {"in0": np.zeros((2, 3), np.float32), "in1": update, "in2": integers(2, -9)})["y"]
    assert found.tolist() == [[0, 0, 2], [4, 0, 0]]


@pytest.mark.parametrize(
    "case, message",
    [
        (one("g", "Gather", (3, 4), integers(0, 3)), "index 3 is outside the 3 elements; mend the indices"),
        (one("g", "Gather", (0, 4), Typed("int64", (2,))), "indices into an axis without elements"),
        (one("g", "GatherND", (3, 4), np.array([[0, -5]])), "index -5 is outside the 3 x 4 elements"),
        (
            one("t", "TensorScatter", (2, 5, 3), (2, 2, 3), integers(1, 4), opset=24),
            "2 elements from 4 on are outside the 5 elements of the cache; mend the indices",
        ),
    ],
)
def test_constant_indices_outside_are_refused(case: Case, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        case.network()
