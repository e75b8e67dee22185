"""Contractions by kernels: the results of the golden model, for any mix of units over the layers."""

from __future__ import annotations

import random

import pytest

from asnet.network import Network, load
from asnet.quantizing import Quantization, quantize
from asnet.testbed import Dataset, TestBed
from asnet.types import EXACT
from asnet.units import ApproximateUnit, UnitInstance
from tests.testbed.conftest import NETWORKS


def check(network: Network, digits: Dataset, instances: tuple[UnitInstance, ...], op: str) -> dict[str, str]:
    """Compare some mixes; the form of each slot in the last of them."""
    golden, auto = (TestBed(network, digits, instances, backend=backend) for backend in ("golden", "auto"))
    generator = random.Random(1)
    choices = [EXACT, *(instance.name for instance in instances)]
    configuration: dict[str, str] = {}
    for _ in range(4):
        configuration = {slot.name: generator.choice(choices) if slot.op == op else EXACT for slot in auto.slots}
        here, there = auto.evaluate(configuration), golden.evaluate(configuration)
        assert (here.correct, here.digest) == (there.correct, there.digest)
    forms = auto._forms  # pyright: ignore[reportPrivateUsage]
    return forms._kinds(forms.plan(configuration), configuration)  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(("bits", "form"), [(8, "qdq"), (8, "qoperator"), (6, "qdq"), (12, "qdq")])
def test_quantised_networks(bits: int, form: str, digits: Dataset) -> None:
    options = Quantization(weights=bits, activations=bits, format=form)
    network = load(quantize(NETWORKS / "digits_conv.onnx", NETWORKS / "digits_test.npz", options, images=30).data)
    unit = ApproximateUnit.shipped(f"mul{bits}s_trunc")
    instances = tuple(unit.instance(t=t) for t in (0, 1, 3))
    kinds = check(network, digits.take(20), instances, "mul")
    assert "golden" not in {kind for slot, kind in kinds.items() if slot.endswith(".mul")}


def test_golden_outputs_are_of_loops(digits: Dataset) -> None:
    network = load(quantize(NETWORKS / "digits_dense.onnx", NETWORKS / "digits_test.npz", images=30).data)
    bed = TestBed(network, digits.take(5), [ApproximateUnit.shipped("mul8s_trunc").instance(t=3)])
    configuration = {slot.name: EXACT if slot.op != "mul" else "mul8s_trunc(t=3)" for slot in bed.slots}
    fast, golden = bed.outputs(configuration), bed.outputs(configuration, golden=True)
    assert {name: values.tobytes() for name, values in fast.items()} == {
        name: values.tobytes() for name, values in golden.items()
    }
    engines = bed._forms._engines.values()  # pyright: ignore[reportPrivateUsage]
    assert [bool(engine.module.products) for engine in engines] == [True, False]


def test_units_that_are_no_masks(conv: Network, digits: Dataset, instances: tuple[UnitInstance, ...]) -> None:
    multipliers = tuple(instance for instance in instances if instance.op == "fmul")
    check(conv, digits.take(20), multipliers, "fmul")
