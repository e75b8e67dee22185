"""Sums of products of integers against numpy: every level of instructions, width, signedness, shape; factors."""

from __future__ import annotations

from dataclasses import replace

import llvmlite.binding as llvm
import numpy as np
import pytest
from numpy.typing import NDArray

from asnet.cache import default_cache
from asnet.emulate import ProductsFunction
from asnet.emulate.integer import ExactIntegers, FactoredIntegers, Factors, plan_for
from asnet.emulate.integer.dot import WORDS
from asnet.emulate.integer.kernel import kernel_text
from asnet.emulate.kernels import LEVELS, Target, host_target, host_targets
from asnet.ir import Products
from asnet.ir.products import container
from asnet.types import FloatMode, operand_type
from asnet.units import ApproximateUnit, UnitInstance

TARGETS = {"host": host_target(), **{target.level: target for target in host_targets()}}
SHAPES = ((1, 1, 1), (7, 70, 13), (13, 130, 601), (6, 64, 9), (1, 200, 9), (1, 70, 600))

Integers = NDArray[np.int64]


@pytest.fixture(scope="module")
def instance() -> UnitInstance:
    """Some instance; the tests say what its factors are."""
    return ApproximateUnit.shipped("mul8s_trunc").instance(t=3)


def operands(kind: str, shape: tuple[int, ...], random: np.random.Generator) -> Integers:
    """Random operands, many of them at the ends of the range."""
    operand = operand_type(kind)
    low = -(1 << (operand.width - 1)) if operand.signed else 0
    values = random.integers(low, low + (1 << operand.width), shape)
    place = random.random(shape)
    return np.where(place < 0.2, low, np.where(place > 0.8, low + (1 << operand.width) - 1, values))


def check(
    form: FactoredIntegers,
    kind: str,
    accumulator: str,
    shape: tuple[int, int, int],
    constant: str | None,
    factors: Factors | None = None,
    instance: UnitInstance | None = None,
    *,
    vector_is_a: bool = True,
) -> bool:
    """Whether the form computes what numpy does, for two products with constants of their own if s is constant."""
    rows, columns, depth = shape
    random = np.random.default_rng([rows, columns, depth])
    groups = 2 if constant == "s" else 1
    s, v = operands(kind, (groups, rows, depth), random), operands(kind, (depth, columns), random)
    start = random.integers(-(1 << 31), 1 << 31, (rows, columns)).astype(accumulator)
    known = {"s": s, "v": v}.get(constant or "")
    what = Products(
        kind, accumulator, vector_is_a, groups, rows, columns, depth, constant, constant_is_s=constant != "v"
    )
    raw = None if known is None else known.astype(container(kind))
    function = ProductsFunction(form, what, instance, FloatMode.FTZ, default_cache(), raw)
    for group in range(groups):
        wanted = start.astype(np.int64)
        if factors is None:
            wanted = wanted + s[group] @ v
        else:
            left, right = (factors.u, factors.w) if vector_is_a else (factors.w, factors.u)
            patterns = [side % (1 << factors.width) for side in (v, s[group])]
            for u, w in zip(left, right, strict=True):
                wanted = wanted + w[patterns[1]] @ u[patterns[0]]
        if not np.array_equal(function(v, s[group], start, group), wanted.astype(accumulator)):
            return False
    return True


@pytest.mark.parametrize("accumulator", ["int32", "int64"])
@pytest.mark.parametrize("kind", ["i8", "u8", "i5", "u7", "i16", "u16", "i9", "u12"])
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_exact_products(target: Target, kind: str, accumulator: str) -> None:
    form = ExactIntegers(target)
    for shape, constant in zip(SHAPES, (None, "s", None, "v", "s", None), strict=True):
        assert check(form, kind, accumulator, shape, constant), (shape, constant)
    assert check(form, kind, accumulator, (3, 65, 4), "s", vector_is_a=False)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize(("kind", "width"), [("i8", 8), ("u8", 8), ("i5", 5), ("u16", 16)])
