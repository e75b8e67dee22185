"""Products of fewer and more than 8 bits: which unit serves, what it sees, and the layer's bits."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from asnet.cache import Cache
from asnet.lower import lower
from asnet.network.quantisation import unit_operands
from tests.lower.conftest import Case, Typed, build, check_bits
from tests.lower.test_integer_units import UNITS, convolved, run


def clipped(
    name: str,
    a: str,
    b: str,
    activation: tuple[int, int] | None,
    weight: tuple[int, int],
    x_zero: int,
    y: str = "int8",
    pads: tuple[int, ...] = (1, 0, 0, 1),
) -> Case:
    """Clip of an activation to its n-bit range, then a QLinearConv with weights in theirs."""
    rng = np.random.default_rng(len(name))
    weights = rng.integers(*weight, (3, 2, 3, 2), endpoint=True).astype(b)
    weights.flat[:2] = weight
    constants = {
        "low": np.array(activation[0] if activation else 0, a),
        "high": np.array(activation[1] if activation else 0, a),
        "xs": np.float32(0.03),
        "xz": np.array(x_zero, a),
        "w": weights,
        "ws": np.float32([0.02, 0.01, 0.4]),
        "wz": np.zeros(3, b),
        "ys": np.float32(0.31),
        "yz": np.array(3, y),
        "bias": np.int32([40, -700, 5]),
    }
    nodes = [helper.make_node("Clip", ["x", "low", "high"], ["c"], name="clip")] if activation else []
    inputs = ["c" if activation else "x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "bias"]
    nodes.append(helper.make_node("QLinearConv", inputs, ["y"], name="conv", pads=list(pads)))
    return build(name, nodes, {"x": Typed(a, (1, 2, 4, 3))}, constants)


CASES = {
    "i4": clipped("i4", "int8", "int8", (-8, 7), (-8, 7), -3),
    "i4 narrow": clipped("i4 narrow", "int8", "int8", (-7, 7), (-7, 7), 0),
    "u4": clipped("u4", "uint8", "uint8", (0, 15), (0, 15), 9, "uint8"),
    "u4 x i4": clipped("u4 x i4", "uint8", "int8", (0, 15), (-8, 7), 5, "uint8"),
    "i3 x u5": clipped("i3 x u5", "int8", "uint8", (-4, 3), (0, 31), 1),
    "i2": clipped("i2", "int8", "int8", (-2, 1), (-1, 1), 0),
    "u6 x i3": clipped("u6 x i3", "uint8", "int8", (0, 63), (-4, 3), 32, "uint8"),
    "weights alone": clipped("weights alone", "int8", "int8", None, (-8, 7), 4),
    "zero point outside": clipped("zero point outside", "int8", "int8", (-8, 7), (-8, 7), 20),
}
TYPES = ["i4", "i4", "u4", "i4", "i5", "i2", "i6", "i8", "i6"]


@pytest.mark.parametrize(("name", "kind"), list(zip(CASES, TYPES, strict=True)))
def test_width_of_the_site(name: str, kind: str, objects: Cache) -> None:
    case = CASES[name]
    assert {site.type for site in lower(case.network()).sites() if site.op == "mul"} == {kind}
    check_bits(case, lower(case.network()).mode, objects)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", ["i4", "u4 x i4", "i3 x u5"])
def test_a_unit_sees_raw_operands(name: str, unit: str, objects: Cache) -> None:
    """Against plain Python loops, with a unit that neither commutes nor knows zero."""
    case = CASES[name]
    constants = {tensor.name: np.array(value) for tensor, value in values(case)}
    function, text = UNITS[unit]
    shifts = unit_operands(
        constants["low"].dtype.name,
        constants["w"].dtype.name,
        (int(constants["low"]), int(constants["high"])),
        (int(constants["w"].min()), int(constants["w"].max())),
    )
    x = np.random.default_rng(3).integers(-128 if constants["low"].dtype == np.int8 else 0, 127, (1, 2, 4, 3))
    x = x.astype(constants["low"].dtype)
    held = np.clip(x, constants["low"], constants["high"]).astype(int) - shifts.a_shift
    weights = constants["w"].astype(int) - shifts.b_shift
    total = convolved(
        function,
        held,
        weights,
        int(constants["xz"]) - shifts.a_shift,
        [-shifts.b_shift] * 3,
        1,
        [1, 0, 0, 1],
        [1, 1],
        [1, 1],
    )
    total += constants["bias"].reshape(1, 3, 1, 1)
    scale = np.multiply(constants["xs"], constants["ws"]) / constants["ys"]
    value = np.rint(total.astype(np.float32) * scale.reshape(1, 3, 1, 1)).astype(int) + int(constants["yz"])
    limits = np.iinfo(constants["yz"].dtype)
    found = run(case, {"x": x}, text, objects)
    assert (found == np.clip(value, limits.min, limits.max)).all()


def values(case: Case):
    from onnx import numpy_helper

    return [(tensor, numpy_helper.to_array(tensor)) for tensor in case.model.graph.initializer]


def test_widths_of_operands() -> None:
    for a, b, ranges, expected in (
        ("int8", "int8", ((-8, 7), (-8, 7)), ("i4", 0, 0)),
        ("uint8", "uint8", ((0, 1), (0, 1)), ("u2", 0, 0)),
        ("uint8", "int8", ((0, 255), (-8, 7)), ("i8", 128, 0)),
        ("int8", "uint8", ((-1, 0), (0, 7)), ("i3", 0, 4)),
        ("int16", "int16", ((-2048, 2047), (-5, 5)), ("i12", 0, 0)),
        ("uint16", "int8", ((0, 65535), (-5, 5)), ("i16", 32768, 0)),
    ):
        found = unit_operands(a, b, *ranges)
        assert (found.type, found.a_shift, found.b_shift) == expected


@pytest.mark.parametrize("unit", ["exact", "swapped is another"])
def test_16_bits_are_summed_in_64(unit: str, objects: Cache) -> None:
    """A padded convolution of int16 behind DequantizeLinear, whose sums exceed 32 bits, against plain Python."""
    rng = np.random.default_rng(4)
    w = rng.choice(np.array([-32768, 32767, 32000, -31999], np.int16), (2, 3, 3, 2))
    x = rng.choice(np.array([-32768, 32767, 31001], np.int16), (1, 3, 4, 4))
    node = helper.make_node
    nodes = [
        node("DequantizeLinear", ["x", "xs", "xz"], ["xf"], name="x"),
        node("DequantizeLinear", ["w", "ws", "wz"], ["wf"], name="w"),
        node("Conv", ["xf", "wf"], ["y"], name="conv", pads=[1, 0, 0, 1]),
    ]
    scales = {"xs": np.float32(0.5), "ws": np.float32(0.25)}
    zeros = {"xz": np.array(-300, np.int16), "wz": np.array(7, np.int16)}
    case = build("wide", nodes, {"x": Typed("int16", x.shape)}, {"w": w, **scales, **zeros})
    function, text = UNITS[unit]
    body = [
        sum(
            function(a, b) - (-300) * b - 7 * a + (-300) * 7
            for a, b in taps(x[0].astype(int), w[output].astype(int), row, column)
        )
        for output in range(2)
        for row in range(3)
        for column in range(4)
    ]
    assert max(map(abs, body)) > 2**31
    expected = np.array(body, np.int64).astype(np.float32).reshape(1, 2, 3, 4) * np.float32(0.125)
    assert (run(case, {"x": x}, text, objects) == expected).all()


def taps(x: np.ndarray, w: np.ndarray, row: int, column: int):
    """Operands of one output: rows from -1 on, columns to one beyond the last, padded with the zero point."""
    for channel, i, j in np.ndindex(*w.shape):
        at = row + i - 1, column + j
        inside = 0 <= at[0] < x.shape[1] and 0 <= at[1] < x.shape[2]
        yield (int(x[channel, at[0], at[1]]) if inside else -300), int(w[channel, i, j])
