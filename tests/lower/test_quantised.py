"""Quantised operators: the oracle's bits, ONNX's reference, onnxruntime's integers."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import helper

from asnet.cache import Cache
from asnet.errors import NetworkError
from asnet.ir.jit import Engine
from asnet.lower import lower
from asnet.types import FloatMode
from tests.lower.conftest import Case, Typed, assert_same_bits, build, check_bits, one


def scale(*values: float) -> np.ndarray:
    return np.array(values[0] if len(values) == 1 else values, np.float32)


def zero(dtype: str, *values: int) -> np.ndarray:
    return np.array(values[0] if len(values) == 1 else values, dtype)


def raw(dtype: str, *shape: int) -> np.ndarray:
    """Every kind of number, the extremes among them."""
    limits = np.iinfo(dtype)
    values = np.random.default_rng(sum(shape)).integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    flat = values.reshape(-1)
    flat[:2] = limits.min, limits.max
    return values


def raw_scales(*shape: int) -> np.ndarray:
    """A scale for each block."""
    return np.random.default_rng(sum(shape)).uniform(0.01, 0.4, shape).astype(np.float32)


def qlinear_conv(
    name: str,
    x: Typed,
    w: np.ndarray,
    zeros: tuple[np.ndarray, np.ndarray, np.ndarray],
    bias: np.ndarray | None = None,
    w_scale: np.ndarray | None = None,
    **attributes: object,
) -> Case:
    x_zero, w_zero, y_zero = zeros
    w_scale = scale(0.0117) if w_scale is None else w_scale
    operands = (x, scale(0.021), x_zero, w, w_scale, w_zero, scale(0.37), y_zero, *(() if bias is None else (bias,)))
    return one(name, "QLinearConv", *operands, **attributes)


def qlinear_matmul(name: str, a: Typed, b: Typed | np.ndarray, zeros: tuple[np.ndarray, ...], b_scale: float) -> Case:
    return one(name, "QLinearMatMul", a, scale(0.02), zeros[0], b, scale(b_scale), zeros[1], scale(0.31), zeros[2])


def zeros(a: str, b: str, y: str, *values: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    first, second, third = (zero(dtype, value) for dtype, value in zip((a, b, y), values, strict=True))
    return first, second, third


BIAS = np.array([1000, -2000, 7], np.int32)

LINEAR = [
    one("quantize-u8", "QuantizeLinear", (3, 40), scale(0.1), zero("uint8", 128)),
    one("quantize-s8", "QuantizeLinear", (3, 40), scale(0.03), zero("int8", -3)),
    one("quantize-default", "QuantizeLinear", (3, 40), scale(0.5)),
    one("quantize-u16", "QuantizeLinear", (3, 40), scale(0.0007), zero("uint16", 700)),
    one("quantize-s16", "QuantizeLinear", (3, 40), scale(0.0001), zero("int16", -5)),
    one("quantize-axis", "QuantizeLinear", (2, 3, 5), scale(0.1, 0.2, 0.7), zero("uint8", 1, 128, 255), axis=1),
    one("quantize-last", "QuantizeLinear", (2, 3), scale(0.1, 0.2, 0.7), zero("int8", 1, -128, 127), axis=-1),
    *(
        one(f"dequantize-{dtype}", "DequantizeLinear", Typed(dtype, (3, 20)), scale(0.013), zero(dtype, 5))
        for dtype in ("int8", "uint8", "int16", "uint16")
    ),
    one("dequantize-int32", "DequantizeLinear", Typed("int32", (3, 20)), scale(0.013)),
    one("quantize-blocks", "QuantizeLinear", (2, 6), raw_scales(2, 3), raw("int8", 2, 3), axis=1, block_size=2),
    one("quantize-blocks-0", "QuantizeLinear", (6, 2, 1), raw_scales(2, 2, 1), axis=0, block_size=3),
    one("dequantize-blocks", "DequantizeLinear", Typed("uint8", (2, 6)), raw_scales(1, 6), axis=0, block_size=2),
    one("dequantize-axis", "DequantizeLinear", Typed("int8", (2, 3, 4)), scale(0.1, 0.2, 3), zero("int8", 1, -7, 0)),
]
DYNAMIC = [
    one("dynamic", "DynamicQuantizeLinear", (4, 9), outputs=("y", "scale", "zero")),
    build(
        "dynamic-scale",
        [helper.make_node("DynamicQuantizeLinear", ["in0"], ["y", "scale", "zero"], name="dynamic-scale")],
        {"in0": (4, 9)},
        {},
        outputs=["scale"],
    ),
]
U8, S8 = Typed("uint8", (1, 2, 5, 6)), Typed("int8", (1, 2, 5, 6))
SMALL = (3, 2, 3, 3)
INTEGER = [
    one("conv-u8u8", "ConvInteger", U8, raw("uint8", *SMALL), zero("uint8", 130), zero("uint8", 9)),
    one("conv-s8s8", "ConvInteger", S8, raw("int8", *SMALL), zero("int8", -7), zero("int8", 0), pads=[1, 0, 2, 1]),
    one("conv-u8s8", "ConvInteger", U8, raw("int8", *SMALL), zero("uint8", 3), pads=[1, 1, 1, 1]),
    one("conv-s8u8", "ConvInteger", S8, raw("uint8", *SMALL), zero("int8", 3), zero("uint8", 255), pads=[2, 1, 0, 1]),
    one("conv-no-zero", "ConvInteger", U8, raw("int8", *SMALL), pads=[1, 1, 1, 1]),
    one("conv-weights", "ConvInteger", U8, Typed("int8", SMALL), Typed("uint8", ()), Typed("int8", (3,)), pads=[1] * 4),
    one("conv-1x1", "ConvInteger", S8, raw("int8", 3, 2, 1, 1), zero("int8", 11), zero("int8", 4, -9, 127)),
    one(
        "matmul-u8u8", "MatMulInteger", Typed("uint8", (3, 4)), raw("uint8", 4, 5), zero("uint8", 12), zero("uint8", 3)
    ),
    one("matmul-u8s8", "MatMulInteger", Typed("uint8", (2, 3, 4)), raw("int8", 4, 5), zero("uint8", 12)),
    one("matmul-both", "MatMulInteger", Typed("int8", (2, 3, 4)), Typed("uint8", (2, 4, 2)), zero("int8", -9)),
    one(
        "matmul-rows",
        "MatMulInteger",
        Typed("uint8", (3, 4)),
        raw("int8", 4, 2),
        zero("uint8", 1, 2, 255),
        zero("int8", 3, -128),
    ),
    one("matmul-vector", "MatMulInteger", Typed("uint8", (4,)), raw("uint8", 4, 3), zero("uint8", 7), zero("uint8", 5)),
]
QLINEAR = [
    qlinear_conv("qconv-u8u8", U8, raw("uint8", *SMALL), zeros("uint8", "uint8", "uint8", 130, 9, 100), BIAS),
    qlinear_conv("qconv-s8s8", S8, raw("int8", *SMALL), zeros("int8", "int8", "int8", -7, 0, 5), BIAS, pads=[1] * 4),
    qlinear_conv(
        "qconv-u8s8", U8, raw("int8", *SMALL), zeros("uint8", "int8", "uint8", 77, 0, 128), BIAS, pads=[1, 0, 2, 1]
    ),
    qlinear_conv(
        "qconv-channels",
        S8,
        raw("int8", *SMALL),
        zeros("int8", "int8", "int8", 5, 0, -5),
        w_scale=scale(0.01, 0.03, 0.2),
        pads=[1, 1, 1, 1],
        strides=[2, 1],
    ),
    qlinear_conv("qconv-1x1", U8, raw("uint8", 3, 2, 1, 1), zeros("uint8", "uint8", "uint8", 5, 200, 0), BIAS),
    qlinear_conv(
        "qconv-dilated", S8, raw("int8", 2, 2, 2, 3), zeros("int8", "int8", "int8", 1, 2, 3), dilations=[3, 2]
    ),
    qlinear_conv(
        "qconv-depthwise",
        Typed("uint8", (1, 3, 5, 5)),
        raw("int8", 3, 1, 3, 3),
        zeros("uint8", "int8", "uint8", 99, 0, 3),
        BIAS,
        group=3,
        pads=[0, 1, 2, 1],
    ),
    qlinear_conv(
        "qconv-groups",
        Typed("int8", (2, 4, 4, 4)),
        raw("int8", 6, 2, 3, 3),
        zeros("int8", "int8", "int8", -100, 17, 3),
        group=2,
        pads=[1, 1, 1, 1],
    ),
    qlinear_conv(
        "qconv-1d", Typed("uint8", (1, 2, 9)), raw("uint8", 3, 2, 3), zeros("uint8", "uint8", "uint8", 1, 2, 3), BIAS
    ),
    qlinear_matmul("qmatmul-u8u8", Typed("uint8", (3, 7)), raw("uint8", 7, 5), zeros(*["uint8"] * 3, 5, 77, 8), 0.01),
    qlinear_matmul("qmatmul-s8s8", Typed("int8", (3, 7)), raw("int8", 7, 5), zeros(*["int8"] * 3, 5, -7, 8), 0.03),
    qlinear_matmul(
        "qmatmul-mixed", Typed("uint8", (2, 3, 7)), raw("int8", 7, 5), zeros("uint8", "int8", "uint8", 5, 0, 128), 0.03
    ),
    qlinear_matmul(
        "qmatmul-both", Typed("int8", (2, 3, 4)), Typed("int8", (2, 4, 3)), zeros(*["int8"] * 3, 5, -7, 8), 0.03
    ),
]
CASES = [*LINEAR, *DYNAMIC, *INTEGER, *QLINEAR]


@pytest.mark.parametrize("mode", FloatMode)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_has_the_oracles_bits(case: Case, mode: FloatMode, objects: Cache) -> None:
    check_bits(case, mode, objects)


def outputs(case: Case, image: int, cache: Cache) -> dict[str, np.ndarray]:
    network = case.network()
    engine = Engine(lower(network, FloatMode.IEEE), cache=cache)
    state = engine.state(1)
    engine.run({key: x[image : image + 1] for key, x in case.images().items()}, state=state)
    return {tensor.name: engine.memory(state, tensor.name)[0] for tensor in network.outputs}


BEYOND_ONNXRUNTIME = {"conv-weights", "conv-1x1", "matmul-rows"}
"""It wants one zero point per tensor there."""


@pytest.mark.parametrize("case", [c for c in CASES if c.name not in BEYOND_ONNXRUNTIME], ids=lambda case: case.name)
def test_is_what_onnxruntime_computes(case: Case, objects: Cache) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(case.model.SerializeToString(), options)
    for image in range(4):
        feeds = {key: np.asarray(x[image]) for key, x in case.images().items()}
        if all(np.isfinite(x).all() for x in feeds.values()):  # what becomes of a NaN is open
            found = outputs(case, image, objects)
            for (name, values), wanted in zip(found.items(), session.run(list(found), feeds), strict=True):
                assert_same_bits(values, wanted, f"{name} of image {image}")


def test_only_products_and_their_sums_are_sites() -> None:
    kinds = {case.name: {(site.op, site.type) for site in lower(case.network()).sites()} for case in CASES}
    for name, found in kinds.items():
        types = {kind for op, kind in found if op == "mul"}
        expected = set() if name.startswith(("quantize", "dequantize", "dynamic")) else {"i8"}
        assert types == ({"u8"} if name.endswith(("u8u8", "qconv-1x1", "-1d", "-vector")) else expected), name
        assert found - {("mul", "i8"), ("mul", "u8"), ("add", "i32")} == set(), name


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (
            one("blocks", "DequantizeLinear", Typed("int8", (5, 6)), np.ones((3, 6), np.float32), axis=0, block_size=2),
            "node 'blocks' (DequantizeLinear): block_size 2 must divide the 5 positions of axis 0",
        ),
        (
            one("cut", "DequantizeLinear", Typed("int8", (4,)), raw_scales(3), axis=0, block_size=2),
            "node 'cut' (DequantizeLinear): a scale of shape [3] does not fit blocks of 2 along axis 0 of shape [4]",
        ),
        (
            one("channels", "QuantizeLinear", (2, 3), scale(1, 2), zero("uint8", 1, 2), axis=1),
            "node 'channels' (QuantizeLinear): a scale of shape [2] does not fit axis 1 of shape [2, 3]",
        ),
        (
            qlinear_conv("kernels", U8, raw("int8", *SMALL), (zero("uint8", 1), zero("int8", 1, 2), zero("uint8", 3))),
            "node 'kernels' (QLinearConv): a scale or zero point of shape [2] does not fit 3 channels",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Case) else "",
)
def test_refuses(case: Case, message: str) -> None:
    with pytest.raises(NetworkError) as caught:
        lower(case.network())
    assert str(caught.value) == message
