"""The oracle bit for bit: order of additions against scalar loops, subnormals, signed zeros, NaN, batches."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from onnx import helper

from asnet.errors import DataError, UnsupportedError
from asnet.host import float_environment, flush_subnormals
from asnet.network import elementary, load, oracle
from asnet.types import FloatMode

F = np.float32
TINY = F(1e-39)  # subnormal


def bits(array):
    return np.asarray(array, np.float32).view(np.uint32)


def run(built, feeds, mode=FloatMode.FTZ, batch=1):
    return oracle.run(load(built.SerializeToString(), batch=batch), feeds, mode)


def spread(random, *shape):
    """Values of very different magnitude, so that the order of additions shows."""
    return random(*shape) * np.exp2(np.arange(np.prod(shape)).reshape(shape) % 23 - 11).astype(F)


def scalar_conv(x, w, b, stride, pad, dilation, groups):
    """NCHW convolution, one float32 operation at a time."""
    batch, _, height, width = x.shape
    out_channels, group_inputs, kh, kw = w.shape
    rows = (height + 2 * pad - (kh - 1) * dilation - 1) // stride + 1
    columns = (width + 2 * pad - (kw - 1) * dilation - 1) // stride + 1
    y = np.zeros((batch, out_channels, rows, columns), F)
    for n, o, r, c in itertools.product(range(batch), range(out_channels), range(rows), range(columns)):
        first = o // (out_channels // groups) * group_inputs
        acc = b[o]
        for i, u, v in itertools.product(range(group_inputs), range(kh), range(kw)):
            row, column = r * stride + u * dilation - pad, c * stride + v * dilation - pad
            inside = 0 <= row < height and 0 <= column < width
            acc = F(acc + F((x[n, first + i, row, column] if inside else F(0)) * w[o, i, u, v]))
        y[n, o, r, c] = acc
    return y


@pytest.mark.parametrize(
    ("stride", "pad", "dilation", "groups"), [(1, 0, 1, 1), (2, 1, 1, 1), (1, 2, 2, 1), (1, 1, 1, 2), (3, 1, 1, 4)]
)
def test_conv_adds_bias_channel_row_column(stride, pad, dilation, groups, model, random):
    x, w, b = spread(random, 2, 4, 6, 5), spread(random, 4, 4 // groups, 3, 2), spread(random, 4)
    node = helper.make_node(
        "Conv", ["x", "w", "b"], ["y"], strides=[stride] * 2, pads=[pad] * 4, dilations=[dilation] * 2, group=groups
    )
    found = run(model([node], {"x": x.shape}, constants={"w": w, "b": b}), {"x": x}, FloatMode.IEEE)["y"]
    expected = scalar_conv(x, w, b, stride, pad, dilation, groups)
    assert np.array_equal(bits(found), bits(expected))


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.3, 1.0), (1.0, 0.7), (0.3, 0.7)])
def test_gemm_adds_bias_then_k(alpha, beta, model, random):
    a, b, c = spread(random, 3, 17), spread(random, 17, 4), spread(random, 4)
    node = helper.make_node("Gemm", ["a", "b", "c"], ["y"], alpha=alpha, beta=beta)
    found = run(model([node], {"a": a.shape}, constants={"b": b, "c": c}), {"a": a}, FloatMode.IEEE)["y"]
    fused = alpha == 1 and beta == 1
    for m, n in itertools.product(range(3), range(4)):
        acc = c[n] if fused else F(0)
        for k in range(17):
            acc = F(acc + F(a[m, k] * b[k, n]))
        if not fused:
            scaled = acc if alpha == 1 else F(acc * F(alpha))
            acc = F(scaled + (c[n] if beta == 1 else F(c[n] * F(beta))))
        assert bits(found[m, n]) == bits(acc)


def test_matmul_adds_k_ascending_from_zero(model, random):
    a, b = spread(random, 2, 3, 9), spread(random, 9, 4)
    found = run(model([helper.make_node("MatMul", ["a", "b"], ["y"])], {"a": a.shape, "b": b.shape}), {"a": a, "b": b})
    for batch, m, n in itertools.product(range(2), range(3), range(4)):
        acc = F(0)
        for k in range(9):
            acc = F(acc + F(a[batch, m, k] * b[k, n]))
        assert bits(found["y"][batch, m, n]) == bits(acc)


def test_softmax_adds_along_the_axis(model, random):
    x = random(4, 11)
    y = run(model([helper.make_node("Softmax", ["x"], ["y"])], {"x": x.shape}), {"x": x})["y"]
    for row, found in zip(x, y, strict=True):
        powers = [elementary.exp(np.array(F(value - row.max())))[()] for value in row]
        total = F(0)
        for power in powers:
            total = F(total + power)
        assert [bits(value) for value in found] == [bits(F(power / total)) for power in powers]


def test_average_pool_adds_in_window_order(model, random):
    x = spread(random, 1, 1, 3, 3)
    node = helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    y = run(model([node], {"x": x.shape}), {"x": x})["y"]
    for r, c in itertools.product(range(3), range(3)):
        total, count = F(0), 0
        for u, v in itertools.product(range(-1, 2), range(-1, 2)):
            if 0 <= r + u < 3 and 0 <= c + v < 3:
                total, count = F(total + x[0, 0, r + u, c + v]), count + 1
        assert bits(y[0, 0, r, c]) == bits(F(total / F(count)))


def test_batch_normalization_is_one_multiplication_and_one_addition(model, random):
    x, scale, bias, mean = random(2, 3, 4), random(3), random(3), random(3)
    variance = np.abs(random(3))
    constants = {"s": scale, "b": bias, "m": mean, "v": variance}
    node = helper.make_node("BatchNormalization", ["x", *constants], ["y"])
    y = run(model([node], {"x": x.shape}, constants=constants), {"x": x})["y"]
    a = scale.astype(np.float64) / np.sqrt(variance.astype(np.float64) + np.float64(F(1e-5)))
    shift = (bias - mean * a).astype(F)
    assert np.array_equal(bits(y), bits(x * a.astype(F)[:, None] + shift[:, None]))


@pytest.mark.parametrize(("mode", "kept"), [(FloatMode.FTZ, F(0)), (FloatMode.IEEE, TINY)])
@pytest.mark.parametrize("op", ["Identity", "Relu", "MaxPool", "Transpose", "Dropout"])
def test_inputs_are_flushed_in_ftz_mode(op, mode, kept, model):
    x = np.full((1, 1, 2), TINY, F)
    attributes = {"kernel_shape": [2]} if op == "MaxPool" else {}
    found = run(model([helper.make_node(op, ["x"], ["y"], **attributes)], {"x": x.shape}), {"x": x}, mode)
    assert np.all(bits(found["x"]) == bits(kept))
    assert np.all(bits(found["y"]) == bits(kept))


@pytest.mark.parametrize(("mode", "kept"), [(FloatMode.FTZ, F(-0.0)), (FloatMode.IEEE, -TINY)])
def test_constants_are_flushed_in_ftz_mode(mode, kept, model):
    x = np.zeros((1, 1), F)
    constants = {"c": np.array([[-TINY]], F), "low": np.array(-1, F), "high": np.array(-TINY, F)}
    nodes = [
        helper.make_node("Concat", ["x", "c"], ["joined"], axis=1),
        helper.make_node("Clip", ["x", "low", "high"], ["clipped"]),
    ]
    found = run(model(nodes, {"x": x.shape}, ["joined", "clipped"], constants), {"x": x}, mode)
    assert bits(found["joined"][0, 1]) == bits(kept)
    assert bits(found["clipped"][0, 0]) == bits(F(0) if mode is FloatMode.FTZ else -TINY)


@pytest.mark.parametrize(("mode", "expected"), [(FloatMode.FTZ, F(0)), (FloatMode.IEEE, F(2.0**-130))])
def test_tiny_results_are_flushed_in_ftz_mode(mode, expected, model):
    x = np.array([[2.0**-65]], F)
    found = run(model([helper.make_node("Mul", ["x", "x"], ["y"])], {"x": x.shape}), {"x": x}, mode)
    assert bits(found["y"]) == bits(expected)


def test_flush_keeps_signs_and_normal_numbers():
    array = np.array([TINY, -TINY, 0.0, -0.0, np.finfo(F).smallest_normal, -np.inf], F)
    expected = np.array([0.0, -0.0, 0.0, -0.0, np.finfo(F).smallest_normal, -np.inf], F)
    assert np.array_equal(bits(flush_subnormals(array)), bits(expected))


def test_selects_treat_nan_and_signed_zero_as_the_ir_does(model):
    x = np.array([[np.nan, -0.0, -1.0]], F)
    built = model([helper.make_node("Relu", ["x"], ["y"])], {"x": x.shape})
    y = run(built, {"x": x})["y"][0]
    assert np.isnan(y[0])
    assert list(bits(y[1:])) == [0x80000000, 0]
    pool = model([helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[3])], {"x": (1, 1, 3)})
    assert bits(run(pool, {"x": x[None]})["y"]) == 0x80000000


@pytest.mark.parametrize("mode", list(FloatMode))
def test_images_do_not_depend_on_their_batch(mode, model, random):
    constants = {"w": random(3, 1, 3, 3), "b": random(3), "d": random(12, 5), "e": random(5)}
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Tanh", ["c"], ["t"]),
        helper.make_node("Flatten", ["t"], ["f"]),
        helper.make_node("Gemm", ["f", "d", "e"], ["g"]),
        helper.make_node("Softmax", ["g"], ["y"]),
    ]
    built = model(nodes, {"x": ["N", 1, 4, 4]}, constants=constants)
    images = random(6, 1, 4, 4)
    together = run(built, {"x": images}, mode, batch=6)["y"]
    for index in range(6):
        assert np.array_equal(bits(run(built, {"x": images[index : index + 1]}, mode)["y"][0]), bits(together[index]))


def test_the_callers_float_environment_is_kept(model):
    x = np.ones((1, 1), F)
    run(model([helper.make_node("Relu", ["x"], ["y"])], {"x": x.shape}), {"x": x}, FloatMode.FTZ)
    with float_environment(FloatMode.IEEE):
        run(model([helper.make_node("Relu", ["x"], ["y"])], {"x": x.shape}), {"x": x}, FloatMode.FTZ)
        assert bits(np.multiply(np.full(9, 2.0**-65, F), F(2.0**-65)))[0] == bits(F(2.0**-130))


def test_wrong_inputs_are_data_errors(model):
    network = load(model([helper.make_node("Relu", ["x"], ["y"])], {"x": (2, 3)}).SerializeToString())
    with pytest.raises(DataError, match=r"^input 'x' is missing; the network takes x float32\[2, 3\]$"):
        oracle.run(network, {})
    with pytest.raises(DataError, match=r"^input 'x' is float32\[3, 2\]; the network takes x float32\[2, 3\]$"):
        oracle.run(network, {"x": np.zeros((3, 2), F)})
    with pytest.raises(DataError, match=r"^input 'x' is float64\[2, 3\]; the network takes"):
        oracle.run(network, {"x": np.zeros((2, 3))})


def test_an_unknown_operator_names_its_node(model):
    network = load(
        model([helper.make_node("RandomUniformLike", ["x"], ["y"], name="e")], {"x": (2, 2)}).SerializeToString()
    )
    with pytest.raises(
        UnsupportedError, match=r"^test: node 'e' \(RandomUniformLike\): operator is not supported; supported: Abs, "
    ):
        oracle.run(network, {"x": np.zeros((2, 2), F)})
