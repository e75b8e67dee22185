"""Elementary functions: accuracy against float64, special values, and coefficients that their fit reproduces."""

from __future__ import annotations

import math
import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asnet.host import float_environment
from asnet.network import functions
from asnet.network.functions import error, exponential, hyperbolic, powers, trigonometry
from asnet.types import FloatMode

FIT = Path(__file__).with_name("fit_functions.py")
STEPS = functions.ArraySteps()
SMALLEST = float(np.finfo(np.float32).smallest_normal)
LARGEST = float(np.finfo(np.float32).max)


@pytest.fixture(params=list(FloatMode), autouse=True)
def mode(request):
    with float_environment(request.param):
        yield request.param


def linear(low: float, high: float) -> np.ndarray:
    return np.linspace(low, high, 50_001).astype(np.float32)


def scales(low: float = 1.2e-37, high: float = 3e38) -> np.ndarray:
    """Numbers of every magnitude, both signs."""
    x = np.exp(np.linspace(math.log(low), math.log(high), 50_001)).astype(np.float32)
    return np.concatenate([x, -x])


def positive(low: float = 1.2e-37, high: float = 3e38) -> np.ndarray:
    return scales(low, high)[:50_001]


def each(function: Callable[[float], float]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.array([function(value) for value in x.tolist()])


def evaluate(function: functions.Function, x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        found = function(STEPS, x)
    assert found.dtype == np.float32
    return found.astype(np.float64)


def softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0.0, x)


RELATIVE = {
    "log": (functions.log, np.log, [positive(), linear(0.5, 2.0)], 9e-8),
    "log1p": (functions.log1p, np.log1p, [positive(), linear(-0.999, 1.0)], 1.5e-7),
    "expm1": (functions.expm1, np.expm1, [scales(high=1.0), linear(-5.0, 5.0)], 5e-7),
    "erf": (functions.erf, each(math.erf), [scales(high=1.0), linear(-5.0, 5.0)], 1.0e-7),
    "softplus": (functions.softplus, softplus, [linear(-10.0, 100.0)], 1.2e-6),
    "mish": (functions.mish, lambda x: x * np.tanh(softplus(x)), [linear(-10.0, 60.0)], 1.2e-6),
    "sinh": (functions.sinh, np.sinh, [scales(high=1.0), linear(-10.0, 10.0)], 1.2e-6),
    "cosh": (functions.cosh, np.cosh, [linear(-10.0, 10.0)], 1.2e-6),
    "asinh": (functions.asinh, np.arcsinh, [scales(), linear(-3.0, 3.0)], 1.8e-7),
    "acosh": (functions.acosh, np.arccosh, [positive(1.0), linear(1.0, 3.0)], 1.8e-7),
    "atanh": (functions.atanh, np.arctanh, [scales(high=0.9), linear(-0.99999, 0.99999)], 2.0e-7),
    "sin": (functions.sin, np.sin, [scales(), linear(-100.0, 100.0)], 2.4e-7),
    "cos": (functions.cos, np.cos, [scales(), linear(-100.0, 100.0)], 2.4e-7),
    "tan": (functions.tan, np.tan, [scales(), linear(-100.0, 100.0)], 4.2e-7),
    "asin": (functions.asin, np.arcsin, [scales(high=1.0), linear(-1.0, 1.0)], 2.7e-7),
    "acos": (functions.acos, np.arccos, [linear(-1.0, 1.0)], 1.5e-7),
    "atan": (functions.atan, np.arctan, [scales(), linear(-3.0, 3.0)], 1.5e-7),
}
"""Function, its float64 reference, operands, and the bound of the relative error."""


@pytest.mark.parametrize("name", RELATIVE)
def test_relative_error(name):
    function, reference, operands, bound = RELATIVE[name]
    x = np.concatenate(operands)
    expected = reference(x.astype(np.float64))
    normal = np.abs(expected) >= 2 * SMALLEST
    assert np.all(np.abs(evaluate(function, x)[normal] / expected[normal] - 1.0) <= bound)


@pytest.mark.parametrize("function", [functions.sinh, functions.cosh, functions.expm1])
def test_growing_functions_err_by_the_rounding_of_the_exponent(function):
    x = linear(2.0, 88.7)
    expected = {functions.sinh: np.sinh, functions.cosh: np.cosh, functions.expm1: np.expm1}[function](x.astype(float))
    bound = 2.0**-24 * (4.0 + 2.0 * x.astype(np.float64) * np.log2(np.e))
    assert np.all(np.abs(evaluate(function, x) / expected - 1.0) <= bound)


@pytest.mark.parametrize("name", ["gelu", "gelu_tanh"])
def test_gelu_errs_by_its_sum(name):
    x = linear(-6.0, 6.0)
    wide = x.astype(np.float64)
    inner = math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3)
    share = each(math.erf)(wide / math.sqrt(2)) if name == "gelu" else np.tanh(inner)
    found = evaluate(getattr(functions, name), x)
    assert np.all(np.abs(found - 0.5 * wide * (1 + share)) <= 1.5e-7 * np.abs(wide) + 1e-37)


def test_sqrt_is_correctly_rounded(mode):
    every_significand = np.arange(0x3F800000, 0x40800000, 7, dtype=np.uint32).view(np.float32)  # [1, 4): both parities
    special = np.float32([0.0, -0.0, np.inf, SMALLEST, LARGEST, 1e-40, 1e-45])
    x = np.concatenate([every_significand, positive(SMALLEST), special[: 5 if mode is FloatMode.FTZ else None]])
    with np.errstate(all="ignore"):
        assert np.array_equal(functions.sqrt(STEPS, x).view(np.uint32), np.sqrt(x).view(np.uint32))
        assert np.isnan(functions.sqrt(STEPS, np.float32([-1.0, -np.inf, np.nan, -SMALLEST]))).all()


