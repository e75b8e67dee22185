"""Poolings with indices, of integers and with norms, and unpooling: bit for bit the oracle's, as ONNX says."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from asnet.cache import Cache
from asnet.errors import NetworkError
from asnet.network import oracle
from asnet.types import FloatMode
from tests.lower.conftest import Case, Typed, build, check_bits, check_reference, helper, integers, one

BOTH = ("y", "i")

INDICES = [
    one("indices", "MaxPool", (1, 2, 4, 6), outputs=BOTH, kernel_shape=[2, 2], strides=[2, 2]),
    one("columns", "MaxPool", (2, 2, 5, 4), outputs=BOTH, kernel_shape=[3, 2], pads=[1, 0, 1, 1], storage_order=1),
    one("ceil", "MaxPool", (1, 1, 5, 6), outputs=BOTH, kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1),
    one("dilations", "MaxPool", (1, 2, 6, 6), outputs=BOTH, kernel_shape=[2, 2], dilations=[2, 3]),
    one("1d", "MaxPool", (1, 3, 7), outputs=BOTH, kernel_shape=[3], strides=[2], auto_pad="SAME_UPPER"),
    one("3d", "MaxPool", (1, 2, 4, 3, 4), outputs=BOTH, kernel_shape=[2, 2, 2], strides=[2, 1, 2], storage_order=1),
    one("uint8", "MaxPool", Typed("uint8", (1, 2, 5, 5)), outputs=BOTH, kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    build(
        "indices-only",
        [helper.make_node("MaxPool", ["x"], ["values", "y"], name="pool", kernel_shape=[2, 2])],
        {"x": (1, 2, 4, 6)},
    ),
]
VALUES = [
    one("uint8-values", "MaxPool", Typed("uint8", (1, 2, 5, 5)), kernel_shape=[2, 3], strides=[2, 1]),
    *(one(f"lp-{p}", "LpPool", (1, 2, 5, 6), kernel_shape=[3, 2], strides=[2, 1], p=p) for p in (1, 2, 3, 4, 7)),
    one("lp-dilations", "LpPool", (1, 1, 6, 6), kernel_shape=[2, 2], dilations=[2, 3]),
]
OTHERS = [
    one("int8", "MaxPool", Typed("int8", (1, 2, 5, 5)), kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    one("lp-global", "GlobalLpPool", (1, 3, 4, 3)),
    one("lp-global-3", "GlobalLpPool", (2, 2, 5), p=3),
    # onnx.reference averages over the elements in the input; the norm is of them and zeros
    one("lp-pads", "LpPool", (1, 1, 5, 5), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], p=2),
    one("lp-ceil", "LpPool", (1, 1, 6, 5), kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1, p=1),
    one("lp-1d-same", "LpPool", (2, 2, 7), kernel_shape=[3], strides=[2], auto_pad="SAME_LOWER", p=1),
]
"""What onnx.reference does not know, or gets wrong."""


def declared(case: Case, shape: tuple[int, ...]) -> Case:
    """``case`` with the shape of its output, which ONNX does not infer."""
    case.model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, shape))
    return case


PLACES = np.array([[[[5, 7], [13, 15]], [[21, -1], [16, 17]]]])
UNPOOLED = [
    one("unpool", "MaxUnpool", (1, 2, 2, 2), PLACES, kernel_shape=[2, 2], strides=[2, 2]),
    *(
        declared(
            one(
                f"unpool-{name}",
                "MaxUnpool",
                (1, 2, 2, 2),
                PLACES,
                integers(*shape),
                kernel_shape=[2, 2],
                strides=[2, 2],
            ),
            shape,
        )
        for name, shape in (("larger", (1, 2, 5, 6)), ("other", (1, 3, 3, 5)))
    ),
    one("unpool-1d", "MaxUnpool", (1, 1, 3), Typed("int64", (1, 1, 3)), kernel_shape=[3], strides=[2], pads=[1, 0]),
    build(
        "there-and-back",
        [
            helper.make_node("MaxPool", ["x"], ["p", "i"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("MaxUnpool", ["p", "i"], ["y"], name="unpool", kernel_shape=[2, 2], strides=[2, 2]),
        ],
        {"x": (1, 3, 4, 6)},
    ),
]


@pytest.mark.parametrize("mode", FloatMode)
@pytest.mark.parametrize("case", [*INDICES, *VALUES, *OTHERS, *UNPOOLED], ids=lambda case: case.name)
def test_has_the_oracles_bits(case: Case, mode: FloatMode, objects: Cache) -> None:
    check_bits(case, mode, objects)


@pytest.mark.parametrize("case", [*VALUES, *UNPOOLED[:2], UNPOOLED[-1]], ids=lambda case: case.name)
def test_agrees_with_the_onnx_reference(case: Case, objects: Cache) -> None:
    check_reference(case, objects)


@pytest.mark.parametrize("case", [*INDICES, *OTHERS], ids=lambda case: case.name)
def test_agrees_with_onnxruntime(case: Case) -> None:
    images = {name: x[0] for name, x in case.images().items()}
    session = onnxruntime.InferenceSession(case.model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = oracle.run(case.network(), images, FloatMode.IEEE)
    for name, expected in zip(session.get_outputs(), session.run(None, images), strict=True):
        np.testing.assert_allclose(found[name.name], expected, rtol=1e-6)


def test_the_index_of_a_window_without_a_maximum_is_its_first_element_in_the_input() -> None:
    case = one("p", "MaxPool", (1, 1, 3, 3), outputs=BOTH, kernel_shape=[2, 2], strides=[3, 3], pads=[1, 1, 1, 1])
    x = np.full((1, 1, 3, 3), -np.inf, np.float32)
    x[0, 0, 2, 2] = np.nan
    found = oracle.run(case.network(), {"in0": x})
    assert found["y"].ravel().tolist() == [-np.inf] * 4
    assert found["i"].ravel().tolist() == [0, 2, 6, 8]


@pytest.mark.parametrize(
    "case, message",
    [
        (one("p", "LpPool", (1, 1, 4), kernel_shape=[2], p=0), "p 0 must be at least 1; mend the model"),
        (one("p", "MaxPool", (1, 1, 4), kernel_shape=[2], outputs=BOTH, storage_order=2), "storage_order 2 is neither"),
        (
            one("u", "MaxUnpool", (1, 1, 2), integers(0).reshape(1, 1, 1), kernel_shape=[2]),
            r"indices of shape \[1, 1, 1\] do not fit elements of shape \[1, 1, 2\]",
        ),
        (
            one("u", "MaxUnpool", (1, 1, 2), integers(0, 1).reshape(1, 1, 2), kernel_shape=[2], pads=[2, 2]),
            r"elements of shape \[1, 1, -1\] do not fit",
        ),
        (
            declared(
                one("u", "MaxUnpool", (1, 2, 2, 2), PLACES, integers(1, 2, 4, 4), kernel_shape=[2, 2]), (1, 2, 4, 5)
            ),
            r"the result has the shape \[1, 2, 4, 4\], the model says \[1, 2, 4, 5\]; mend the model",
        ),
    ],
)
def test_contradictions_are_refused(case: Case, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        case.network()
