"""Formats, scales, calibrations, equalisation, bias correction: what is chosen, and that it is the better choice."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from asnet.network import load, oracle
from asnet.quantizing import Quantization, QuantizedNetwork, quantize
from asnet.quantizing.calibrating import calibrate
from asnet.quantizing.equalizing import equalize
from asnet.quantizing.numbers import BITS, IntegerFormat, Scale
from asnet.quantizing.planning import make_plan
from asnet.quantizing.preparing import prepare
from asnet.testbed.prepare import prepare as compile_network
from asnet.types import AnyArray, FloatMode
from tests.quantizing.conftest import NETWORKS, digits
from tests.quantizing.test_structures import batch_normalised, grouped, inputs_of, pooled_before_relu


@pytest.mark.parametrize("bits", BITS)
def test_formats(bits: int) -> None:
    signed, unsigned = IntegerFormat(bits, signed=True), IntegerFormat(bits, signed=False)
    assert (signed.low, signed.high) == (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    assert (unsigned.low, unsigned.high) == (0, 2**bits - 1)
    for kind in (signed, unsigned):
        limits = np.iinfo(kind.dtype)
        assert limits.min <= kind.low and kind.high <= limits.max and limits.bits == (8 if bits <= 8 else 16)


@given(st.floats(-1e6, 1e6, width=32), st.floats(0, 1e6, width=32), st.sampled_from(BITS), st.booleans(), st.booleans())
def test_a_range_is_covered(low: float, extent: float, bits: int, signed: bool, symmetric: bool) -> None:
    symmetric = symmetric and signed
    kind = IntegerFormat(bits, signed=signed)
    scale = Scale.of_range(kind, low, low + extent, symmetric=symmetric)
    points = np.linspace(min(low, 0), max(low + extent, 0), 50, dtype=np.float32)
    error = np.abs(scale.nearest(points).astype(np.float64) - points)
    half_steps = 1 if symmetric else 2  # rounding the zero point moves the range by up to half a step
    assert error.max() <= half_steps * float(scale.scale) * 0.501 + 1e-3 * np.abs(points).max() * 2.0**-bits
    assert scale.nearest(np.zeros(1, np.float32))[0] == 0


def test_nothing_but_zeros_has_a_scale() -> None:
    scale = Scale.of_range(IntegerFormat(8, signed=True), 0.0, 0.0, symmetric=True)
    assert scale.scale == 1 and scale.nearest(np.zeros(3, np.float32)).tolist() == [0, 0, 0]


def chosen(name: str, values: AnyArray, bits: int = 4, percentile: float = 99.0) -> Scale:
    kind = IntegerFormat(bits, signed=True)

    def make(low: AnyArray | float, high: AnyArray | float) -> Scale:
        return Scale.of_range(kind, low, high, symmetric=True)

    return calibrate(name, values, values, make, kind, percentile)


def test_calibrations_on_an_outlier() -> None:
    values = np.random.default_rng(1).standard_normal(20_000).astype(np.float32)
    values[7] = 60
    greatest = {name: float(chosen(name, values).scale) * 7 for name in ("max", "percentile", "mse", "entropy")}
    assert greatest["max"] == pytest.approx(60)
    assert greatest["percentile"] == pytest.approx(np.percentile(np.abs(values), 99), rel=1e-5)
    assert 1.5 < greatest["entropy"] < 8

    def error(scale: Scale) -> float:
        return float(np.square(scale.nearest(values) - values).sum())

    assert error(chosen("mse", values)) <= 1.02 * min(error(chosen(name, values)) for name in greatest)


def test_propagated_looks_at_what_reaches_the_layer() -> None:
    """The others answer for the float values, this one for what the layers before really give."""
    values = np.random.default_rng(2).uniform(0, 1, 5_000).astype(np.float32)
    kind = IntegerFormat(3, signed=False)

    def make(low: AnyArray | float, high: AnyArray | float) -> Scale:
        return Scale.of_range(kind, low, high, symmetric=False)

    reached = np.minimum(values, 0.5)  # something before saturates
    found = calibrate("propagated", values, reached, make, kind, 99.9)
    blind = calibrate("mse", values, reached, make, kind, 99.9)
    errors = [np.square(scale.nearest(reached) - values).mean() for scale in (found, blind)]
    assert errors[0] < errors[1]


def noise(found: QuantizedNetwork) -> float:
    return found.layers[-1].sqnr


def test_propagated_is_better_than_max_at_four_bits() -> None:
    images = digits("digits_conv", 200)
    ratios = {
        name: noise(
            quantize(
                NETWORKS / "digits_conv.onnx",
                images,
                Quantization(calibrate=name, weights=4, activations=4, scheme="affine"),
            )
        )
        for name in ("max", "propagated")
    }
    assert ratios["propagated"] > ratios["max"] + 1


def test_bias_correction_removes_the_mean_error() -> None:
    images = digits("digits_conv", 100)

    def mean_error(correct: bool) -> float:
        options = Quantization(weights=3, activations=8, per_channel=False, bias_correction=correct, include=("conv1",))
        network = load(quantize(NETWORKS / "digits_conv.onnx", images, options).data)
        real = load(NETWORKS / "digits_conv.onnx")
        errors = [
            oracle.run(network, {"x": image[None]}, FloatMode.IEEE)["pool1_out"]
            - oracle.run(real, {"x": image[None]}, FloatMode.IEEE)["pool1_out"]
            for image in images[:20]
        ]
        return float(np.abs(np.concatenate(errors).mean(axis=(0, 2, 3))).max())

    assert mean_error(True) < 0.7 * mean_error(False)


@pytest.mark.parametrize("make", [grouped, pooled_before_relu, batch_normalised])
def test_equalising_keeps_the_network_and_evens_the_channels(make) -> None:
    model = make()
    options = Quantization(bits={"relu6": (8, 8)})
    ready = prepare(model, 13)
    before = ready.to_model().SerializeToString()
    plan = make_plan(ready, options)
    pairs = equalize(ready, plan)
    assert pairs == {"grouped": 0, "pooled_before_relu": 1, "batch_normalised": 0}[make.__name__]
    if not pairs:
        assert ready.to_model().SerializeToString() == before
        return
    inputs = {name: array[:1] for name, array in inputs_of(model).items()}
    ys = [oracle.run(load(data), inputs, FloatMode.IEEE)["y"] for data in (model, ready.to_model().SerializeToString())]
    np.testing.assert_allclose(ys[0], ys[1], rtol=1e-4, atol=1e-5)
    first, second = (ready.constants[plan.products[name].w] for name in ("conv", "gemm"))
    ranges = np.abs(first).max(axis=(1, 2, 3)), np.abs(second.reshape(5, 4, -1)).max(axis=(0, 2))
    np.testing.assert_allclose(*ranges, rtol=1e-2)


def test_equalising_helps_uneven_channels() -> None:
    model = onnx.load(NETWORKS / "digits_conv.onnx")
    uneven = np.float32([1, 50, 0.02, 1, 10, 0.1, 1, 1])
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for name, factors in (
        ("conv1.weight", uneven[:, None, None, None]),
        ("conv1.bias", uneven),
        ("conv2.weight", 1 / uneven[None, :, None, None]),
    ):
        values = numpy_helper.to_array(weights[name]) * factors
        weights[name].CopyFrom(numpy_helper.from_array(values.astype(np.float32), name))
    data, images = model.SerializeToString(), digits("digits_conv", 60)
    plain, even = (
        noise(quantize(data, images, Quantization(per_channel=False, equalize=equalised)))
        for equalised in (False, True)
    )
    assert even > plain + 10


def test_bits_by_layer_and_what_no_product_reads() -> None:
    images = digits("digits_conv", 30)
    options = Quantization(
        weights=6, activations=6, scheme="affine", bits={"conv*": (4, 5), "conv2": (3, 4)}, exclude=("dense1",)
    )
    found = quantize(NETWORKS / "digits_conv.onnx", images, options)
    shown = [(layer.name, layer.activations, layer.weights, layer.result) for layer in found.layers]
    assert shown == [("conv1", "u5", "i4", "u4"), ("conv2", "u4", "i3", "u8")]
    assert [layer.op_type for layer in load(found.data).layers][-2:] == ["Gemm", "Softmax"]
    for layer, low, high in (("conv1", -8, 7), ("conv2", -4, 3)):
        (weights,) = (
            numpy_helper.to_array(t) for t in found.model.graph.initializer if t.name == f"{layer}.weights.quantized"
        )
        assert weights.dtype == np.int8 and weights.min() >= low and weights.max() <= high


def test_a_bias_beyond_the_weights_has_room() -> None:
    model = onnx.load(NETWORKS / "digits_dense.onnx")
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor).copy()
        if tensor.name == "dense1.weight":
            values[3] = 1e-12  # a channel that would have a tiny scale
        if tensor.name == "dense1.bias":
            values[3] = 2.5
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    found = quantize(model.SerializeToString(), digits("digits_dense", 20))
    (bias,) = (numpy_helper.to_array(t) for t in found.model.graph.initializer if t.name == "dense1.bias.quantized")
    (scale,) = (numpy_helper.to_array(t) for t in found.model.graph.initializer if t.name == "dense1.bias.scale")
    assert bias[3] * float(scale[3]) == pytest.approx(2.5, rel=1e-6)


@pytest.mark.parametrize("scheme", ["symmetric", "affine"])
@pytest.mark.parametrize("bits", [2, 4, 7, 8, 12, 16])
def test_multipliers_have_the_width_that_was_asked_for(bits: int, scheme: str) -> None:
    options = Quantization(weights=bits, activations=bits, scheme=scheme, weight_scheme=scheme)
    found = quantize(NETWORKS / "digits_conv.onnx", digits("digits_conv", 20), options)
    slots = {slot.name: slot.type for slot in compile_network(found.load()).slots if slot.op == "mul"}
    kind = f"{'i' if scheme == 'symmetric' else 'u'}{bits}"
    assert slots == {"conv1.mul": kind, "conv2.mul": kind, "dense1.mul": kind}
