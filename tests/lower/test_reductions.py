"""Reductions, running sums and selections, bit for bit the oracle's and equal to ONNX's reference."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.cache import Cache
from asnet.lower.reductions import STEPS as STEPS
from asnet.network.reductions import FINISHES
from asnet.types import FloatMode
from tests.lower.conftest import Case, Typed, check_bits, check_reference, one


def integers(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def scalar(value: int) -> np.ndarray:
    return np.array(value, np.int64)


CASES = [
    *(one(f"{op}-all", op, (2, 3, 4), keepdims=0) for op in STEPS),
    *(one(f"{op}-axes", op, (2, 3, 4), integers(-1, 0)) for op in STEPS),
    *(one(f"{op}-int32", op, Typed("int32", (3, 5)), integers(1), keepdims=0) for op in STEPS if op not in FINISHES),
    *(
        one(f"{op}-uint64", op, Typed("uint64", (3, 5)), integers(0))
        for op in STEPS
        if op not in {"ReduceMean", *FINISHES}
    ),
    *(one(f"{op}-13", op, (2, 3, 4), opset=12, axes=[1], keepdims=0) for op in STEPS),
    *(one(f"{op}-none", op, (2, 0, 4), integers(1)) for op in STEPS if op != "ReduceMean"),
    one("max-bool", "ReduceMax", Typed("bool", (3, 4)), integers(1)),
    one("min-bool", "ReduceMin", Typed("bool", (3, 4)), integers(1)),
    one("max-int8", "ReduceMax", Typed("int8", (3, 4)), integers(1)),
    one("min-uint8", "ReduceMin", Typed("uint8", (3, 4)), integers(1)),
    one("logsumexp", "ReduceLogSumExp", (3, 4, 2), integers(0, 2)),
    one("logsumexp-none", "ReduceLogSumExp", (3, 0), integers(1)),
    one("sum-noop", "ReduceSum", (3, 4), noop_with_empty_axes=1),
    one("argmax", "ArgMax", (3, 4, 2), axis=1),
    one("argmax-last", "ArgMax", Typed("int8", (3, 40)), axis=-1, select_last_index=1, keepdims=0),
    one("argmin", "ArgMin", (3, 4, 2)),
    one("argmin-last", "ArgMin", Typed("uint8", (3, 40)), axis=1, select_last_index=1),
    one("argmax-one", "ArgMax", (3, 1), axis=1),
    *(
        one(f"{op}-{exclusive}{reverse}", op, (2, 5, 3), scalar(-2), exclusive=exclusive, reverse=reverse, opset=opset)
        for op, opset in (("CumSum", 14), ("CumProd", 26))
        for exclusive in (0, 1)
        for reverse in (0, 1)
    ),
    one("cumsum-int64", "CumSum", Typed("int64", (3, 4)), scalar(0), opset=14),
    *(
        one(
            f"topk-{dtype}-{largest}",
            "TopK",
            Typed(dtype, (2, 7, 2)),
            integers(3),
            axis=1,
            largest=largest,
            outputs=("y", "i"),
        )
        for dtype in ("int32", "uint8", "int64", "uint64")
        for largest in (0, 1)
    ),
    one("topk", "TopK", (2, 9), integers(4), outputs=("y", "i")),
    one("topk-smallest", "TopK", (2, 9), integers(9), largest=0, outputs=("y", "i")),
    one("topk-unsorted", "TopK", (9, 2), integers(2), axis=0, sorted=0, outputs=("y", "i")),
    one("topk-10", "TopK", (3, 6), integers(1), opset=10, outputs=("y", "i")),
]
WIDENED = "ReduceSumSquare-int32"
"""A case whose result onnx.reference gives as int64."""


@pytest.mark.parametrize("mode", FloatMode)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_has_the_oracles_bits(case: Case, mode: FloatMode, objects: Cache) -> None:
    check_bits(case, mode, objects)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_agrees_with_the_onnx_reference(case: Case, objects: Cache) -> None:
    if case.name != WIDENED:
        check_reference(case, objects)
