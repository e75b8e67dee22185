"""Element-by-element operators on every type, bit for bit the oracle's and equal to ONNX's reference."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from asnet.cache import Cache
from asnet.lower.elementwise import BINARY, UNARY, VARIADIC
from asnet.types import ELEMENT_TYPES, FloatMode
from tests.lower.conftest import Case, Typed, check_bits, check_reference, one


def operand(dtype: str, *shape: int) -> tuple[int, ...] | Typed:
    return shape if dtype == "float32" else Typed(dtype, shape)


WIDE = ("float32", "int32", "int64", "uint8", "int8", "uint16", "uint64")
"""Types tried: all widths, both signs."""

CASES = [
    *(
        one(f"{op}-{dtype}", op, operand(dtype, 2, 9))
        for op, (_, types) in UNARY.items()
        for dtype in types
        if dtype in (*WIDE, "bool")
    ),
    *(
        one(f"{op}-{dtype}", op, operand(dtype, 3, 1, 5), operand(dtype, 4, 1))
        for op, (_, types) in BINARY.items()
        for dtype in types
        if dtype in (*WIDE, "bool")
    ),
    *(
        one(f"{op}-{dtype}", op, operand(dtype, 3, 5), operand(dtype, 5), operand(dtype, 3, 1))
        for op, (_, types) in VARIADIC.items()
        for dtype in types
        if dtype in WIDE
    ),
    one("max-one", "Max", (3, 5)),
    one("where", "Where", Typed("bool", (3, 1)), (1, 4), (2, 1, 1)),
    one("where-int8", "Where", Typed("bool", (3, 4)), Typed("int8", (4,)), Typed("int8", (3, 1))),
    one("where-bool", "Where", Typed("bool", (3, 4)), Typed("bool", (4,)), Typed("bool", (3, 1))),
    one("add-scalars", "Add", Typed("int16", ()), Typed("int16", ())),
    one("add-none", "Add", (0, 3), (1, 3)),
    one("relu-none", "Relu", (2, 0)),
    one("less-constant", "Less", Typed("uint8", (6,)), np.array([0, 1, 255, 128, 127, 2], np.uint8)),
]
CASTS = [
    one(f"cast-{source}-{goal}", "Cast", operand(source, 40), to=helper.np_dtype_to_tensor_dtype(np.dtype(goal)))
    for source in ELEMENT_TYPES
    for goal in ELEMENT_TYPES
]
UNDEFINED = ("Div-i", "Div-u", "Mod", "cast-float32-")
"""Cases whose images have values for which ONNX leaves the result open."""


@pytest.mark.parametrize("mode", FloatMode)
@pytest.mark.parametrize("case", [*CASES, *CASTS], ids=lambda case: case.name)
def test_has_the_oracles_bits(case: Case, mode: FloatMode, objects: Cache) -> None:
    check_bits(case, mode, objects)


@pytest.mark.parametrize("case", [*CASES, *CASTS], ids=lambda case: case.name)
def test_agrees_with_the_onnx_reference(case: Case, objects: Cache) -> None:
    if not case.name.startswith(UNDEFINED):
        check_reference(case, objects)


def test_every_operator_is_here() -> None:
    assert {node.op_type for case in CASES for node in case.model.graph.node} >= {*UNARY, *BINARY, *VARIADIC, "Where"}
