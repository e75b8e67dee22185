"""Integer products through units, against plain Python loops: what a unit sees, and what zero points add to it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from asnet.cache import Cache
from asnet.ir.jit import Binder, Engine
from asnet.lower import lower
from asnet.passes import approximate
from tests.lower.conftest import Typed, one

Unit = Callable[[int, int], int]

UNITS: dict[str, tuple[Unit, str]] = {
    "exact": (lambda a, b: a * b, "%y = mul i32 %a, %b"),
    "swapped is another": (
        lambda a, b: a * b + (a & 1),
        "%p = mul i32 %a, %b\n  %q = and i32 %a, 1\n  %y = add i32 %p, %q",
    ),
    "wrong for zeros": (
        lambda a, b: a * b - 3 * b + 7,
        "%p = mul i32 %a, %b\n  %q = mul i32 %b, 3\n  %r = sub i32 %p, %q\n  %y = add i32 %r, 7",
    ),
}


def number(dtype: np.dtype, other: np.dtype, raw: int) -> int:
    """The raw operand that a unit sees: of two operands of unequal signs, the unsigned one is shifted into i8."""
    return int(raw) - 128 if dtype == np.uint8 and other == np.int8 else int(raw)


def expanded(unit: Unit, pairs: Iterator[tuple[int, int]], a_zero: int, b_zero: int) -> int:
    total = sum_a = sum_b = count = 0
    for a, b in pairs:
        total, sum_a, sum_b, count = total + unit(a, b), sum_a + a, sum_b + b, count + 1
    total += count * a_zero * b_zero - a_zero * sum_b - b_zero * sum_a
    return (total + 2**31) % 2**32 - 2**31


def convolved(
    unit: Unit, x: np.ndarray, w: np.ndarray, x_zero: int, w_zeros: list[int], group: int, pads, strides, dilations
) -> np.ndarray:
    """ConvInteger by the definition, one output after the other."""
    batch, _, height, width = x.shape
    outputs, members, rows, columns = w.shape
    top, left, bottom, right = pads
    shape = (
        (height + top + bottom - (rows - 1) * dilations[0] - 1) // strides[0] + 1,
        (width + left + right - (columns - 1) * dilations[1] - 1) // strides[1] + 1,
    )
    zero = number(x.dtype, w.dtype, x_zero)
    result = np.zeros((batch, outputs, *shape), np.int32)

    def pairs(image: int, output: int, row: int, column: int) -> Iterator[tuple[int, int]]:
        for c, i, j in itertools.product(range(members), range(rows), range(columns)):
            at = row * strides[0] + i * dilations[0] - top, column * strides[1] + j * dilations[1] - left
            source = output // (outputs // group) * members + c
            inside = 0 <= at[0] < height and 0 <= at[1] < width
            a = number(x.dtype, w.dtype, x[image, source, at[0], at[1]]) if inside else zero
            yield a, number(w.dtype, x.dtype, w[output, c, i, j])

    for image, output, row, column in np.ndindex(*result.shape):
        w_zero = number(w.dtype, x.dtype, w_zeros[output])
        result[image, output, row, column] = expanded(unit, pairs(image, output, row, column), zero, w_zero)
    return result


def values(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    limits = np.iinfo(dtype)
    rng = np.random.default_rng(seed)
    found = rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    return np.where(rng.random(shape) < 0.2, np.array(limits.min, dtype), found)  # least times least too


def run(case, x: dict[str, np.ndarray], text: str, cache: Cache) -> np.ndarray:
    module = approximate(lower(case.network()))
    (slot,) = module.slots
    body = f'define i32 @"{slot.symbol}"(i32 %a, i32 %b) alwaysinline nounwind {{\n  {text}\n  ret i32 %y\n}}\n'
    engine = Engine(module, binder=Binder(body), cache=cache)
    state = engine.state(1)
    engine.run({key: array[None] for key, array in x.items()}, state=state)
    return engine.memory(state, "y")[0]


SHAPES = {
    "padded": ((2, 2, 4, 5), (3, 2, 3, 3), {"pads": [1, 1, 1, 1]}),
    "asymmetric pads": ((1, 2, 4, 5), (3, 2, 3, 2), {"pads": [2, 0, 1, 1], "strides": [2, 1]}),
    "1x1": ((1, 4, 3, 3), (3, 4, 1, 1), {}),
    "groups": ((1, 4, 4, 4), (6, 2, 3, 3), {"group": 2, "pads": [1, 1, 1, 1]}),
    "depthwise": ((1, 3, 4, 4), (3, 1, 3, 3), {"group": 3, "pads": [1, 0, 0, 1]}),
    "dilation": ((1, 2, 6, 6), (2, 2, 2, 3), {"dilations": [3, 2], "pads": [1, 2, 0, 1]}),
}
TYPES = [("int8", "int8"), ("uint8", "uint8"), ("uint8", "int8"), ("int8", "uint8")]


@pytest.mark.parametrize("constant", [True, False], ids=["constant", "computed"])
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("types", TYPES, ids="-".join)
@pytest.mark.parametrize("shape", SHAPES)
def test_convolution(shape: str, types: tuple[str, str], unit: str, constant: bool, objects: Cache) -> None:
    x_shape, w_shape, attributes = SHAPES[shape]
    x, w = values(types[0], x_shape, 1), values(types[1], w_shape, 2)
    x_zero = np.array(np.iinfo(types[0]).max - 9, types[0])
    w_zero = values(types[1], w_shape[:1], 3)
    weights = w if constant else Typed(types[1], w_shape)
    case = one("c", "ConvInteger", Typed(types[0], x_shape), weights, x_zero, w_zero, **attributes)
    function, text = UNITS[unit]
    found = run(case, {"in0": x} if constant else {"in0": x, "in1": w}, text, objects)
    options = {"group": 1, "pads": [0] * 4, "strides": [1, 1], "dilations": [1, 1], **attributes}
    assert (found == convolved(function, x, w, int(x_zero), w_zero.tolist(), **options)).all()


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("types", TYPES, ids="-".join)
def test_matrix_product(types: tuple[str, str], unit: str, objects: Cache) -> None:
    a, w = values(types[0], (3, 9), 4), values(types[1], (9, 4), 5)
    a_zero, w_zero = values(types[0], (), 6), values(types[1], (4,), 7)
    function, text = UNITS[unit]
    case = one("m", "MatMulInteger", Typed(types[0], a.shape), w, a_zero, w_zero)
    found = run(case, {"in0": a}, text, objects)
    for row, column in np.ndindex(3, 4):
        left = [number(a.dtype, w.dtype, value) for value in a[row]]
        right = [number(w.dtype, a.dtype, value) for value in w[:, column]]
        zeros = number(a.dtype, w.dtype, int(a_zero)), number(w.dtype, a.dtype, w_zero[column])
        assert found[row, column] == expanded(function, zip(left, right, strict=True), *zeros)


def test_the_exact_unit_gives_the_product_without_zero_points(objects: Cache) -> None:
    a, w = values("uint8", (3, 9), 8), values("int8", (9, 4), 9)
    case = one("m", "MatMulInteger", Typed("uint8", a.shape), w, np.array(200, np.uint8), np.array(-5, np.int8))
    expected = (a.astype(int) - 200) @ (w.astype(int) + 5)
    assert (run(case, {"in0": a}, UNITS["exact"][1], objects) == expected).all()
