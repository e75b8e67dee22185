"""Sequences and optionals whose elements are known vanish; what remains computes what ONNX's reference does."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, parser
from onnx.reference import ReferenceEvaluator

from asnet.errors import UnsupportedError
from asnet.network import load, oracle
from asnet.types import FloatMode

HEAD = '<ir_version: 8, opset_import: ["" : %d]> net (float[2,6,3] x) => (%s y) '
SEQUENCES = {
    "at": (
        "float[2,6,3]",
        "{ n = Neg(x) s = SequenceConstruct(x, n) p = Constant<value_int=-1>() y = SequenceAt(s, p) }",
    ),
    "insert": (
        "float[2,18,3]",
        """{ e = SequenceEmpty<dtype=1>() n = Neg(x) r = Relu(x) one = Constant<value_int=1>()
        a = SequenceInsert(e, x) b = SequenceInsert(a, n) c = SequenceInsert(b, r, one)
        y = ConcatFromSequence<axis=1>(c) }""",
    ),
    "erase": (
        "float[2,12,3]",
        """{ n = Neg(x) r = Relu(x) s = SequenceConstruct(x, n, r) zero = Constant<value_int=0>()
        a = SequenceErase(s, zero) b = SequenceErase(s) i = Identity(b) c = SequenceErase(i)
        z = SequenceAt(c, zero) q = SequenceAt(a, zero) y = Concat<axis=1>(z, q) }""",
    ),
    "split": ("float[2,6,3]", "{ s = SplitToSequence<axis=1>(x) y = ConcatFromSequence<axis=-2>(s) }"),
    "unbind": (
        "float[2,3,6]",
        "{ s = SplitToSequence<axis=1, keepdims=0>(x) y = ConcatFromSequence<axis=-1, new_axis=1>(s) }",
    ),
    "chunks": (
        "float[2,2,3]",
        """{ four = Constant<value_int=4>() s = SplitToSequence<axis=1>(x, four) p = Constant<value_int=1>()
        y = SequenceAt(s, p) }""",
    ),
    "lengths": (
        "float[2,6,3]",
        """{ l = Constant<value_ints=[1, 5]>() s = SplitToSequence<axis=1>(x, l) n = SequenceLength(s)
        f = Cast<to=1>(n) y = Mul(x, f) }""",
    ),
}
OPTIONALS = {
    "tensor": ("float[2,6,3]", "{ o = Optional(x) i = Identity(o) y = OptionalGetElement(i) }"),
    "plain": ("float[2,6,3]", "{ y = OptionalGetElement(x) }"),
    "sequence": (
        "float[2,6,3]",
        """{ s = SequenceConstruct(x) o = Optional(s) g = OptionalGetElement(o) p = Constant<value_int=0>()
        y = SequenceAt(g, p) }""",
    ),
}


def built(result: str, body: str, opset: int = 18):
    return parser.parse_model(HEAD % (opset, result) + body)


@pytest.mark.parametrize("opset", [12, 18])
@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences(name: str, opset: int) -> None:
    result, body = SEQUENCES[name]
    if opset < 14:  # there is no Identity of sequences yet
        body = body.replace("i = Identity(b) c = SequenceErase(i)", "c = SequenceErase(b)")
    model = built(result, body, opset)
    x = np.random.default_rng(3).standard_normal((2, 6, 3)).astype(np.float32)
    network = load(model.SerializeToString())
    found = oracle.run(network, {"x": x}, FloatMode.IEEE)["y"]
    (expected,) = ReferenceEvaluator(model).run(None, {"x": x})
    assert np.array_equal(found, expected)
    assert not any("Sequence" in layer.op_type for layer in network.layers)


@pytest.mark.parametrize("name", OPTIONALS)
def test_optionals(name: str) -> None:
    x = np.random.default_rng(3).standard_normal((2, 6, 3)).astype(np.float32)
    network = load(built(*OPTIONALS[name]).SerializeToString())
    assert np.array_equal(oracle.run(network, {"x": x}, FloatMode.IEEE)["y"], x)
    assert {layer.op_type for layer in network.layers} == {"Identity"}


@pytest.mark.parametrize(
    ("present", "body"),
    [
        (True, "{ b = OptionalHasElement(x)"),
        (True, "{ o = Optional(x) b = OptionalHasElement(o)"),
        (False, "{ o = Optional() b = OptionalHasElement(o)"),
    ],
)
def test_whether_there_is_an_element(present: bool, body: str) -> None:
    model = built("float[2,6,3]", body + " n = Neg(x) y = Where(b, x, n) }")
    if not present:  # the parser knows no types as attributes
        kind = helper.make_tensor_type_proto(TensorProto.FLOAT, [2])
        model.graph.node[0].attribute.append(helper.make_attribute("type", kind))
    x = np.random.default_rng(3).standard_normal((2, 6, 3)).astype(np.float32)
    found = oracle.run(load(model.SerializeToString()), {"x": x}, FloatMode.IEEE)["y"]
    assert np.array_equal(found, x if present else -x)


@pytest.mark.parametrize("position", [2, -3])
def test_a_position_outside_is_refused(position: int) -> None:
    body = f"{{ s = SequenceConstruct(x, x) p = Constant<value_int={position}>() y = SequenceAt(s, p) }}"
    with pytest.raises(UnsupportedError, match="sequences that depend on values are not supported"):
        load(built("float[2,6,3]", body).SerializeToString())
