"""Sums of masked float products against numpy, in order, on every level of instructions."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.bits import bits_differ
from asnet.cache import default_cache
from asnet.emulate import Masks, ProductsFunction
from asnet.emulate.floats import MaskProducts
from asnet.emulate.kernels import Target, host_target, host_targets
from asnet.host import float_environment
from asnet.ir import Products
from asnet.types import AnyArray, FloatMode
from asnet.units import ApproximateUnit, UnitInstance

TARGETS = {"host": host_target(), **{target.level: target for target in host_targets()}}
SHAPES = ((1, 1, 1), (7, 70, 13), (15, 130, 401), (200, 64, 9))


@pytest.fixture(scope="module")
def instance() -> UnitInstance:
    """Some instance; the tests say what its masks are."""
    return ApproximateUnit.shipped("fmul_trunc").instance(p=9)


def numbers(shape: tuple[int, ...], random: np.random.Generator) -> AnyArray:
    """Ordinary ones, zeros, infinities, NaNs, and such that products are subnormal."""
    values = random.standard_normal(shape).astype(np.float32)
    place = random.random(shape)
    values[place < 0.1] *= np.float32(1e-20)
    values[place > 0.99] = np.float32(-0.0)
    values[place > 0.9996] = np.float32(np.inf)
    values[place > 0.9998] = np.array(0x7FC00001, np.uint32).view(np.float32)
    return values


def masked(values: AnyArray, mask: int) -> AnyArray:
    return (values.view(np.uint32) & np.uint32(mask)).view(np.float32)


@pytest.mark.parametrize("mode", list(FloatMode))
@pytest.mark.parametrize("constant", [None, "s", "v"])
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_sums_are_numpys_in_order(
    target: Target, constant: str | None, mode: FloatMode, instance: UnitInstance
) -> None:
    masks = Masks(0xFFFFF000, 0xFFFFFF00)
    form = MaskProducts({instance.digest: masks}, target)
    for number, (rows, columns, depth) in enumerate(SHAPES):
        vector_is_a, groups = number % 2 == 0, 2 if constant == "s" else 1
        random = np.random.default_rng(number)
        v, s = numbers((depth, columns), random), numbers((groups, rows, depth), random)
        start = numbers((rows, columns), random)
        what = Products(
            "f32", "float32", vector_is_a, groups, rows, columns, depth, constant, constant_is_s=constant != "v"
        )
        known = {"s": s, "v": v}.get(constant or "")
        for unit, both in ((instance, masks), (None, Masks(0xFFFFFFFF, 0xFFFFFFFF))):
            left, right = (both.a, both.b) if vector_is_a else (both.b, both.a)
            function = ProductsFunction(form, what, unit, mode, default_cache(), known)
            for group in range(groups):
                found = function(v, s[group], start, group)
                wanted = start.copy()
                with float_environment(mode), np.errstate(all="ignore"):
                    for step in range(depth):
                        wanted += masked(s[group][:, step : step + 1], right) * masked(v[step], left)
                assert not bits_differ(found, wanted).any(), (rows, columns, depth, unit)
                assert not np.isnan(found).all() or min(rows, columns) == 1


def test_serves_certified_multipliers_and_exact_ones(instance: UnitInstance) -> None:
    form = MaskProducts({instance.digest: Masks(1, 2)})
    floats, integers = Products("f32", "float32", True, 1, 1, 64, 1), Products("i8", "int32", True, 1, 1, 64, 1)
    assert form.serves(floats, instance) and form.serves(floats, None)
    assert not form.serves(integers, None)
    assert not form.serves(floats, ApproximateUnit.shipped("fmul_trunc").instance(p=10))
