"""Elementary functions and activations: the oracle's bits in both modes, and close to ONNX's reference."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.cache import Cache
from asnet.ir import for_hls
from asnet.ir.verify import verify
from asnet.lower import lower
from asnet.network import oracle
from asnet.network.activations import ACTIVATIONS, FUNCTIONS
from asnet.types import FloatMode
from tests.lower.conftest import Case, Typed, check_bits, check_reference, one, weights

INTEGER_POWERS = "pow-of-"
"""numpy refuses negative integer powers of integers."""


def scalar(value: float) -> np.ndarray:
    return np.array(value, np.float32)


CASES = [
    *(one(op.lower(), op, (3, 23)) for op in (*FUNCTIONS, *ACTIVATIONS) if op != "Swish"),
    one("swish", "Swish", (40,), opset=24),
    one("swish-alpha", "Swish", (40,), opset=24, alpha=1.7),
    one("gelu-tanh", "Gelu", (3, 23), approximate="tanh"),
    one("elu-alpha", "Elu", (40,), alpha=2.5),
    one("elu-tiny", "Elu", (40,), alpha=1e-40),
    one("selu-alpha", "Selu", (40,), alpha=2.0, gamma=3.0),
    one("celu-alpha", "Celu", (40,), alpha=2.0),
    one("celu-negative", "Celu", (40,), alpha=-0.75),
    one("hardsigmoid-alpha", "HardSigmoid", (40,), alpha=0.5, beta=0.6),
    one("thresholded", "ThresholdedRelu", (40,), alpha=-0.2),
    one("shrink-bias", "Shrink", (40,), bias=1.5, lambd=1.5),
    one("sqrt-scalar", "Sqrt", ()),
    one("prelu", "PRelu", (2, 3, 4), (3, 1)),
    one("prelu-constant", "PRelu", (2, 3, 4), weights(4)),
    one("prelu-int32", "PRelu", Typed("int32", (2, 3)), Typed("int32", (3,))),
    one("prelu-uint64", "PRelu", Typed("uint64", (2, 3)), Typed("uint64", (1,))),
    one("pow", "Pow", (6, 40), (6, 40)),
    one("pow-broadcast", "Pow", (3, 1, 4), (2, 4)),
    *(one(f"pow-{dtype}", "Pow", (40,), Typed(dtype, (40,))) for dtype in ("int32", "int64", "uint8", "uint64")),
    *(one(f"pow-{value}", "Pow", (50,), scalar(value)) for value in (0.5, 1, 2, 3, 0, -1, -0.5, 1.7, 4, 1e30)),
    *(
        one(f"{INTEGER_POWERS}{base}-{exponent}", "Pow", Typed(base, (40,)), Typed(exponent, (40,)))
        for base in ("int32", "int64")
        for exponent in ("int8", "uint8", "int32", "uint64", "int64")
    ),
    *(one(f"{INTEGER_POWERS}{base}-float", "Pow", Typed(base, (40,)), (40,)) for base in ("int32", "int64")),
    one(f"{INTEGER_POWERS}int32-root", "Pow", Typed("int32", (40,)), scalar(0.5)),
    one("pow-2-integer", "Pow", (50,), np.array([2], np.int64)),
    one("pow-2-wider", "Pow", (5,), np.full((1, 1), 2, np.float32)),
    one("pow-2-many", "Pow", (3, 1), np.full((4,), 2, np.float32)),
    one("log-softmax", "LogSoftmax", (2, 10)),
    one("log-softmax-axis", "LogSoftmax", (2, 5, 3), axis=1),
    one("log-softmax-single", "LogSoftmax", (1, 1)),
    one("log-softmax-11", "LogSoftmax", (2, 3, 4), opset=11),
    one("hardmax", "Hardmax", (2, 10)),
    one("hardmax-axis", "Hardmax", (2, 5, 3), axis=1),
    one("hardmax-single", "Hardmax", (3, 1)),
    one("hardmax-11", "Hardmax", (2, 3, 4), opset=11),
]


@pytest.mark.parametrize("mode", FloatMode)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_has_the_oracles_bits(case: Case, mode: FloatMode, objects: Cache) -> None:
    check_bits(case, mode, objects)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy on operands outside a function's domain
@pytest.mark.parametrize(
    "case",
    [case for case in CASES if not (case.name.endswith("-11") or case.name.startswith(INTEGER_POWERS))],
    ids=lambda case: case.name,
)
def test_agrees_with_the_onnx_reference(case: Case, objects: Cache) -> None:
    check_reference(case, objects)


@pytest.mark.parametrize("mode", FloatMode)
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integers_to_the_power_of_floats(dtype: str, mode: FloatMode) -> None:
    network = one("power", "Pow", Typed(dtype, (10,)), (10,)).network()
    base = np.array([3, -3, 9, 27, 10, 0, -1, -4, 7, 2], dtype)
    exponent = np.array([5.0, 3.0, 0.5, 1 / 3, 0.0, -1.0, -5.0, 0.5, 1.5, np.inf], np.float32)
    expected = [243, -27, 3, 3, 1, 0, -1, 0, 18, np.iinfo(dtype).max]
    assert oracle.run(network, {"in0": base, "in1": exponent}, mode)["y"].tolist() == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hardware_gets_no_intrinsics(case: Case) -> None:
    module = lower(case.network())
    verify(module)
    assert "@llvm." not in for_hls(module)


@pytest.mark.parametrize("mode", FloatMode)
def test_integer_powers(mode: FloatMode) -> None:
    network = one("power", "Pow", Typed("int32", (11,)), Typed("int64", (11,))).network()
    base = np.array([3, -3, 2, 2, 10, 0, 0, 1, -1, -1, 7], np.int32)
    exponent = np.array([5, 3, 31, 32, 0, 0, -1, -5, -5, -4, -1])
    expected = [243, -27, -(2**31), 0, 1, 1, 0, 1, -1, 1, 0]
    assert oracle.run(network, {"in0": base, "in1": exponent}, mode)["y"].tolist() == expected


def test_a_constant_power_is_that_of_a_variable_exponent() -> None:
    x = np.float32([0.0, -0.0, np.inf, -np.inf, np.nan, 2.0, -2.0, 9.0, 1e-30])
    for value in (0.5, 1.0, 2.0, 3.0):
        constant = one("constant", "Pow", (9,), scalar(value)).network()
        variable = one("variable", "Pow", (9,), (1,)).network()
        found = oracle.run(constant, {"in0": x})["y"]
        expected = oracle.run(variable, {"in0": x, "in1": np.float32([value])})["y"]
        np.testing.assert_allclose(found, expected, rtol=3e-7)
        assert np.array_equal(np.signbit(found[:4]), np.signbit(expected[:4]))
