"""Window geometry and operator semantics that oracle and lowering share, and their messages."""

from __future__ import annotations

import re

import numpy as np
import pytest
from onnx import helper

from asnet.errors import NetworkError, UnsupportedError
from asnet.network import Layer, Network, Tensor, load
from asnet.network.semantics import gemm_parameters, matmul_geometry, pad_amounts, softmax_axes
from asnet.network.windows import conv_geometry, pool_geometry


def one_layer(op, shapes, output=(1, 1, 1, 1), constants=None, opset=17, **attributes):
    """A network of one layer, built without ONNX."""
    constants = constants or {}
    names = [f"x{index}" for index in range(len(shapes))]
    layer = Layer("l", op, (*names, *constants), ("y",), attributes)
    inputs = tuple(Tensor(name, "float32", tuple(shape)) for name, shape in zip(names, shapes, strict=True))
    tensors = {tensor.name: tensor for tensor in (*inputs, Tensor("y", "float32", tuple(output)))}
    tensors |= {name: Tensor(name, array.dtype.name, array.shape) for name, array in constants.items()}
    return layer, Network("n", "", inputs, (tensors["y"],), (layer,), tensors, constants, opset)


def pool(size, output, **attributes):
    return pool_geometry(*one_layer("AveragePool", [(1, 1, size)], (1, 1, output), **attributes))


def test_the_padded_input_holds_every_window_and_no_more():
    assert pool(7, 3, kernel_shape=(2,), strides=(2,)).window.padded == (7,)
    assert not pool(7, 3, kernel_shape=(2,), strides=(2,)).window.needs_padding
    unread_end = pool(7, 3, kernel_shape=(3,), strides=(2,), pads=(0, 1)).window
    assert (unread_end.padded, unread_end.needs_padding) == ((7,), False)
    beyond = pool(6, 3, kernel_shape=(3,), strides=(2,), ceil_mode=1).window
    assert (beyond.pads_end, beyond.padded, beyond.needs_padding) == ((0,), (7,), True)


def test_ceil_mode_drops_a_window_that_would_start_in_the_end_padding():
    assert pool(5, 3, kernel_shape=(1,), strides=(2,), pads=(0, 0), ceil_mode=1).window.outputs == (3,)
    assert pool(4, 2, kernel_shape=(3,), strides=(3,), pads=(1, 1), ceil_mode=1).window.outputs == (2,)
    assert pool(2, 1, kernel_shape=(3,), strides=(3,), pads=(1, 1), ceil_mode=1).window.outputs == (1,)


def test_counts_and_divisors():
    options = {"kernel_shape": (3,), "strides": (2,), "pads": (1, 1), "ceil_mode": 1}
    edges = pool(5, 3, **options)
    assert edges.divisors().tolist() == [2, 3, 2]
    assert edges.divisor is None
    padded = pool(5, 3, **options, count_include_pad=1)
    assert (padded.divisors().tolist(), padded.divisor) == ([3, 3, 3], 3.0)
    reaching = pool(6, 4, **{**options, "pads": (2, 0)}, count_include_pad=1)
    assert reaching.divisors().tolist() == [3, 3, 3, 2]
    assert reaching.divisors().dtype == np.float32
    whole = pool_geometry(*one_layer("GlobalAveragePool", [(2, 3, 4, 5)], (2, 3, 1, 1)))
    assert (whole.divisor, whole.divisors().shape, whole.window.taps) == (20.0, (1, 1), 20)


def test_slices_visit_every_read_once():
    window = conv_geometry(*one_layer("Conv", [(1, 1, 9), (1, 1, 3)], (1, 1, 3), strides=(2,), dilations=(2,))).window
    reads = [list(range(*window.slices(tap)[0].indices(9))) for tap in window.positions()]
    assert reads == [[0, 2, 4], [2, 4, 6], [4, 6, 8]]


@pytest.mark.parametrize(("auto_pad", "begin", "end"), [("SAME_UPPER", 0, 1), ("SAME_LOWER", 1, 0), ("VALID", 0, 0)])
def test_auto_pad(auto_pad, begin, end):
    output = 3 if auto_pad == "VALID" else 4
    window = pool(8, output, kernel_shape=(3,), strides=(2,), auto_pad=auto_pad).window
    assert (window.pads_begin, window.pads_end) == ((begin,), (end,))


