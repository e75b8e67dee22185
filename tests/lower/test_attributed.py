"""Clip, Mod, BitShift and IsInf in every type, bit for bit the oracle's and equal to ONNX's reference."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from asnet import backend
from asnet.bits import bits_differ
from asnet.cache import Cache
from asnet.errors import NetworkError
from tests.lower.conftest import Case, Typed, case_tests, one

SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.5, 3e38, -3e38, 1e-45, -3e-40, 1.1754944e-38, 2.3e-38, 7.0, 16777216.0, np.inf, -np.inf, 1e-6],
    np.float32,
)

NEWEST = onnx.defs.onnx_opset_version()

CASES = [
    one("clip-int8", "Clip", Typed("int8", (7,)), np.array(-3, np.int8), np.array(5, np.int8)),
    one("clip-uint64", "Clip", Typed("uint64", (7,)), None, np.array(2**63 + 1, np.uint64)),
    one("clip-computed", "Clip", (3, 4), (), ()),
    one("clip-half-computed", "Clip", (3, 4), np.array(-0.5, np.float32), ()),
    one("clip-int32-computed", "Clip", Typed("int32", (3, 4)), Typed("int32", ())),
    one("clip-none", "Clip", (3, 4)),
    *(
        one(f"mod-{dtype}-{fmod}", "Mod", Typed(dtype, (5, 4)), Typed(dtype, (4,)), fmod=fmod)
        for dtype in ("int8", "int32", "int64", "uint8", "uint64")
        for fmod in (0, 1)
    ),
    one("fmod", "Mod", (5, 16), (16,), fmod=1),
    one("mod-float", "Mod", (5, 16), (16,)),
    one("mod-float-special", "Mod", SPECIAL[:, None], (15,)),
    one("fmod-special", "Mod", SPECIAL[:, None], (15,), fmod=1),
    *(
        one(
            f"shift-{dtype}-{direction}",
            "BitShift",
            Typed(dtype, (5, 4)),
            Typed(dtype, (5, 1)),
            direction=direction,
            opset=NEWEST,
        )
        for dtype in ("uint8", "uint16", "uint32", "uint64", "int8", "int32", "int64")
        for direction in ("LEFT", "RIGHT")
    ),
    *(
        one(f"bitcast-{source}-{goal}", "BitCast", of, to=helper.np_dtype_to_tensor_dtype(np.dtype(goal)), opset=NEWEST)
        for source, of, goal in (
            ("float32", (4, 9), "int32"),
            ("float32", (4, 9), "uint32"),
            ("int32", Typed("int32", (40,)), "float32"),
            ("int8", Typed("int8", (4, 9)), "uint8"),
            ("bool", Typed("bool", (9,)), "uint8"),
        )
    ),
    one("isinf", "IsInf", (4, 20)),
    one("isinf-positive", "IsInf", (4, 20), detect_negative=0),
    one("isinf-neither", "IsInf", (4, 20), detect_positive=0, detect_negative=0),
    one("isinf-negative", "IsInf", (4, 20), detect_positive=0),
]


test_has_the_oracles_bits, test_agrees_with_the_onnx_reference = case_tests(CASES)


def test_the_exact_remainder_of_any_two_floats(objects: Cache) -> None:
    """Every pair of a grid of bit patterns, subnormals among them, against the C library."""
    rng = np.random.default_rng(3)
    patterns = rng.integers(0, 2**32, 300, dtype=np.uint32)
    patterns[::5] &= np.uint32(0x807FFFFF)
    values = np.concatenate([patterns.view(np.float32), SPECIAL])
    node = helper.make_node("Mod", ["a", "b"], ["y"], fmod=1)
    (found,) = backend.run_node(node, [values[:, None], values])
    with np.errstate(all="ignore"):
        expected = np.fmod(values[:, None], values)
    assert not bits_differ(found, expected).any()


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (
            one("s", "BitShift", Typed("uint8", (3,)), Typed("uint8", (3,)), direction="UP"),
            "node 's' (BitShift): direction 'UP' is unknown; known: LEFT, RIGHT",
        ),
    ],
    ids=lambda item: item.name if isinstance(item, Case) else "",
)
def test_faults(case: Case, message: str) -> None:
    with pytest.raises(NetworkError) as caught:
        case.network()
    assert message in str(caught.value)
