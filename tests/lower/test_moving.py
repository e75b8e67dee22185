"""Operators that move elements, in all types: bit for bit the oracle's, equal to ONNX's reference."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from asnet.cache import Cache
from asnet.errors import NetworkError, UnsupportedError
from asnet.network import oracle
from asnet.types import FloatMode
from tests.lower.conftest import Case, Typed, build, case_tests, check_bits, integers, one

FAR = 2**63 - 1

CASES = [
    one("slice", "Slice", (5, 6), integers(1, 0), integers(4, FAR)),
    one("slice-steps", "Slice", (5, 6), integers(-1, 1), integers(-FAR, 6), integers(0, -1), integers(-2, 2)),
    one("slice-one", "Slice", (2, 7), integers(-2), integers(-9), integers(1), integers(-1)),
    one("slice-none", "Slice", (2, 7), integers(5), integers(3), integers(1)),
    one("slice-9", "Slice", (4, 7), opset=9, starts=[1, -3], ends=[3, FAR], axes=[0, 1]),
    one("slice-uint8", "Slice", Typed("uint8", (4, 7)), integers(6), integers(0), integers(1), integers(-3)),
    one("slice-bool", "Slice", Typed("bool", (9,)), integers(1), integers(8), integers(0), integers(3)),
    one("slice-int64", "Slice", Typed("int64", (9,)), integers(8), integers(-10), integers(0), integers(-1)),
    one("split", "Split", (2, 6), outputs=("y", "z"), axis=1, num_outputs=2),
    one("split-uneven", "Split", (7, 2), outputs=("y", "z", "w"), num_outputs=3),
    one("split-parts", "Split", Typed("int8", (2, 6)), integers(1, 0, 5), outputs=("y", "z", "w"), axis=-1),
    one("split-unused", "Split", (2, 6), integers(1, 2, 3), outputs=("", "z", ""), axis=-1),
    one("split-unused-equal", "Split", (2, 6), opset=13, outputs=("y", ""), axis=-1),
    one("split-7", "Split", (2, 6), opset=7, outputs=("y", "z"), axis=1, split=[4, 2]),
    one("split-equal-7", "Split", (4, 3), opset=7, outputs=("y", "z")),
    one("expand", "Expand", (3, 1, 2), integers(2, 1, 4, 1)),
    one("expand-bool", "Expand", Typed("bool", (1,)), integers(3, 2)),
    one("tile", "Tile", (2, 3), integers(2, 3)),
    one("tile-none", "Tile", (2, 3), integers(0, 3)),
    one("tile-int16", "Tile", Typed("int16", (1, 3, 2)), integers(4, 1, 2)),
    one("compress", "Compress", (3, 4), np.array([True, False, True, True]), axis=1),
    one("compress-flat", "Compress", Typed("int32", (3, 4)), np.arange(12) % 5 % 2 == 0),
    one("col2im", "Col2Im", (2, 8, 6), integers(3, 4), integers(2, 2)),
    one("col2im-strides", "Col2Im", (1, 6, 6), integers(5, 4), integers(3, 2), strides=[2, 1], pads=[0, 0, 1, 0]),
    one("col2im-dilations", "Col2Im", (1, 4, 9), integers(5, 6), integers(2, 2), dilations=[2, 3], pads=[0] * 4),
    one("center-crop-pad", "CenterCropPad", (5, 4, 3), integers(2, 7, 3)),
    one("center-axes", "CenterCropPad", Typed("int32", (5, 4, 3)), integers(6, 2), axes=[-1, 0]),
    one("depth-to-space", "DepthToSpace", (1, 8, 2, 3), blocksize=2),
    one("depth-to-space-crd", "DepthToSpace", (2, 4, 2, 3), blocksize=2, mode="CRD"),
    one("space-to-depth", "SpaceToDepth", (1, 2, 4, 6), blocksize=2),
    one("one-hot", "OneHot", np.array([[0, 2], [-1, 1]]), np.array(3), (2,)),
    one("eye", "EyeLike", (3, 4), k=1, dtype=TensorProto.INT8),
    one("trilu", "Trilu", (2, 3, 4)),
    one("trilu-lower", "Trilu", Typed("int64", (4, 3)), integers(-1), upper=0),
    one("trilu-k", "Trilu", Typed("bool", (4, 5)), integers(2)),
    build(
        "range",
        [
            helper.make_node("Range", ["start", "limit", "delta"], ["r"], name="range"),
            helper.make_node("Add", ["x", "r"], ["y"], name="add"),
        ],
        {"x": (4,)},
        {key: np.array(value, np.float32) for key, value in (("start", 2.0), ("limit", 0.1), ("delta", -0.5))},
    ),
    one("reverse", "ReverseSequence", (4, 3, 2), integers(2, 4, 1)),
    one("reverse-batch", "ReverseSequence", Typed("int8", (3, 4)), integers(4, 1, 3), time_axis=1, batch_axis=0),
    one("pad-int64", "Pad", Typed("int64", (2, 3)), integers(1, 0, 0, 2), np.array(-(2**40))),
    one("pad-uint8", "Pad", Typed("uint8", (2, 3)), integers(0, 1, 2, 0)),
    one("pad-bool", "Pad", Typed("bool", (3,)), integers(1, 2), np.array(True)),
    one("pad-minus-infinity", "Pad", (2, 2), integers(1, 0, 0, 0), np.array(-np.inf, np.float32)),
    one("pad-edge-int8", "Pad", Typed("int8", (2, 3)), integers(1, 2, 3, 0), mode="edge"),
    one("pad-wrap", "Pad", (2, 3), integers(1, 2, 3, 7), mode="wrap"),
    one("pad-reflect-1d", "Pad", Typed("int32", (9,)), integers(8, 5), mode="reflect"),
    one("pad-10", "Pad", (2, 3), opset=10, pads=[0, 1, 2, 0], value=0.5),
    one("transpose-int64", "Transpose", Typed("int64", (2, 3, 4)), perm=[2, 0, 1]),
    one("concat-bool", "Concat", Typed("bool", (2, 3)), Typed("bool", (2, 2)), axis=1),
]


test_has_the_oracles_bits, test_agrees_with_the_onnx_reference = case_tests(CASES)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap"])
def test_negative_pads_crop_before_the_others_pad(mode: str, objects: Cache) -> None:
    case = one("crop", "Pad", Typed("int32", (4, 6)), integers(-1, 2, 1, -3), mode=mode)
    check_bits(case, FloatMode.FTZ, objects)
    x = case.images()["in0"][0]
    expected = np.pad(x[1:, :3], ((0, 1), (2, 0)), mode=mode)  # pyright: ignore
    assert (oracle.run(case.network(), {"in0": x})["y"] == expected).all()


@pytest.mark.parametrize(
    "case, message",
    [
        (one("r", "ReverseSequence", (3, 4), integers(1, 2, 3)), "do not fit an input of shape"),
        (one("p", "Pad", (2, 3), integers(-2, 0, -1, 0)), "leave nothing to pad of the shape"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(case: Case, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        case.network()


def test_a_computed_parameter_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="has no static shape"):
        one("t", "Tile", (3, 4), Typed("int64", (2,))).network()
