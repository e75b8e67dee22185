"""GridSample in every mode, AffineGrid: bit for bit the oracle's, equal to ONNX's reference."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.cache import Cache
from asnet.errors import UnsupportedError
from asnet.network import oracle
from asnet.types import FloatMode
from tests.lower.conftest import Case, Typed, check_bits, check_reference, one

MODES = ("nearest", "linear", "cubic")
PADDINGS = ("zeros", "border", "reflection")


def grid(*shape: int) -> np.ndarray:
    """Points inside and far outside, none of them where rounding decides."""
    return (np.random.default_rng(3).uniform(-2.7, 2.7, shape)).astype(np.float32)


CASES = [
    *(
        one(
            f"{mode}-{padding}-{aligned}",
            "GridSample",
            (2, 3, 4, 5),
            grid(2, 3, 4, 2),
            mode=mode,
            padding_mode=padding,
            align_corners=aligned,
        )
        for mode in MODES
        for padding in PADDINGS
        for aligned in (0, 1)
    ),
    *(
        one(f"3d-{mode}", "GridSample", (1, 2, 3, 4, 2), grid(1, 2, 3, 2, 3), mode=mode, padding_mode=padding)
        for mode, padding in zip(MODES[:2], PADDINGS, strict=False)
    ),
    *(
        one(f"affine-{aligned}-{len(size)}", "AffineGrid", theta, np.array(size), align_corners=aligned)
        for aligned in (0, 1)
        for theta, size in (((2, 2, 3), (2, 3, 4, 5)), ((1, 3, 4), (1, 1, 2, 3, 4)))
    ),
]
WITHOUT_REFERENCE = [
    *(
        one(
            f"any-{mode}-{padding}-{aligned}",
            "GridSample",
            (1, 2, *extents),
            (1, 3, 3, 2),
            mode=mode,
            padding_mode=padding,
            align_corners=aligned,
        )
        for mode in MODES
        for padding in PADDINGS
        for aligned, extents in ((0, (1, 4)), (1, (3, 1)))
    ),
    one("16-bilinear", "GridSample", (1, 2, 3, 4), grid(1, 2, 3, 2), opset=16, mode="bilinear"),
    one("16-bicubic", "GridSample", (1, 2, 3, 4), grid(1, 2, 3, 2), opset=16, mode="bicubic", align_corners=1),
    one("any-3d", "GridSample", (1, 1, 3, 4, 2), (1, 2, 3, 2, 3), mode="cubic", padding_mode="reflection"),
    one("bytes", "GridSample", Typed("uint8", (1, 2, 4, 5)), (1, 2, 3, 2), mode="nearest"),
    one("1d", "GridSample", (1, 2, 5), (1, 6, 1)),
]
"""Axes of one element, points anywhere (infinities and NaN too), integers, opset 16."""


@pytest.mark.parametrize("mode", FloatMode)
@pytest.mark.parametrize("case", [*CASES, *WITHOUT_REFERENCE], ids=lambda case: case.name)
def test_has_the_oracles_bits(case: Case, mode: FloatMode, objects: Cache) -> None:
    check_bits(case, mode, objects)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_agrees_with_the_onnx_reference(case: Case, objects: Cache) -> None:
    check_reference(case, objects)


@pytest.mark.parametrize("mode", MODES)
def test_points_that_are_no_numbers_lie_before_the_first_element(mode: str) -> None:
    x = np.array([[[1, 2, 3]]], np.float32)
    points = np.array([[[np.nan], [-np.inf], [np.inf], [-3e38], [3e38]]], np.float32)
    for padding, expected in (("zeros", [0, 0, 0, 0, 0]), ("border", [1, 1, 3, 1, 3])):
        case = one("g", "GridSample", (1, 1, 3), (1, 5, 1), mode=mode, padding_mode=padding)
        assert oracle.run(case.network(), {"in0": x, "in1": points})["y"].ravel().tolist() == expected


@pytest.mark.parametrize(
    "case, message",
    [
        (
            one("g", "GridSample", (1, 2, 3, 4), grid(1, 2, 3, 2), mode="sinc"),
            "mode 'sinc' is not supported; supported: nearest, linear, cubic",
        ),
        (
            one("g", "GridSample", (1, 2, 3, 4), grid(1, 2, 3, 2), padding_mode="wrap"),
            "padding_mode 'wrap' is not supported; supported: zeros, border, reflection",
        ),
        (
            one("g", "GridSample", Typed("int8", (1, 2, 3, 4)), grid(1, 2, 3, 2)),
            "mode 'linear' is supported for float32 only; cast before",
        ),
    ],
)
def test_unknown_modes_are_refused(case: Case, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        case.network()


@pytest.mark.parametrize("aligned", [0, 1])
def test_a_grid_of_one_point_is_its_centre(aligned: int) -> None:
    case = one("g", "AffineGrid", (1, 2, 3), np.array([1, 1, 1, 1]), align_corners=aligned)
    theta = np.array([[[1, 2, 3], [4, 5, 6]]], np.float32)
    assert oracle.run(case.network(), {"in0": theta})["y"].ravel().tolist() == [3, 6]
