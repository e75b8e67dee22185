"""A sample of designs as gates: a dense layer's netlist runs the images that the design itself does."""

from __future__ import annotations

import numpy as np
import pytest

import asnet
from asnet.errors import ToolMissingError
from asnet.hls.options import HlsOptions, Style
from asnet.hls.output_registers import rewrite
from asnet.tools import yosys
from benchmarks.hls.networks import dense_network, load_model
from tests.hls.gate_level import compare_gates
from tests.lower.conftest import CASES
from tests.verilog import ecp5

pytestmark = pytest.mark.usefixtures("simulator", "synthesiser")


@pytest.fixture
def synthesiser() -> None:
    try:
        yosys.find()
    except ToolMissingError as error:
        pytest.skip(f"netlists are made by yosys: {error}")


@pytest.mark.parametrize("style", Style)
def test_a_dense_layer_as_gates(style: Style) -> None:
    case = next(case for case in CASES if case.name == "gemm")
    images = {name: values[:4] for name, values in case.images().items()}
    data = asnet.Dataset.from_arrays(images, np.zeros(4, np.int64))
    report = compare_gates(case.network(), data, HlsOptions(style=style), p_mul=12)
    assert report.mismatch is None
    assert report.words > 0


def test_a_dense_layer_as_it_is_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its 2,100 weights are in block RAMs, with registers that have moved there."""
    moved: list[int] = []
    monkeypatch.setattr(ecp5, "rewrite", lambda *paths: moved.append(rewrite(*paths)))
    network = load_model(dense_network((70, 30)))
    images = np.random.default_rng(1).standard_normal((2, 70)).astype(np.float32)
    data = asnet.Dataset.from_arrays({network.inputs[0].name: images}, np.zeros(2, np.int64))
    report = compare_gates(network, data, HlsOptions(), p_mul=12, placed=True)
    assert report.mismatch is None and report.words == 60
    assert moved == [20]
