"""The recurrence of a sum, logic between its additions included, is hidden by other outputs at any clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from asnet import hls, lower
from asnet.network import load
from asnet.passes import approximate

NETWORK = Path(__file__).resolve().parents[3] / "examples" / "networks" / "mnist_convolutional.onnx"


@pytest.mark.parametrize("clock", [50, 100, 200])
@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_lanes_take_a_product_every_cycle(clock: float, lanes: int) -> None:
    module = approximate(lower.lower(load(NETWORK)))
    design = hls.synthesise(module, options=hls.HlsOptions(clock=clock, parallel={"*": lanes}))
    slow = [(layer.layer, loop.limit) for layer in design.layers for loop in layer.loops if loop.interval > 1]
    few = {"dense2", "softmax"}  # ten outputs
    if (clock, lanes) == (200, 4):
        few.add("dense1")  # five outputs a lane, an adder of ten cycles
    assert {name for name, _ in slow} <= few
