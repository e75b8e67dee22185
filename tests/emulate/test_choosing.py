"""Kernels of sums of products: what certifies them, what refuses them, which one is chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asnet.cache import Cache, default_cache
from asnet.emulate import (
    Binding,
    Certificate,
    Data,
    Difference,
    Golden,
    GoldenProducts,
    ProductsFunction,
    binding,
    certify_products,
)
from asnet.emulate.choosing import Chooser
from asnet.emulate.cost import Shape, shape_like
from asnet.emulate.integer import ExactIntegers
from asnet.errors import ToolMissingError
from asnet.ir import Products, Slot
from asnet.tools import cxx, verilator
from asnet.types import Array, FloatMode
from asnet.units import ApproximateUnit, FunctionLibrary, UnitInstance

LAYER = Products("i8", "int32", True, 1, 16, 256, 72, "w")


@pytest.fixture(scope="module")
def library(lopsided: UnitInstance) -> FunctionLibrary:
    try:
        verilator.find(), cxx.find()
    except ToolMissingError as error:
        pytest.skip(f"units are compiled by Verilator and a C++ compiler: {error}")
    shipped = (("mul8s_trunc", {"t": 3}), ("fmul_trunc", {"p": 20}))
    units = [ApproximateUnit.shipped(name).instance(**parameters) for name, parameters in shipped]
    return FunctionLibrary.build([lopsided, *units], FloatMode.FTZ, cache=default_cache())


class Again(GoldenProducts):
    """The golden model under another name: right, and asked like any form."""

    kind = "again"

    def serves(self, what: Products, instance: UnitInstance | None) -> bool:
        return instance is not None and super().serves(what, instance)


class Swapped(Again):
    kind = "swapped"

    def kernel(self, what: Products, instance: UnitInstance | None) -> str:
        return super().kernel(replace(what, vector_is_a=not what.vector_is_a), instance)


class Other(Again):
    """The data of exact multiplication."""

    kind = "other"

    def data(self, what: Products, instance: UnitInstance | None, constant: Array | None) -> Data:
        return super().data(what, None, constant)


class Late(Again):
    """Leaves out the last product of a sum of many."""

    kind = "late"

    def kernel(self, what: Products, instance: UnitInstance | None) -> str:
        text = super().kernel(what, instance)
        return text.replace("%steps = icmp slt i64 %t.next, %depth", "%few = call i64 @llvm.smin.i64(i64 %depth, i64 8)"
                            "\n  %steps = icmp slt i64 %t.next, %few")  # fmt: skip


@pytest.mark.parametrize("vector_is_a", [True, False])
@pytest.mark.parametrize("constant", ["s", "v", None])
def test_right_kernels_are_certified(
    library: FunctionLibrary, lopsided: UnitInstance, tmp_path: Path, constant: str | None, *, vector_is_a: bool
) -> None:
    what = replace(LAYER, vector_is_a=vector_is_a, constant=constant, constant_is_s=constant != "v")
    found = certify_products(Again(library), what, lopsided, library, Cache(tmp_path))
    assert isinstance(found, Certificate)
    pairs, sums = found.evidence
    assert (pairs.how, pairs.pairs) == ("exhaustive", 65_536)
    assert sums.pairs > 100_000
    assert str(found) == (
        f"lopsided as again in ftz: products: all 65,536 pairs of operands; "
        f"sums: {sums.pairs:,} products in sums (seed 20240607)"
    )
    assert certify_products(Again(library), what, lopsided, library, Cache(tmp_path)) == found


@pytest.mark.parametrize("form", [Swapped, Other])
@pytest.mark.parametrize("constant", ["s", "v", None])
def test_wrong_products_refuse_a_kernel(
    library: FunctionLibrary, lopsided: UnitInstance, tmp_path: Path, form: type[Again], constant: str | None
) -> None:
    what = replace(LAYER, constant=constant, constant_is_s=constant != "v")
    found = certify_products(form(library), what, lopsided, library, Cache(tmp_path))
    assert isinstance(found, Difference)
    assert found.form == form.kind and found.where.startswith("a = ") and found.found != found.golden
    assert certify_products(form(library), what, lopsided, library, Cache(tmp_path)) == found


def test_wrong_sums_refuse_a_kernel(library: FunctionLibrary, lopsided: UnitInstance, tmp_path: Path) -> None:
    found = certify_products(Late(library), LAYER, lopsided, library, Cache(tmp_path))
    assert isinstance(found, Difference) and found.where == "row 0, column 0 of 9 x 72 by 72 x 130"


@pytest.mark.parametrize("constant", ["v", "s"])
def test_wide_operands_are_sampled(library: FunctionLibrary, tmp_path: Path, constant: str) -> None:
    what = Products("f32", "float32", True, 1, 16, 256, 72, constant, constant_is_s=constant == "s")
    unit = next(instance for instance in library.instances if instance.op == "fmul")
    found = certify_products(Again(library), what, unit, library, Cache(tmp_path))
    assert isinstance(found, Certificate)
    assert found.evidence[0].random >= 10_000_000 and found.evidence[0].corners >= 400
    wrong = certify_products(Other(library), what, unit, library, Cache(tmp_path))
    assert isinstance(wrong, Difference)


def test_the_fastest_certified_form_is_chosen(library: FunctionLibrary, lopsided: UnitInstance, tmp_path: Path) -> None:
    golden = GoldenProducts(library)
    wrong, right = Late(library), Again(library)  # the one that leaves out products is fast
    chooser = Chooser([(1e12, wrong), (1e12, right), (1e12, golden)], library, Cache(tmp_path), {})
    assert chooser.choose(LAYER, lopsided).form is right
    candidates = chooser.candidates(LAYER, lopsided, thorough=True)
    assert [candidate.form for candidate in candidates] == [wrong, right, golden]
    assert candidates[0].rate > candidates[1].rate > 0
    assert candidates[0].difference is not None and candidates[0].certificate is None
    assert candidates[1].certificate is not None and candidates[2].certificate is None
    assert Chooser([(1e12, wrong), (1e12, golden)], library, Cache(tmp_path), {}).choose(LAYER, lopsided).form is golden
    hopeless = Chooser([(1e12, right), (1.0, wrong), (0.0, golden)], library, Cache(tmp_path), {})
    assert [candidate.form for candidate in hopeless.candidates(LAYER, lopsided)] == [right, golden]
    assert chooser.choose(LAYER, None).form is golden


def test_each_kernel_of_a_form_is_certified(library: FunctionLibrary, lopsided: UnitInstance, tmp_path: Path) -> None:
    """A form with another kernel for large layers, a wrong one."""

    class Large(Again):
        def kernel(self, what: Products, instance: UnitInstance | None) -> str:
            return Late(library).kernel(what, instance) if what.rows > 100 else super().kernel(what, instance)

    large = replace(LAYER, rows=128)
    chooser = Chooser([(1e12, Large(library)), (0.0, GoldenProducts(library))], library, Cache(tmp_path), {})
    small = replace(LAYER, rows=64)
    assert shape_like(small) == shape_like(large)
    assert chooser.choose(small, lopsided).kind == "again"
    assert chooser.choose(large, lopsided).kind == "golden"
    assert isinstance(certify_products(Large(library), large, lopsided, library, Cache(tmp_path)), Difference)


def test_reference_shapes() -> None:
    assert shape_like(LAYER) == Shape(8, 64, 256)
    assert shape_like(replace(LAYER, rows=1, depth=9, columns=49)) == Shape(1, 9, 64)
    assert shape_like(replace(LAYER, rows=512, depth=4608, columns=4096)) == Shape(64, 512, 1024)


def test_prepared_data_are_bounded(
    library: FunctionLibrary, lopsided: UnitInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not in use is prepared anew where it takes too much memory; what is in use stays."""

    class Heavy(Again):
        def data(self, what: Products, instance: UnitInstance | None, constant: Array | None) -> Data:
            return Data((*super().data(what, instance, constant).entries, np.zeros(1000, np.uint8)))

    made: list[str] = []

    def choose(slot: Slot, instance: UnitInstance | None) -> ProductsFunction:
        made.append(slot.name)
        return ProductsFunction(Heavy(library), LAYER, lopsided, FloatMode.FTZ, default_cache())

    slots = [
        Slot(f"{n}.mul", n, "Conv", "mul", "i8", f"asnet.mul.{n}", 1, 1, products=LAYER)
        for n in ("one", "two", "three")
    ]
    monkeypatch.setattr(binding, "_MOST_BYTES", 2500)
    bound = Binding(slots, {"lopsided": lopsided}, [Golden(library)], choose)
    configuration = dict.fromkeys((slot.name for slot in slots), "lopsided")
    bound.select(configuration)
    bound.select(configuration, ["three.mul", "two.mul"])
    assert made == ["one.mul", "two.mul", "three.mul"]
    kernels = bound._kernels.copy()  # pyright: ignore[reportPrivateUsage]
    bound.select(configuration, ["one.mul"])
    assert made[3:] == ["one.mul"] and (bound._kernels[1:] == kernels[1:]).all()  # pyright: ignore[reportPrivateUsage]


def test_exact_kernels_are_certified_without_a_unit(tmp_path: Path) -> None:
    none = FunctionLibrary.build([], FloatMode.FTZ, cache=default_cache())
    for kind in ("i8", "u8"):
        found = certify_products(ExactIntegers(), replace(LAYER, type=kind), None, none, Cache(tmp_path))
        assert isinstance(found, Certificate)
