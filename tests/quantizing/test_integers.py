"""Every integer of a written network is the same by ASNet, the oracle and, where it can run it, onnxruntime."""

from __future__ import annotations

import pytest

from asnet.cache import Cache
from asnet.quantizing import CALIBRATIONS, Quantization, quantize
from tests.quantizing.conftest import NETWORKS, assert_same, by_asnet, by_onnxruntime, by_oracle, digits

IMAGES = 20
AFFINE = {"scheme": "affine"}
BOTH_AFFINE = {"scheme": "affine", "weight_scheme": "affine", "per_channel": False}
SIGNED_AFFINE = {"weight_scheme": "affine", "per_channel": False}
SCHEMES = {
    "symmetric": {},
    "symmetric, per tensor": {"per_channel": False},
    "affine activations": AFFINE,
    "affine": BOTH_AFFINE,
    "affine weights": SIGNED_AFFINE,
}


def check(name: str, options: Quantization, cache: Cache, *, onnxruntime: bool = True) -> None:
    images = digits(name, IMAGES)
    found = quantize(NETWORKS / f"{name}.onnx", images, options)
    assert found.agreement >= 0.5
    compiled = by_asnet(found, {"x": images}, cache)
    assert_same(compiled, by_oracle(found, {"x": images}))
    if onnxruntime:
        expected = by_onnxruntime(found.model, {"x": images}, qdqisint8allowed="1")  # else x86 computes int8 in float
        assert_same(compiled, expected)
        assert set(expected) <= set(compiled)  # nothing is left out of the comparison


@pytest.mark.parametrize("form", ["qdq", "qoperator"])
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("name", "bits"), [("digits_dense", 4), ("digits_conv", 8)])
def test_forms_and_schemes(name: str, bits: int, scheme: str, form: str, objects: Cache) -> None:
    check(name, Quantization(weights=bits, activations=bits, format=form, **SCHEMES[scheme]), objects)


@pytest.mark.parametrize("scheme", ["symmetric", "affine activations"])
@pytest.mark.parametrize("bits", [3, 5, 6, 7])
def test_bits(bits: int, scheme: str, objects: Cache) -> None:
    check("digits_dense", Quantization(weights=bits, activations=bits, **SCHEMES[scheme]), objects)


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("scheme", ["symmetric", "affine"])
def test_wide_numbers_against_the_oracle(bits: int, scheme: str, objects: Cache) -> None:
    options = Quantization(weights=bits, activations=bits, **SCHEMES[scheme])
    check("digits_conv", options, objects, onnxruntime=False)


@pytest.mark.parametrize("calibrate", CALIBRATIONS)
@pytest.mark.parametrize("extra", [{}, {"equalize": True, "bias_correction": True}], ids=["plain", "equalized"])
def test_calibrations(calibrate: str, extra: dict[str, bool], objects: Cache) -> None:
    check("digits_conv", Quantization(calibrate=calibrate, per_channel=False, **extra), objects)


def test_mixed_bits(objects: Cache) -> None:
    options = Quantization(bits={"conv*": (4, 6), "conv2": (3, 4)}, scheme="affine", format="qoperator")
    check("digits_conv", options, objects)
