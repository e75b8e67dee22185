"""Transposed convolutions, bit for bit the oracle's and close to onnxruntime (onnx.reference knows fewer forms)."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from asnet.cache import Cache
from asnet.errors import NetworkError
from asnet.network import oracle
from asnet.types import FloatMode
from tests.lower.conftest import Case, check_bits, one, weights


def transposed(name: str, x: tuple[int, ...], w: tuple[int, ...], bias: int = 0, **attributes: object) -> Case:
    return one(name, "ConvTranspose", x, weights(*w), *([weights(bias)] if bias else []), **attributes)


CASES = [
    transposed("plain", (1, 2, 3, 4), (2, 3, 3, 3)),
    transposed("bias", (2, 2, 3, 3), (2, 3, 2, 2), 3),
    transposed("strides", (1, 1, 3, 4), (1, 2, 3, 2), 2, strides=[3, 2]),
    transposed("gaps", (1, 1, 3, 4), (1, 2, 1, 2), 2, strides=[3, 3]),
    transposed("pads", (1, 2, 4, 4), (2, 1, 3, 3), 1, pads=[1, 0, 2, 1]),
    transposed("output-padding", (1, 2, 3, 3), (2, 1, 3, 3), 1, strides=[3, 2], output_padding=[2, 1]),
    transposed("output-shape", (1, 1, 3, 3), (1, 2, 3, 3), 2, strides=[3, 2], output_shape=[10, 8]),
    transposed("output-shape-cut", (1, 1, 3, 3), (1, 2, 4, 3), 2, strides=[3, 2], output_shape=[7, 6]),
    transposed("dilations", (1, 1, 3, 3), (1, 1, 2, 2), dilations=[2, 3]),
    transposed("groups", (1, 4, 3, 3), (4, 3, 2, 2), 6, group=2),
    transposed("same-upper", (1, 1, 3, 3), (1, 2, 4, 3), strides=[2, 2], auto_pad="SAME_UPPER"),
    transposed("same-lower", (1, 1, 3, 3), (1, 2, 4, 3), strides=[2, 2], auto_pad="SAME_LOWER"),
    transposed("valid", (1, 1, 3, 3), (1, 2, 4, 3), auto_pad="VALID"),
    transposed("1d", (1, 2, 5), (2, 2, 3), 2, strides=[2], pads=[1, 1]),
    transposed("3d", (1, 1, 2, 3, 2), (1, 2, 2, 2, 2), strides=[2, 1, 2]),
    one("computed-weight", "ConvTranspose", (1, 1, 3, 3), (1, 2, 2, 2)),
]


@pytest.mark.parametrize("mode", FloatMode)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_has_the_oracles_bits(case: Case, mode: FloatMode, objects: Cache) -> None:
    check_bits(case, mode, objects)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_agrees_with_onnxruntime(case: Case) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    image = {key: x[0] for key, x in case.images().items()}
    (expected,) = onnxruntime.InferenceSession(case.model.SerializeToString()).run(None, image)
    found = oracle.run(case.network(), image, FloatMode.IEEE)["y"]
    np.testing.assert_allclose(found, expected, 2e-5, 2e-6)


def stated(case: Case, *shape: int) -> Case:
    """``case`` with the shape that its output should have."""
    case.model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, shape))
    return case


def test_refuses_negative_pads() -> None:
    case = stated(transposed("negative", (1, 1, 3, 3), (1, 1, 2, 2), pads=[0, 0, -1, 0]), 1, 1, 5, 4)
    with pytest.raises(NetworkError, match=r"negative.*Attribute pads must not contain negative values"):
        case.network()


def test_refuses_a_group_that_does_not_fit() -> None:
    case = stated(transposed("group", (1, 3, 3, 3), (3, 1, 2, 2), group=2), 1, 2, 4, 4)
    with pytest.raises(NetworkError, match=r"Input channels C must be divisible by group"):
        case.network()
