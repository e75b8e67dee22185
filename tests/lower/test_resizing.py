"""Resize and Upsample in every mode: bit for bit the oracle's, equal to ONNX's reference."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.cache import Cache
from asnet.errors import UnsupportedError
from asnet.types import FloatMode
from tests.lower.conftest import Case, Typed, check_bits, check_reference, integers, one


def scales(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


TRANSFORMATIONS = (
    *("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"),
    "tf_crop_and_resize",
)
CASES = [
    *(
        one(
            f"{mode}-{transformation}",
            "Resize",
            (1, 2, 5, 4),
            scales(0, 0, 0.2, -0.1, 1, 1, 0.9, 1.2),
            scales(1, 1, 0.65, 2.3),
            mode=mode,
            coordinate_transformation_mode=transformation,
            extrapolation_value=7.5,
        )
        for mode in ("nearest", "linear", "cubic")
        for transformation in TRANSFORMATIONS
    ),
    *(
        one(
            f"nearest-{rounding}",
            "Resize",
            Typed("uint8", (3, 5)),
            None,
            scales(2.0, 1.5),
            nearest_mode=rounding,
            coordinate_transformation_mode="half_pixel",
        )
        for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    ),
    one("sizes", "Resize", (1, 1, 4, 4), None, None, integers(1, 1, 7, 3), mode="linear"),
    one("sizes-axes", "Resize", (4, 4, 2), None, None, integers(3, 7), mode="cubic", axes=[1, 0], cubic_coeff_a=-0.5),
    one("cubic-excluding", "Resize", (4, 4), None, scales(0.6, 2), mode="cubic", exclude_outside=1),
    one("antialias", "Resize", (9, 7), None, scales(0.4, 0.6), mode="linear", antialias=1),
    one("antialias-cubic", "Resize", (9, 7), None, scales(0.4, 0.6), mode="cubic", antialias=1),
    one("unchanged", "Resize", (3, 4), None, scales(1, 1), mode="linear"),
    one("resize-10", "Resize", (2, 3), scales(2, 1.5), opset=10, mode="nearest"),
    one("upsample", "Upsample", (1, 1, 2, 3), scales(1, 1, 2, 3), opset=9, mode="nearest"),
    one("upsample-linear", "Upsample", (1, 1, 2, 3), scales(1, 1, 2, 3), opset=9, mode="linear"),
    one("upsample-7", "Upsample", (1, 1, 2, 3), opset=7, mode="nearest", scales=[1.0, 1.0, 2.0, 3.0]),
]
OLD = {"resize-10", "upsample-linear", "upsample-7"}
"""Forms that onnx.reference does not know."""


@pytest.mark.parametrize("mode", FloatMode)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_has_the_oracles_bits(case: Case, mode: FloatMode, objects: Cache) -> None:
    check_bits(case, mode, objects)


@pytest.mark.parametrize("case", [case for case in CASES if case.name not in OLD], ids=lambda case: case.name)
def test_agrees_with_the_onnx_reference(case: Case, objects: Cache) -> None:
    check_reference(case, objects)


def test_interpolating_integers_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"mode 'linear' is supported for float32 only; cast before"):
        one("r", "Resize", Typed("uint8", (3, 5)), None, scales(2, 2), mode="linear").network()