CONV = {"output": (1, 4, 3, 3)}
WRONG = {
    "rank": (
        conv_geometry,
        "Conv",
        [(1, 2), (4, 2)],
        {},
        "an input of shape [1, 2] must be batch, channels and spatial",
    ),
    "weight": (
        conv_geometry,
        "Conv",
        [(1, 2, 5, 5), (4, 2, 3)],
        {},
        "a weight of shape [4, 2, 3] does not fit the input",
    ),
    "group": (
        conv_geometry,
        "Conv",
        [(1, 2, 5, 5), (4, 2, 3, 3)],
        {"group": 2},
        "group 2 does not fit 2 input channels and a weight of shape [4, 2, 3, 3]",
    ),
    "kernel": (
        conv_geometry,
        "Conv",
        [(1, 2, 5, 5), (4, 2, 3, 3)],
        {"kernel_shape": (2, 2)},
        "kernel_shape (2, 2) is not the weight's [3, 3]",
    ),
    "bias": (
        conv_geometry,
        "Conv",
        [(1, 2, 5, 5), (4, 2, 3, 3), (3,)],
        CONV,
        "a bias of shape [3] does not fit 4 output channels",
    ),
    "outputs": (
        conv_geometry,
        "Conv",
        [(1, 2, 5, 5), (4, 2, 3, 3)],
        {"output": (1, 4, 2, 2)},
        "the windows give [3, 3] outputs, the model says [2, 2]; mend the model",
    ),
    "strides": (
        conv_geometry,
        "Conv",
        [(1, 2, 5, 5), (4, 2, 3, 3)],
        {"strides": (1,)},
        "strides [1] must be 2 positive integers, one per spatial axis",
    ),
    "dilations": (
        conv_geometry,
        "Conv",
        [(1, 2, 5, 5), (4, 2, 3, 3)],
        {"dilations": (1, 0)},
        "dilations [1, 0] must be 2 positive integers, one per spatial axis",
    ),
    "pads": (
        conv_geometry,
        "Conv",
        [(1, 2, 5, 5), (4, 2, 3, 3)],
        {"pads": (1, 1)},
        "pads [1, 1] must be 4 integers, begins then ends",
    ),
    "auto_pad": (
        conv_geometry,
        "Conv",
        [(1, 2, 5, 5), (4, 2, 3, 3)],
        {"auto_pad": "SAME"},
        "auto_pad 'SAME' is unknown; known: NOTSET, SAME_LOWER, SAME_UPPER, VALID",
    ),
    "type": (
        conv_geometry,
        "Conv",
        [(1, 2, 5, 5), (4, 2, 3, 3)],
        {"group": 1.0},
        "attribute 'group' is 1.0, not an integer; mend the model",
    ),
    "padding only": (
        pool_geometry,
        "MaxPool",
        [(1, 1, 4)],
        {"kernel_shape": (2,), "pads": (2, 0), "output": (1, 1, 5)},
        "pads [2, 0] make windows of padding only",
    ),
    "too large": (
        pool_geometry,
        "MaxPool",
        [(1, 1, 4)],
        {"kernel_shape": (6,), "pads": (1, 0)},
        "a window of 6 does not fit an input of 4 padded by 1 and 0",
    ),
    "no kernel": (
        pool_geometry,
        "MaxPool",
        [(1, 1, 4)],
        {},
        "kernel_shape [] must be 1 positive integers, one per spatial axis",
    ),
    "product": (gemm_parameters, "Gemm", [(1, 2), (3, 4)], {}, "matrices of shape [1, 2] and [3, 4] do not fit"),
    "operands": (matmul_geometry, "MatMul", [(2,), (3,)], {}, "operands of shape [2] and [3] do not fit each other"),
    "axis": (softmax_axes, "Softmax", [(2, 3)], {"axis": 2}, "axis 2 is outside [-2, 1] of a tensor with 2 axes"),
    "reflection": (
        pad_amounts,
        "Pad",
        [(2, 3)],
        {"opset": 10, "mode": "reflect", "pads": (0, 3, 0, 0)},
        "reflecting pads [0, 3, 0, 0] are larger than the shape [2, 3] minus 1",
    ),
    "amounts": (
        pad_amounts,
        "Pad",
        [(2, 3)],
        {"opset": 10, "pads": (1, 1)},
        "pads [1, 1] must be 4 integers, begins then ends",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_contradictions(name):
    function, op, shapes, options, message = WRONG[name]
    with pytest.raises(NetworkError, match="^" + re.escape(f"node 'l' ({op}): {message}")):
        function(*one_layer(op, shapes, **options))


REFUSED = {
    "negative": (
        conv_geometry,
        "Conv",
        [(1, 2, 5, 5), (4, 2, 3, 3)],
        {"pads": (0, -1, 0, 0)},
        "negative pads [0, -1, 0, 0] are not supported; slice the input instead",
    ),
    "mode": (
        pad_amounts,
        "Pad",
        [(2, 3)],
        {"opset": 10, "pads": (0,) * 4, "mode": "mirror"},
        "mode 'mirror' is not supported; supported: constant, edge, reflect, wrap",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_variants(name):
    function, op, shapes, options, message = REFUSED[name]
    with pytest.raises(UnsupportedError, match="^" + re.escape(f"node 'l' ({op}): {message}")):
        function(*one_layer(op, shapes, **options))


def test_messages_at_load_name_the_file(model):
    node = helper.make_node("MaxPool", ["x"], ["y"], name="p", kernel_shape=[2], pads=[2, 2])
    with pytest.raises(NetworkError, match=re.escape("<bytes>: node 'p' (MaxPool): pads [2, 2] make windows of")):
        load(model([node], {"x": (1, 1, 4)}).SerializeToString())


@pytest.mark.parametrize(
    ("opset", "attributes", "expected"),
    [
        (12, {}, (2, 12, 1)),
        (12, {"axis": 2}, (6, 4, 1)),
        (12, {"axis": 0}, (1, 24, 1)),
        (13, {}, (6, 4, 1)),
        (13, {"axis": 1}, (2, 3, 4)),
        (13, {"axis": -3}, (1, 2, 12)),
    ],
)
def test_softmax_axes(opset, attributes, expected):
    assert softmax_axes(*one_layer("Softmax", [(2, 3, 4)], opset=opset, **attributes)) == expected


@pytest.mark.parametrize(
    ("attributes", "fused", "bias"),
    [({}, True, True), ({"beta": 0.0}, True, False), ({"beta": 0.5}, False, True), ({"alpha": 0.5}, False, True)],
)
def test_gemm_is_fused_without_factors(attributes, fused, bias):
    gemm = gemm_parameters(*one_layer("Gemm", [(2, 3), (3, 4), (4,)], **attributes))
    assert (gemm.m, gemm.n, gemm.k, gemm.fused, gemm.bias) == (2, 4, 3, fused, bias)
