"""Normalisations, bit for bit the oracle's and close to onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from asnet.cache import Cache
from asnet.errors import NetworkError, UnsupportedError
from asnet.network import oracle
from asnet.types import FloatMode
from tests.lower.conftest import Case, build, check_bits, one, weights


def stated(case: Case, *shape: int) -> Case:
    """``case`` with the output's shape, where ONNX infers none."""
    case.model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, shape))
    return case


CASES = [
    one("instance", "InstanceNormalization", (2, 3, 4, 2), weights(3), weights(3)),
    one("instance-1d", "InstanceNormalization", (1, 2, 5), (2,), (2,), epsilon=0.01),
    one("lrn", "LRN", (1, 5, 2, 2), size=3),
    one("lrn-even", "LRN", (2, 6, 3), size=4, alpha=0.3, beta=0.5, bias=2.0),
    one("lp1", "LpNormalization", (2, 3, 4), p=1, axis=1),
    one("lp2", "LpNormalization", (2, 3, 4)),
    one("lp2-axis", "LpNormalization", (2, 3, 4), axis=0),
]
LAYERS = [
    one("layer", "LayerNormalization", (2, 3, 4), weights(3, 4), weights(3, 4), axis=1),
    one("layer-last", "LayerNormalization", (2, 3, 5), weights(5), epsilon=1e-12),
    one("layer-all", "LayerNormalization", (2, 3), (2, 3), (3,), outputs=("y", "m", "r"), axis=0),
    one("layer-broadcast", "LayerNormalization", (2, 3, 4), weights(1, 1, 4), weights(1), outputs=("y", "", "r")),
    build(
        "layer-statistics",
        [helper.make_node("LayerNormalization", ["in0", "in1"], ["y", "m", "r"], name="layer-statistics")],
        {"in0": (2, 3)},
        {"in1": weights(3)},
        outputs=["m", "r"],
    ),
    one("layer-none", "LayerNormalization", (2, 0), np.zeros(0, np.float32), outputs=("y", "m")),
    one("rms", "RMSNormalization", (2, 3, 4), weights(4), opset=23),
    one("rms-axis", "RMSNormalization", (2, 3, 4), weights(3, 4), opset=23, axis=-2, epsilon=0.1),
]
EXPANDED = [
    stated(one("mean-variance", "MeanVarianceNormalization", (2, 3, 4, 2)), 2, 3, 4, 2),
]
"""Operators that are expanded into others."""


@pytest.mark.parametrize("mode", FloatMode)
@pytest.mark.parametrize("case", [*CASES, *LAYERS, *EXPANDED], ids=lambda case: case.name)
def test_has_the_oracles_bits(case: Case, mode: FloatMode, objects: Cache) -> None:
    check_bits(case, mode, objects)


@pytest.mark.parametrize("case", [*CASES, *LAYERS, *EXPANDED], ids=lambda case: case.name)
def test_agrees_with_onnxruntime(case: Case) -> None:
    """onnx.reference is no measure: its LRN takes batch for channels, its norm of order 1 sums signed numbers."""
    if case.name == "layer-none":
        pytest.skip("onnxruntime refuses rows without elements")
    if case.name == "lrn-even":
        pytest.skip("onnxruntime knows windows of odd sizes only")
    onnxruntime = pytest.importorskip("onnxruntime")
    image = {key: x[0] for key, x in case.images().items()}
    session = onnxruntime.InferenceSession(case.model.SerializeToString())
    found = oracle.run(case.network(), image, FloatMode.IEEE)
    for output, expected in zip(session.get_outputs(), session.run(None, image), strict=True):
        np.testing.assert_allclose(found[output.name], expected, 1e-4, 2e-6)


def test_refuses_other_norms() -> None:
    with pytest.raises(UnsupportedError, match=r"node 'l3' \(LpNormalization\): p 3 is not supported; supported: 1, 2"):
        one("l3", "LpNormalization", (2, 3), p=3).network()


def test_refuses_layers_that_do_not_fit() -> None:
    with pytest.raises(UnsupportedError, match="only stash_type 1, float32, is supported"):
        one("l", "LayerNormalization", (2, 3), weights(3), stash_type=10).network()
    with pytest.raises(NetworkError, match=r"scale of shape \[2\] does not broadcast to \[2, 3\]"):
        one("l", "LayerNormalization", (2, 3), weights(2)).network()
