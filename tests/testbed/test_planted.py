"""Faults planted in forms: certificates refuse them, and without certificates the replay of a run finds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asnet.cache import Cache, default_cache
from asnet.emulate import Certificate, Difference, GoldenProducts, Masks, ProductsForm, certify_products
from asnet.emulate.analysis import analyse, operand_values
from asnet.emulate.bitsliced import BitSliced
from asnet.emulate.floats import MaskProducts
from asnet.emulate.integer import FactoredIntegers, Factors
from asnet.emulate.row_table import RowTable
from asnet.errors import MismatchError, ToolMissingError
from asnet.ir import Products
from asnet.network import Network, load
from asnet.quantizing import quantize
from asnet.testbed import Dataset, TestBed
from asnet.tools import yosys
from asnet.types import EXACT, FloatMode, operand_type
from asnet.units import FunctionLibrary, UnitInstance
from tests.testbed.conftest import NETWORKS

WHAT = Products("i8", "int32", True, 1, 16, 64, 72, "weights")

Plant = Callable[[UnitInstance, FunctionLibrary], ProductsForm]


@pytest.fixture(scope="module")
def network() -> Network:
    return load(quantize(NETWORKS / "digits_conv.onnx", NETWORKS / "digits_test.npz", images=30).data)


def table_of(instance: UnitInstance, library: FunctionLibrary) -> Any:
    found = analyse(instance, library.mode, default_cache(), library=library).table
    assert found is not None
    return found.copy()


def entry(instance: UnitInstance, library: FunctionLibrary) -> ProductsForm:
    """One wrong entry: 0 times 3, which is everywhere in a network of small numbers."""
    table = table_of(instance, library)
    table[0, 3] += 64
    return RowTable(lambda _: table)


def swapped(instance: UnitInstance, library: FunctionLibrary) -> ProductsForm:
    table = table_of(instance, library)
    return RowTable(lambda _: table.T)


def factor(instance: UnitInstance, library: FunctionLibrary) -> ProductsForm:
    """The right factors are (a without its last bit) and b: one wrong number, for a = 0."""
    values = operand_values(operand_type("i8")).astype(np.int64)
    left = values & ~1
    left[0] = 64
    return FactoredIntegers(lambda _: Factors(left[None, :], values[None, :], True))


def mask(instance: UnitInstance, library: FunctionLibrary) -> ProductsForm:
    """One bit of operand a too many."""
    values = operand_values(operand_type("i8")).astype(np.int64)
    return FactoredIntegers(lambda _: Factors(values[None, :], values[None, :], True))


def gate(instance: UnitInstance, library: FunctionLibrary) -> ProductsForm:
    """A gate gives another result for one of its eight inputs."""
    netlist = analyse(instance, library.mode, default_cache(), library=library).netlist
    assert netlist is not None
    tables = netlist.tables.copy()
    tables[len(tables) // 2] ^= 1
    wrong = replace(netlist, tables=tables)
    return BitSliced(lambda _: wrong)


FAULTS = [entry, swapped, factor, mask, gate]


def planted(plant: Plant, instance: UnitInstance, library: FunctionLibrary) -> ProductsForm:
    if plant is gate:
        try:
            yosys.find()
        except ToolMissingError as error:
            pytest.skip(f"netlists are made by yosys: {error}")
    return plant(instance, library)


def uniform(bed: TestBed, op: str, name: str) -> dict[str, str]:
    return {slot.name: name if slot.op == op else EXACT for slot in bed.slots}


def without_certificates(monkeypatch: pytest.MonkeyPatch, plant: Callable[[FunctionLibrary], ProductsForm]) -> None:
    """Run with the planted form and the golden one, and believe everything."""

    def forms(sources: Any) -> tuple[tuple[float, ProductsForm], ...]:
        return (1e12, plant(sources.library)), (0.0, GoldenProducts(sources.library))

    def believed(form: ProductsForm, *_: object) -> Certificate:
        return Certificate("", "", "ftz", form.kind, ())

    monkeypatch.setattr("asnet.testbed.forms.products_forms", forms)
    monkeypatch.setattr("asnet.emulate.choosing.certify_products", believed)


@pytest.mark.parametrize("plant", FAULTS)
def test_a_fault_is_refused_by_its_certificate(plant: Plant, lopsided: UnitInstance, tmp_path: Path) -> None:
    library = FunctionLibrary.build([lopsided], FloatMode.FTZ)
    found = certify_products(planted(plant, lopsided, library), WHAT, lopsided, library, Cache(tmp_path))
    assert isinstance(found, Difference) and found.where.startswith("a = ")


@pytest.mark.parametrize("plant", FAULTS)
def test_a_fault_stops_a_run_without_certificates(
    plant: Plant, network: Network, digits: Dataset, lopsided: UnitInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = TestBed(network, digits.take(20), [lopsided])
    form = planted(plant, lopsided, bed.library)
    without_certificates(monkeypatch, lambda _: form)
    pattern = (
        rf"differ in '.*' at \(.*\) of image \d+: .* against .* \(slot 'conv\d.mul': lopsided as {form.kind}\); run"
    )
    with pytest.raises(MismatchError, match=pattern):
        bed.evaluate(uniform(bed, "mul", "lopsided"))


def test_the_right_form_runs_without_certificates(
    network: Network, digits: Dataset, lopsided: UnitInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the tests above would say nothing."""
    bed = TestBed(network, digits.take(20), [lopsided])
    form = RowTable(lambda instance: table_of(instance, bed.library))
    without_certificates(monkeypatch, lambda _: form)
    configuration = uniform(bed, "mul", "lopsided")
    golden = TestBed(network, digits.take(20), [lopsided], backend="golden")
    assert bed.evaluate(configuration) == golden.evaluate(configuration)


