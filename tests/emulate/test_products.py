"""Sums of products: the reference form against numpy, and the call of a slot's kernel from a network's code."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.cache import default_cache
from asnet.emulate import GoldenProducts, ProductsFunction
from asnet.errors import ToolMissingError
from asnet.ir import Products
from asnet.tools import cxx, verilator
from asnet.types import FloatMode
from asnet.units import ApproximateUnit, FunctionLibrary


@pytest.fixture(scope="module")
def library() -> FunctionLibrary:
    try:
        verilator.find(), cxx.find()
    except ToolMissingError as error:
        pytest.skip(f"units are compiled by Verilator and a C++ compiler: {error}")
    units = [ApproximateUnit.shipped("mul8s_trunc").instance(t=3), ApproximateUnit.shipped("fmul_trunc").instance(p=9)]
    return FunctionLibrary.build(units, FloatMode.FTZ, cache=default_cache())


@pytest.mark.parametrize("vector_is_a", [True, False])
@pytest.mark.parametrize("accumulator", ["int32", "int64"])
def test_golden_sums_of_an_integer_unit(library: FunctionLibrary, accumulator: str, *, vector_is_a: bool) -> None:
    what = Products("i8", accumulator, vector_is_a, 1, 3, 70, 5)
    random = np.random.default_rng(1)
    v, s = (random.integers(-128, 128, shape).astype(np.int8) for shape in ((5, 70), (3, 5)))
    start = random.integers(-1000, 1000, (3, 70)).astype(accumulator)
    unit = next(instance for instance in library.instances if instance.op == "mul")
    function = ProductsFunction(GoldenProducts(library), what, unit, FloatMode.FTZ, default_cache())
    found = function(v, s, start)
    for row in range(3):
        left, right = v, np.broadcast_to(s[row][:, None], v.shape)
        a, b = (left, right) if vector_is_a else (right, left)
        wanted = start[row] + library.call("mul", "i8", a, b, unit).astype(accumulator).sum(axis=0)
        assert np.array_equal(found[row], wanted)


def test_golden_sums_of_a_float_unit_are_in_order(library: FunctionLibrary) -> None:
    what = Products("f32", "float32", True, 1, 2, 64, 40)
    random = np.random.default_rng(2)
    v, s = (random.standard_normal(shape).astype(np.float32) for shape in ((40, 64), (2, 40)))
    unit = next(instance for instance in library.instances if instance.op == "fmul")
    found = ProductsFunction(GoldenProducts(library), what, unit, FloatMode.FTZ, default_cache())(v, s)
    for row in range(2):
        total = np.zeros(64, np.float32)
        for step in range(40):
            total = total + library.call("fmul", "f32", v[step], np.full(64, s[row, step]), unit)
        assert np.array_equal(found[row].view(np.uint32), total.view(np.uint32))


def test_nothing_to_add_leaves_what_was_there(library: FunctionLibrary) -> None:
    what = Products("i8", "int32", True, 1, 3, 70, 5)
    function = ProductsFunction(GoldenProducts(library), what, None, FloatMode.FTZ, default_cache())
    start = np.arange(6, dtype=np.int32).reshape(2, 3)
    assert np.array_equal(function(np.zeros((0, 3), np.int8), np.zeros((2, 0), np.int8), start), start)