@pytest.mark.parametrize("terms", [1, 3, 18])
def test_sums_of_products_of_factors(target: Target, kind: str, width: int, terms: int, instance: UnitInstance) -> None:
    random = np.random.default_rng([width, terms])
    ranges = [(-128, 128), (0, 256), (0, 128), (-300, 400), (-70000, 70001), (250, 500)]
    u, w = (
        np.stack([random.integers(*ranges[(term + turn) % len(ranges)], 1 << width) for term in range(terms)])
        for turn in (0, terms // 3)
    )
    factors = Factors(u, w, operand_type(kind).signed)
    form = FactoredIntegers(lambda _: factors, target)
    for constant in (None, "s"):
        assert check(form, kind, "int32", (7, 70, 61), constant, factors, instance)
    assert check(form, kind, "int64", (2, 100, 7), "v", factors, instance, vector_is_a=False)


def test_operands_of_masks_need_no_table(instance: UnitInstance) -> None:
    """Truncated operands, and a wrong entry that only one pair of operands shows."""
    values = np.arange(256)
    signed = np.where(values > 127, values - 256, values)
    factors = Factors((signed & ~7)[None], (signed & ~1)[None], True)
    what = Products("i8", "int32", True, 1, 8, 64, 16)
    (planned,) = plan_for(what, factors).passes
    assert not planned.terms[0].u.by_table and not planned.terms[0].w.by_table
    form = FactoredIntegers(lambda _: factors)
    assert check(form, "i8", "int32", (8, 64, 16), None, factors, instance)
    wrong = factors.u.copy()
    wrong[0, 0x80] += 1
    assert not check(form, "i8", "int32", (8, 64, 16), None, Factors(wrong, factors.w, True), instance)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("kind", ["i8", "u8", "i16"])
def test_panels_without_products_are_left_out(target: Target, kind: str, instance: UnitInstance) -> None:
    """A factor with one value beyond a byte, of a pattern that occurs in some panels alone; panels of zeros."""
    operand = operand_type(kind)
    patterns = np.arange(1 << operand.width)
    values = np.where(operand.signed & (patterns >> (operand.width - 1) != 0), patterns - len(patterns), patterns)
    u = np.where(values == values.min(), -70000 if operand.width > 8 else -160, values)[None]
    form = FactoredIntegers(lambda _: Factors(u, u, operand.signed), target)
    random = np.random.default_rng(3)
    v, s = random.integers(1, 100, (21, 192)), random.integers(1, 100, (9, 21))
    v[:, :64] = 0
    v[2, 70], s[3, 4] = values.min(), values.min()
    for constant in (None, s[None]):
        what = Products(kind, "int32", True, 1, 9, 192, 21, None if constant is None else "s")
        raw = None if constant is None else constant.astype(container(kind))
        found = ProductsFunction(form, what, instance, FloatMode.FTZ, default_cache(), raw)(v, s)
        assert np.array_equal(found, (u[0][s % len(patterns)] @ u[0][v % len(patterns)]).astype(np.int32))


@pytest.mark.parametrize("level", [target.level for target in host_targets() if target.vnni])
def test_factors_of_more_than_a_byte_are_words(level: str, instance: UnitInstance) -> None:
    """Where both are wide and scalars are prepared ahead: a term of words instead of four of bytes."""
    random = np.random.default_rng(5)
    u, w = random.integers(-300, 301, (2, 256)), random.integers(-30000, 30001, (2, 256))
    factors = Factors(u, w, True)
    target = LEVELS[level]
    for accumulator in ("int32", "int64"):
        constant = random.integers(-128, 128, (2, 15, 61)).astype(np.int8)
        what = Products("i8", accumulator, True, 2, 15, 70, 61, "s")
        assert {own.order for own in plan_for(what, factors, constant, target).passes} == {WORDS}
        assert WORDS not in {own.order for own in plan_for(replace(what, constant=None), factors, None, target).passes}
        form = FactoredIntegers(lambda _: factors, target)
        assert check(form, "i8", accumulator, (15, 70, 61), "s", factors, instance)


@pytest.mark.parametrize("shape", [(0, 5, 5), (5, 0, 5), (5, 5, 0)])
def test_nothing_to_add(shape: tuple[int, int, int]) -> None:
    assert check(ExactIntegers(), "i8", "int32", shape, None)


def test_many_rows_are_prepared_in_parts() -> None:
    assert check(ExactIntegers(), "i8", "int32", (700, 64, 530), None)


@pytest.mark.parametrize("container", [8, 16])
def test_portable_text_compiles_for_another_architecture(container: int) -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    text = kernel_text(container, 32, LEVELS["portable"])
    machine = llvm.Target.from_triple("aarch64-unknown-linux-gnu").create_target_machine(opt=2)
    unit = llvm.parse_assembly(text)
    unit.triple = machine.triple
    assert "smlal" in machine.emit_assembly(unit)


def test_exact_form_serves_exact_integers_only(instance: UnitInstance) -> None:
    what = Products("i8", "int32", True, 1, 8, 64, 16)
    assert ExactIntegers().serves(what, None) and not ExactIntegers().serves(what, instance)
    assert not ExactIntegers().serves(Products("f32", "float32", True, 1, 8, 64, 16), None)
    assert not FactoredIntegers(lambda _: None).serves(what, instance)