def test_a_wrong_mask_of_floats_is_refused_and_found(
    conv: Network, digits: Dataset, instances: tuple[UnitInstance, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    unit = next(instance for instance in instances if instance.name == "fmul_trunc(p=20)")
    bed = TestBed(conv, digits.take(20), [unit, instances[-1]])  # with a unit that is no mask: sums by kernels
    form = MaskProducts({unit.digest: Masks(0xFFF80000, 0xFFF00000)})
    what = Products("f32", "float32", True, 1, 16, 64, 72, "weights")
    assert isinstance(certify_products(form, what, unit, bed.library, Cache(tmp_path)), Difference)
    without_certificates(monkeypatch, lambda _: form)
    with pytest.raises(MismatchError, match=r"fmul_trunc\(p=20\) as mask"):
        bed.evaluate(uniform(bed, "fmul", "fmul_trunc(p=20)"))


def test_swapped_rows_of_golden_calls_are_found(
    dense: Network, digits: Dataset, instances: tuple[UnitInstance, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slot that is given another slot's choice."""
    bed = TestBed(dense, digits.take(20), instances[:2], backend="auto")
    first, second = (slot for slot in bed.slots if slot.op == "fmul" and slot.op_type == "Gemm")
    configuration = {slot.name: EXACT for slot in bed.slots} | {second.name: "fmul_trunc(p=20)"}
    select = bed._forms.binding.select  # pyright: ignore[reportPrivateUsage]

    def exchanged(chosen: Mapping[str, str], slots: Any = None) -> None:
        select(chosen, slots)
        tables = bed._forms.binding._tables["mask"].reshape(len(bed.slots), 2)  # pyright: ignore[reportPrivateUsage]
        places = [bed.slots.index(slot) for slot in (first, second)]
        tables[places] = tables[places[::-1]]

    monkeypatch.setattr(bed._forms.binding, "select", exchanged)  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(MismatchError, match=r"slot 'dense1.fmul': exact as mask"):
        bed.evaluate(configuration)
