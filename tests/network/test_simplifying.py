"""Functions expanded, control flow of known course resolved: the layers that remain, and their values."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, parser
from onnx.reference import ReferenceEvaluator

from asnet.errors import NetworkError, UnsupportedError, UsageError
from asnet.network import load, oracle
from asnet.network.expanding import expand_operators
from asnet.types import FloatMode

N = helper.make_node


def parsed(text: str) -> onnx.ModelProto:
    return parser.parse_model(text)


def same_as_the_reference(built: onnx.ModelProto, *shapes: tuple[int, ...]) -> list[str]:
    """The operators of the loaded network, which computes what ONNX's reference does."""
    rng = np.random.default_rng(5)
    feeds = {
        value.name: rng.standard_normal(shape).astype(np.float32)
        for value, shape in zip(built.graph.input, shapes, strict=True)
    }
    network = load(built.SerializeToString())
    found = oracle.run(network, feeds, FloatMode.IEEE)
    for tensor, expected in zip(network.outputs, ReferenceEvaluator(built).run(None, feeds), strict=True):
        np.testing.assert_allclose(found[tensor.name], expected, rtol=1e-5, atol=1e-6)
    return [layer.op_type for layer in network.layers]


# --- functions ------------------------------------------------------------------------------------------------------


def test_expanded_nodes_are_named_after_the_operator(model):
    built = model([N("Softsign", ["x"], ["y"], name="soft")], {"x": (2,)}, opset=18)
    expand_operators(built, set(oracle.OPERATORS) - {"Softsign"}, "test", {})
    network = load(built.SerializeToString())
    assert [layer.name for layer in network.layers] == ["soft/Abs_2", "soft/Add_3", "soft/Div_4"]
    assert [layer.outputs for layer in network.layers] == [("soft/AbsInput__1",), ("soft/OneAddAbsInput__1",), ("y",)]
    assert same_as_the_reference(built, (2,)) == ["Abs", "Add", "Div"]


def test_an_operator_with_defaults_is_expanded(model):
    built = model([N("Elu", ["x"], ["y"])], {"x": (5,)}, opset=18)
    expand_operators(built, set(oracle.OPERATORS) - {"Elu"}, "test", {})
    assert "Where" in same_as_the_reference(built, (5,))


def test_local_functions_are_inlined():
    built = parsed(
        """
        <ir_version: 10, opset_import: ["" : 21, "local" : 1]>
        net (float[3] x) => (float[3] y) { h = local.Twice (x)  y = local.Once (h) }
        <domain: "local", opset_import: ["" : 21, "local" : 1]> Twice (a) => (b) { c = Relu (a)  b = local.Once (c) }
        <domain: "local", opset_import: ["" : 21]> Once (a) => (b) { b = Add (a, a) }
        """
    )
    network = load(built.SerializeToString())
    assert [layer.op_type for layer in network.layers] == ["Relu", "Add", "Add"]
    assert oracle.run(network, {"x": np.float32([-1, 0, 2])})["y"].tolist() == [0, 0, 8]


def test_a_function_that_calls_itself_is_refused():
    built = parsed(
        """
        <ir_version: 10, opset_import: ["" : 21, "local" : 1]>
        net (float[3] x) => (float[3] y) { y = local.Forever (x) }
        <domain: "local", opset_import: ["" : 21, "local" : 1]> Forever (a) => (b) { b = local.Forever (a) }
        """
    )
    with pytest.raises(NetworkError):
        load(built.SerializeToString())


# --- control flow ---------------------------------------------------------------------------------------------------


def test_the_branch_of_a_known_condition_remains():
    built = parsed(
        """
        <ir_version: 10, opset_import: ["" : 21]>
        net (float[2, 3] x) => (float[2, 3] y) {
          r = Size (x)
          six = Constant <value_int = 6> ()
          c = Equal (r, six)
          h = Neg (x)
          y = If (c) <
            then_branch = a () => (float[2, 3] t) { z = Relu (h)  t = Add (z, x) },
            else_branch = b () => (float[2, 3] t) { t = Abs (x) }
          >
        }
        """
    )
    assert same_as_the_reference(built, (2, 3)) == ["Neg", "Relu", "Add", "Identity"]


