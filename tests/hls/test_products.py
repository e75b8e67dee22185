"""Lanes beyond a layer's outputs add up several products at once: memories with several read ports, both styles."""

from __future__ import annotations

import numpy as np
import pytest

from asnet import hls
from asnet.cache import default_cache
from asnet.hls.options import HlsOptions, Style
from asnet.lower import lower
from asnet.network import oracle
from asnet.passes import approximate
from asnet.types import FloatMode
from tests.lower.test_quantised import CASES


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("style", Style)
def test_a_quantised_convolution(style: Style) -> None:
    (case,) = (case for case in CASES if case.name == "qconv-u8s8")
    network = case.network()
    cycles: dict[int, int] = {}
    for lanes in (3, 9):
        options = HlsOptions(style=style, parallel={"*": lanes})
        design = hls.synthesise(approximate(lower(network, FloatMode.FTZ)), options=options)
        (layer,) = design.report.layers
        assert layer.engine == "pipelined"
        assert {loop.interval for loop in layer.loops} == {1}
        cycles[lanes] = layer.cycles or 0
        inputs = {name: values[[0, 3]] for name, values in case.images().items()}
        runs = [oracle.run(network, {name: values[i] for name, values in inputs.items()}) for i in range(2)]
        expected = {tensor.name: np.stack([run[tensor.name] for run in runs]) for tensor in network.outputs}
        hls.cosimulate(design, inputs, expected, cache=default_cache()).raise_if_different()
    assert cycles[9] < 0.4 * cycles[3]
