"""The elementary functions: accuracy, special values, and coefficients that their fit reproduces."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from asnet.host import float_environment
from asnet.network import elementary
from asnet.types import FloatMode

FIT = Path(__file__).with_name("fit_elementary.py")
ULP = 2.0**-24


@pytest.fixture(params=list(FloatMode), autouse=True)
def mode(request):
    with float_environment(request.param):
        yield request.param


def grid(low, high, count=400_001):
    return np.linspace(low, high, count).astype(np.float32)


def relative_error(found, expected):
    return np.abs(found.astype(np.float64) / expected - 1.0)


def test_exp_error_is_bounded_by_the_rounding_of_the_exponent():
    x = grid(-87.3, 88.7)
    bound = 1.2 * ULP * (1.0 + np.abs(x.astype(np.float64)) * np.log2(np.e))
    assert np.all(relative_error(elementary.exp(x), np.exp(x.astype(np.float64))) <= bound)


def test_sigmoid_error_is_bounded_by_that_of_exp():
    x = grid(-87.0, 88.7)
    bound = 2.0 * ULP * (1.0 + np.abs(x.astype(np.float64)) * np.log2(np.e))
    assert np.all(relative_error(elementary.sigmoid(x), 1.0 / (1.0 + np.exp(-x.astype(np.float64)))) <= bound)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_tanh_error(sign):
    x = np.float32(sign) * np.concatenate([np.float32(10.0) ** grid(-36, 1), grid(0.3, 1.0)])
    assert relative_error(elementary.tanh(x), np.tanh(x.astype(np.float64))).max() <= 1.7e-7


@pytest.mark.parametrize(
    ("function", "low", "high"),
    [(elementary.exp, -110, 110), (elementary.sigmoid, -110, 110), (elementary.tanh, -12, 12)],
)
def test_monotone(function, low, high):
    y = function(grid(low, high))
    assert np.all(y[1:] >= y[:-1])


def test_exp_of_zero_is_one():
    assert np.array_equal(elementary.exp(np.float32([0.0, -0.0])), [1.0, 1.0])


def test_limits():
    inf, huge = np.inf, np.float32(3e38)
    ends = np.float32([inf, huge, 1e30, 100.0])
    assert np.array_equal(elementary.exp(ends), [inf] * 4)
    assert np.array_equal(elementary.exp(-ends), [0.0] * 4)
    assert np.array_equal(elementary.tanh(ends), [1.0] * 4)
    assert np.array_equal(elementary.tanh(-ends), [-1.0] * 4)
    assert np.array_equal(elementary.sigmoid(ends), [1.0] * 4)
    assert np.array_equal(elementary.sigmoid(-ends), [0.0] * 4)


def test_exp_has_no_subnormal_and_reaches_the_largest_binade():
    y = elementary.exp(grid(-90, 90))
    assert not np.any((y > 0) & (y < np.finfo(np.float32).smallest_normal))
    assert y[np.isfinite(y)].max() > 2.0**127


@pytest.mark.parametrize("function", [elementary.exp, elementary.sigmoid, elementary.tanh])
def test_nan_stays_nan(function):
    assert np.isnan(function(np.float32([np.nan, -np.nan]))).all()


def test_tanh_keeps_the_sign_of_zero():
    assert np.array_equal(np.signbit(elementary.tanh(np.float32([0.0, -0.0]))), [False, True])


@pytest.mark.parametrize("function", [elementary.exp, elementary.sigmoid, elementary.tanh])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)])
def test_shape_and_type_are_kept(function, shape):
    y = function(np.full(shape, 0.5, np.float32))
    assert (y.shape, y.dtype) == (shape, np.float32)


def test_results_depend_on_the_element_alone():
    x = grid(-20, 20, 1001)
    for function in (elementary.exp, elementary.sigmoid, elementary.tanh):
        single = np.concatenate([function(x[i : i + 1]) for i in range(x.size)])
        assert np.array_equal(single.view(np.uint32), function(x).view(np.uint32))


@pytest.mark.parametrize(
    ("name", "coefficients"),
    [("exp2", elementary.EXP2_COEFFICIENTS[1:]), ("tanh", elementary.TANH_COEFFICIENTS)],
)
def test_the_fit_reproduces_the_coefficients(name, coefficients):
    found, error = runpy.run_path(str(FIT))[name]()
    assert error < 1e-8
    np.testing.assert_allclose(np.array(found), np.array(coefficients), rtol=1e-3)
    assert found[0] == coefficients[0]