def test_a_loop_of_known_length_is_unrolled():
    built = parsed(
        """
        <ir_version: 10, opset_import: ["" : 21]>
        net (float[2] x) => (float[2] y, float[3, 2] s)
        <int64 n = {3}, bool go = {1}> {
          y, s = Loop (n, go, x) <body = step (int64 i, bool c, float[2] v) => (bool d, float[2] w, float[2] o)
          <float[1] k = {0.5}> {
            d = Identity (c)
            f = Cast <to = 1> (i)
            m = Mul (v, k)
            w = Add (m, f)
            o = Neg (w)
          }>
        }
        """
    )
    operators = same_as_the_reference(built, (2,))
    assert operators.count("Mul") == operators.count("Neg") == 3
    assert "Loop" not in operators


def test_a_scan_is_unrolled_in_both_directions():
    built = parsed(
        """
        <ir_version: 10, opset_import: ["" : 21]>
        net (float[2] x, float[4, 2] q) => (float[2] y, float[4, 2] s) {
          y, s = Scan <num_scan_inputs = 1, scan_input_directions = [1], scan_output_directions = [1],
            body = step (float[2] v, float[2] e) => (float[2] w, float[2] o) { w = Add (v, e)  o = Neg (w) }> (x, q)
        }
        """
    )
    network = load(built.SerializeToString())
    operators = [layer.op_type for layer in network.layers]
    assert operators.count("Neg") == 4
    assert "Scan" not in operators
    x, q = np.float32([10, 20]), np.arange(8, dtype=np.float32).reshape(4, 2)
    found = oracle.run(network, {"x": x, "q": q})
    assert found["y"].tolist() == (x + q.sum(axis=0)).tolist()
    assert found["s"].tolist() == (-(x + q[::-1].cumsum(axis=0)))[::-1].tolist()


CONDITION = """
y = Loop (n, go, x) <body = step (int64 i, bool c, float[2] v) => (bool d, float[2] w) {
  m = ReduceMax <keepdims = 0> (v)  d = Cast <to = 9> (m)  w = Neg (v)
}>
"""
COUNT = """
m = ReduceMax <keepdims = 0> (x)
k = Cast <to = 7> (m)
y = Loop (k, go, x) <body = step (int64 i, bool c, float[2] v) => (bool d, float[2] w) { d = Identity (c) w = Neg (v) }>
"""


@pytest.mark.parametrize("body", [CONDITION, COUNT], ids=["condition", "count"])
def test_a_loop_that_depends_on_values_is_refused(body):
    head = '<ir_version: 10, opset_import: ["" : 21]> net (float[2] x) => (float[2] y) <int64 n = {3}, bool go = {1}>'
    built = parsed(f"{head} {{ {body} }}")
    with pytest.raises(UnsupportedError, match=r"\(Loop\): control flow that depends on values is not supported"):
        load(built.SerializeToString())


# --- types and shapes -----------------------------------------------------------------------------------------------


def test_constant_outputs_are_copied(model):
    built = model([N("Shape", ["x"], ["y"]), N("Neg", ["x"], ["z"])], {"x": (2, 3)}, outputs=("y", "z"))
    built.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.INT64, (2,)))
    network = load(built.SerializeToString())
    assert [str(tensor) for tensor in network.outputs] == ["y int64[2]", "z float32[2, 3]"]
    found = oracle.run(network, {"x": np.zeros((2, 3), np.float32)})
    assert found["y"].tolist() == [2, 3]


def test_dynamic_axes_get_their_extents_by_name(model):
    built = model([N("Neg", ["x"], ["y"])], {"x": ("N", "H", 3, "H")})
    assert load(built.SerializeToString(), batch=2, shapes={"H": 5}).shape("y") == (2, 5, 3, 5)
    assert load(built.SerializeToString(), shapes={"H": 5, "N": 4}).shape("y") == (4, 5, 3, 5)
    assert load(built.SerializeToString(), shapes={"H": 0}).shape("y") == (1, 0, 3, 0)


def test_names_of_axes_are_checked(model):
    built = model([N("Neg", ["x"], ["y"])], {"x": ("N", "height")})
    unknown = r"^shape hight=3: no input and no axis of one is called 'hight'; did you mean 'height'\?$"
    with pytest.raises(UsageError, match=unknown):
        load(built.SerializeToString(), shapes={"hight": 3})
    with pytest.raises(UsageError, match=r"^shape height=-3: an extent is not negative$"):
        load(built.SerializeToString(), shapes={"height": -3})