def test_power_error():
    rng = np.random.default_rng(3)
    x = np.concatenate([np.exp(rng.uniform(-87, 88, 100_000)), np.linspace(0.9, 1.1, 100_000)]).astype(np.float32)
    x = x[x != 1]
    y = (rng.uniform(-125, 127, x.size) / np.log2(x.astype(np.float64))).astype(np.float32)
    expected = x.astype(np.float64) ** y.astype(np.float64)
    inside = (expected > SMALLEST) & (expected < LARGEST)
    assert inside.sum() > 190_000
    found = functions.power(STEPS, x, y).astype(np.float64)
    assert np.all(np.abs(found[inside] / expected[inside] - 1.0) <= 3e-7)


def test_power_of_special_values():
    special = [0.0, 1.0, np.inf, 2.0, 0.5, 3.0, 3e38, 16777217.0, 8388609.0, 2.5, 1e-30, 1.5]
    numbers = np.float32([*special, *(-value for value in special), np.nan])
    x, y = (array.ravel() for array in np.meshgrid(numbers, numbers))
    with np.errstate(all="ignore"):
        found, expected = functions.power(STEPS, x, y), np.power(x, y)
    expected[np.abs(expected) < SMALLEST] *= 0
    np.testing.assert_allclose(found, expected, rtol=3e-7, atol=0)
    ordered = ~np.isnan(expected)
    assert np.array_equal(np.signbit(found[ordered]), np.signbit(expected[ordered]))


NAN, INF = math.nan, math.inf
SPECIAL = [
    ("log", [0.0, -0.0, -1.0, INF, -INF, 1.0], [-INF, -INF, NAN, INF, NAN, 0.0]),
    ("log1p", [0.0, -1.0, -2.0, INF], [0.0, -INF, NAN, INF]),
    ("expm1", [0.0, INF, -INF], [0.0, INF, -1.0]),
    ("erf", [0.0, -0.0, INF, -INF, 3e38], [0.0, -0.0, 1.0, -1.0, 1.0]),
    ("softplus", [INF, -INF, 1e30], [INF, 0.0, 1e30]),
    ("mish", [INF, 1e30, 0.0], [INF, 1e30, 0.0]),
    ("gelu", [INF, 0.0], [INF, 0.0]),
    ("sinh", [INF, -INF, 0.0, -0.0, 100.0], [INF, -INF, 0.0, -0.0, INF]),
    ("cosh", [INF, -INF, 0.0], [INF, INF, 1.0]),
    ("asinh", [INF, -INF, 0.0, -0.0], [INF, -INF, 0.0, -0.0]),
    ("acosh", [INF, 1.0, 0.5, -INF], [INF, 0.0, NAN, NAN]),
    ("atanh", [1.0, -1.0, 1.5, -0.0, INF], [INF, -INF, NAN, -0.0, NAN]),
    ("sin", [INF, -INF, 0.0, -0.0], [NAN, NAN, 0.0, -0.0]),
    ("cos", [INF, -INF, 0.0], [NAN, NAN, 1.0]),
    ("tan", [INF, -INF, 0.0, -0.0], [NAN, NAN, 0.0, -0.0]),
    ("asin", [1.5, -INF, 0.0, -0.0], [NAN, NAN, 0.0, -0.0]),
    ("acos", [1.5, -INF, 1.0], [NAN, NAN, 0.0]),
    ("atan", [0.0, -0.0, INF], [0.0, -0.0, np.float32(math.pi / 2)]),
]


@pytest.mark.parametrize(("name", "operands", "expected"), SPECIAL, ids=[name for name, _, _ in SPECIAL])
def test_special_values(name, operands, expected):
    with np.errstate(all="ignore"):
        found = getattr(functions, name)(STEPS, np.float32([*operands, NAN]))
    goal = np.float32([*expected, NAN])
    assert np.array_equal(found, goal, equal_nan=True)
    assert np.array_equal(np.signbit(found[~np.isnan(goal)]), np.signbit(goal[~np.isnan(goal)]))


def test_the_digits_of_two_over_pi():
    def arctangent(inverse: int, one: int) -> int:
        total = term = one // inverse
        for n in range(3, 500, 2):
            term //= -inverse * inverse
            total += term // n
        return total

    one = 1 << 400
    pi = 4 * (4 * arctangent(5, one) - arctangent(239, one))  # Machin 1706
    assert (2 * one << 256) // pi == trigonometry.TWO_OVER_PI


COEFFICIENTS = {
    "LOG": exponential.LOG,
    "EXPM1": exponential.EXPM1,
    "LOG2": powers.LOG2,
    "ERF": error.ERF,
    "ERFC": error.ERFC,
    "SINH": hyperbolic.SINH,
    "SIN": trigonometry.SIN,
    "COS": trigonometry.COS,
    "ATAN": trigonometry.ATAN,
    "ASIN": trigonometry.ASIN,
}


@pytest.fixture(scope="module")
def fits():
    return runpy.run_path(str(FIT))["FITS"]


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_the_fit_reproduces_the_coefficients(name, fits):
    found, deviation = fits[name]()
    assert deviation < 2e-8
    np.testing.assert_allclose(np.array(found), np.array(COEFFICIENTS[name]), rtol=5e-2)
    assert found[0] == COEFFICIENTS[name][0]
