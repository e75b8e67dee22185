"""Quantised layers as hardware: integer operators and units, memories of bytes, the oracle's bits."""

from __future__ import annotations

import numpy as np
import pytest

from asnet import hls
from asnet.cache import default_cache
from asnet.emulate import Binding, Golden
from asnet.ir.jit import Binder, Engine
from asnet.lower import lower
from asnet.network import oracle
from asnet.passes import approximate
from asnet.types import EXACT, FloatMode
from asnet.units import ApproximateUnit, FunctionLibrary, UnitInstance, parse_instance_name
from tests.lower.conftest import Case
from tests.lower.test_narrow_units import CASES as NARROW
from tests.lower.test_quantised import CASES

TRIED = {
    "quantize-u8",
    "dequantize-axis",
    "conv-s8u8",
    "conv-weights",
    "matmul-u8u8",
    "matmul-both",
    "qconv-u8s8",
    "qconv-channels",
    "qconv-depthwise",
    "qmatmul-s8s8",
}


def images(case: Case) -> dict[str, np.ndarray]:
    """The first and the last: small numbers, and anything; no NaN, which may have any bits."""
    return {key: x[[0, 3]] if x.dtype != np.float32 else x[[0, 2]] for key, x in case.images().items()}


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("case", [case for case in CASES if case.name in TRIED], ids=lambda case: case.name)
def test_exact_layers_have_the_oracles_bits(case: Case) -> None:
    network = case.network()
    design = hls.synthesise(approximate(lower(network, FloatMode.FTZ)))
    inputs = images(case)
    runs = [oracle.run(network, {key: x[i] for key, x in inputs.items()}) for i in range(2)]
    expected = {tensor.name: np.stack([run[tensor.name] for run in runs]) for tensor in network.outputs}
    hls.cosimulate(design, inputs, expected, cache=default_cache()).raise_if_different()


@pytest.mark.usefixtures("simulator")
def test_a_unit_sees_raw_operands() -> None:
    (case,) = (case for case in CASES if case.name == "qconv-u8s8")
    module = approximate(lower(case.network(), FloatMode.FTZ))
    (slot,) = module.slots
    assert (slot.op, slot.type) == ("mul", "i8")
    design = hls.synthesise(module, {slot.name: ApproximateUnit.shipped("mul8s_trunc").instance(t=3)})
    body = "%m = and i32 %a, -8\n  %n = and i32 %b, -8\n  %y = mul i32 %m, %n\n  ret i32 %y"
    binder = Binder(f'define i32 @"{slot.symbol}"(i32 %a, i32 %b) {{\n  {body}\n}}\n')
    engine = Engine(module, binder=binder, cache=default_cache())
    state, inputs = engine.state(2), images(case)
    engine.run(inputs, state=state)
    hls.cosimulate(design, inputs, {"y": engine.memory(state, "y")}, cache=default_cache()).raise_if_different()


def shipped_instance(text: str) -> UnitInstance:
    name, parameters = parse_instance_name(text)
    return ApproximateUnit.shipped(name).instance(**parameters)


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize(
    ("name", "unit"), [("u4 x i4", "mul4s_trunc(t=1)"), ("u4", "mul4u_drum(k=3)"), ("i4", None), ("u6 x i3", None)]
)
def test_narrow_units(name: str, unit: str | None) -> None:
    case = NARROW[name]
    network = case.network()
    module = approximate(lower(network, FloatMode.FTZ))
    (slot,) = module.slots
    inputs = images(case)
    chosen = EXACT if unit is None else unit
    instances = {} if unit is None else {slot.name: shipped_instance(unit)}
    bed = FunctionLibrary.build(list(instances.values()), FloatMode.FTZ)
    binding = Binding([slot], dict.fromkeys([chosen], shipped_instance(chosen)) if instances else {}, [Golden(bed)])
    binding.select({slot.name: chosen})
    engine = Engine(module, binder=binding.binder(binding.plan({slot.name: chosen})), cache=default_cache())
    state = engine.state(2)
    engine.run(inputs, state=state)
    found = engine.memory(state, "y")
    design = hls.synthesise(module, instances)
    hls.cosimulate(design, inputs, {"y": found}, cache=default_cache()).raise_if_different()
    if unit is None:
        runs = [oracle.run(network, {key: x[i] for key, x in inputs.items()}) for i in range(2)]
        assert (found == np.stack([run["y"] for run in runs])).all()
