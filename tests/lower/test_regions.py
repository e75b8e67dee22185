"""Convolutions of displaced elements and pooled regions: bit for bit the oracle's, equal to ONNX's reference."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.cache import Cache
from asnet.errors import NetworkError, UnsupportedError
from asnet.types import FloatMode
from tests.lower.conftest import Case, Typed, check_bits, check_reference, integers, one, weights

REGIONS = np.array([[0.2, 0.7, 7.1, 6.4], [1.1, 2.3, 3.9, 9.7], [-3, -2, 4, 1.5], [5, 5, 5.2, 4.9]], np.float32)
IMAGES = integers(0, 1, 1, -2)


def offsets(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).uniform(-1.9, 1.9, shape).astype(np.float32)


REGION_CASES = [
    one(
        f"roi-{mode}-{transformation}",
        "RoiAlign",
        (2, 3, 8, 9),
        REGIONS,
        IMAGES % 2,
        mode=mode,
        coordinate_transformation_mode=transformation,
        output_height=3,
        output_width=2,
        sampling_ratio=2,
        spatial_scale=0.9,
    )
    for mode in ("avg", "max")
    for transformation in ("half_pixel", "output_half_pixel")
]
DEFORMED = [
    one("deform", "DeformConv", (1, 2, 5, 6), weights(3, 2, 2, 3), offsets(1, 12, 4, 4)),
    one(
        "deform-all",
        "DeformConv",
        (2, 4, 7, 6),
        weights(6, 2, 3, 2),
        offsets(2, 24, 4, 3),
        weights(6),
        np.abs(offsets(2, 12, 4, 3)),
        group=2,
        offset_group=2,
        pads=[1, 0, 2, 1],
        strides=[2, 2],
        dilations=[1, 2],
    ),
]
OTHERS = [
    one("roi-10", "RoiAlign", (1, 1, 8, 9), REGIONS, IMAGES * 0, opset=10, sampling_ratio=1, output_width=4),
    one("roi-run", "RoiAlign", (2, 2, 5, 4), (3, 4), Typed("int64", (3,)), sampling_ratio=2, output_height=2),
    one("roi-run-max", "RoiAlign", (2, 2, 1, 4), (3, 4), Typed("int64", (3,)), sampling_ratio=3, mode="max"),
    one("deform-run", "DeformConv", (1, 2, 4, 4), weights(2, 2, 2, 2), (1, 8, 3, 3), weights(2), (1, 4, 3, 3)),
    one("deform-1d", "DeformConv", (2, 2, 7), weights(2, 2, 3), (2, 3, 5)),
]
"""Regions, offsets and factors of any value; any number of axes."""


@pytest.mark.parametrize("mode", FloatMode)
@pytest.mark.parametrize("case", [*REGION_CASES, *DEFORMED, *OTHERS], ids=lambda case: case.name)
def test_has_the_oracles_bits(case: Case, mode: FloatMode, objects: Cache) -> None:
    check_bits(case, mode, objects)


@pytest.mark.parametrize("case", [*REGION_CASES, *DEFORMED], ids=lambda case: case.name)
def test_agrees_with_the_onnx_reference(case: Case, objects: Cache) -> None:
    check_reference(case, objects)


@pytest.mark.parametrize(
    "case, fault, message",
    [
        (
            one("r", "RoiAlign", (2, 3, 8, 9), REGIONS, IMAGES),
            UnsupportedError,
            "sampling_ratio 0 takes a number of samples that depends on the regions",
        ),
        (
            one("r", "RoiAlign", (2, 3, 8, 9), REGIONS, IMAGES, sampling_ratio=2, mode="min"),
            UnsupportedError,
            "mode 'min' is not supported; supported: avg, max",
        ),
        (
            one("d", "DeformConv", (1, 3, 5, 6), weights(3, 3, 2, 3), offsets(1, 24, 4, 4), offset_group=2),
            NetworkError,
            "offset_group 2 does not divide 3 channels",
        ),
        (
            one("d", "DeformConv", (1, 2, 5, 6), weights(3, 2, 2, 3), offsets(1, 12, 4, 3)),
            NetworkError,
            r"offset of shape \[1, 12, 4, 3\] must be \[1, 12, 4, 4\]",
        ),
    ],
)
def test_what_does_not_fit_is_refused(case: Case, fault: type[Exception], message: str) -> None:
    with pytest.raises(fault, match=message):
        case.network()
