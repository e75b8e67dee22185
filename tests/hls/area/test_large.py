"""Designs that have more memory than any device: what is said about them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asnet import hls
from asnet.errors import UnreachableError
from asnet.hls.area import estimate_area, too_large
from asnet.hls.chip import DEVICES
from asnet.hls.options import HlsOptions, Style, Weights
from asnet.lower import lower
from asnet.passes import approximate
from benchmarks.hls.networks import dense_network, load_model


@pytest.fixture(scope="module")
def design() -> hls.RtlDesign:
    module = approximate(lower(load_model(dense_network((512, 256, 10)))))
    return hls.synthesise(module, options=HlsOptions(style=Style.SEQUENTIAL))


def test_constants_can_go_outside(design: hls.RtlDesign) -> None:
    said = too_large(design, estimate_area(design, measure=False))
    assert "block RAMs are too many for ecp5-85k, which has 208: w1 of dense1 228, " in said
    assert said.endswith("--weights external keeps constants in a memory outside of the chip")


def test_constants_that_stay_need_fewer_lanes(design: hls.RtlDesign) -> None:
    """As if something was outside, and the largest were not."""
    outside = hls.synthesise(
        approximate(lower(load_model(dense_network((64, 64, 10))))), options=HlsOptions(weights=Weights.EXTERNAL)
    )
    assert outside.weights is not None
    said = too_large(replace(design, weights=outside.weights), estimate_area(design, measure=False))
    assert said.endswith("fewer lanes (--parallel) make rings smaller")


def test_nothing_is_said_of_designs_that_fit() -> None:
    module = approximate(lower(load_model(dense_network((64, 16, 10)))))
    design = hls.synthesise(module)
    assert too_large(design, estimate_area(design, measure=False)) == ""


def test_what_cannot_fit_says_so_too() -> None:
    module = approximate(lower(load_model(dense_network((512, 256, 10)))))
    wanted = HlsOptions(fit="ecp5-85k")
    with pytest.raises(UnreachableError, match=r"does not fit ecp5-85k.* --weights external if block RAMs are too few"):
        hls.synthesise(module, options=wanted)
    outside = hls.synthesise(module, options=replace(wanted, weights=Weights.EXTERNAL, target_cycles=140_000))
    assert estimate_area(outside, measure=False).total.fits(DEVICES["ecp5-85k"])
