"""A sample of designs as gates: a small dense layer's netlist runs the images that the design itself does."""

from __future__ import annotations

import numpy as np
import pytest

import asnet
from asnet.errors import ToolMissingError
from asnet.hls.options import HlsOptions, Style
from asnet.tools import yosys
from tests.hls.gate_level import compare_gates
from tests.lower.conftest import CASES


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("style", Style)
def test_a_dense_layer_as_gates(style: Style) -> None:
    try:
        yosys.find()
    except ToolMissingError as error:
        pytest.skip(f"netlists are made by yosys: {error}")
    case = next(case for case in CASES if case.name == "gemm")
    images = {name: values[:4] for name, values in case.images().items()}
    data = asnet.Dataset.from_arrays(images, np.zeros(4, np.int64))
    report = compare_gates(case.network(), data, HlsOptions(style=style), p_mul=12)
    assert report.mismatch is None
    assert report.words > 0
