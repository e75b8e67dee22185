"""What `lower` promises about the module: sites, memories, aliases, determinism."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from asnet.ir import MemoryKind, Module, verify
from asnet.lower import lower
from asnet.network.load import load
from asnet.types import FloatMode


def counts(module: Module) -> dict[tuple[str, str], int]:
    result: dict[tuple[str, str], int] = {}
    for site in module.sites():
        key = site.layer, site.op
        result[key] = result.get(key, 0) + site.count
    return result


def test_every_case_verifies_and_is_deterministic(case) -> None:
    module = lower(case.network())
    verify(module)
    again = lower(case.network())
    assert again.text == module.text
    assert again.digest == module.digest
    assert list(again.memories.values()) == list(module.memories.values())


def test_memories_are_aligned_and_disjoint(case) -> None:
    module = lower(case.network())
    for kind in MemoryKind:
        memories = sorted((m for m in module.memories.values() if m.kind is kind), key=lambda m: m.offset)
        assert all(memory.offset % 64 == 0 for memory in memories)
        assert all(a.offset + a.nbytes <= b.offset for a, b in itertools.pairwise(memories))
    assert {m.name for m in module.memories.values() if m.kind is MemoryKind.CONSTANT} == set(module.constants)


def test_every_tensor_has_a_place(case) -> None:
    network = case.network()
    module = lower(network)
    for layer in network.layers:
        tensor = network.tensors[layer.outputs[0]]
        assert module.memory(tensor.name).shape == tensor.shape
    assert [m.name for m in module.memories.values() if m.kind is MemoryKind.OUTPUT] == [
        t.name for t in network.outputs
    ]


@pytest.mark.parametrize(
    ("name", "operands", "attributes", "expected"),
    [
        ("Gemm", [(3, 7), (7, 5), (5,)], {}, {"fmul": 3 * 7 * 5, "fadd": 3 * 7 * 5}),
        ("Gemm", [(3, 7), (7, 5), (5,)], {"alpha": 2.0}, {"fmul": 3 * 7 * 5 + 15, "fadd": 3 * 7 * 5 + 15}),
        ("MatMul", [(2, 3, 4), (4, 5)], {}, {"fmul": 2 * 3 * 4 * 5, "fadd": 2 * 3 * 4 * 5}),
        ("Conv", [(1, 4, 6, 6), (8, 2, 3, 3)], {"group": 2}, {"fmul": 8 * 16 * 18, "fadd": 8 * 16 * 18}),
        ("AveragePool", [(1, 2, 4, 4)], {"kernel_shape": [2, 2], "strides": [2, 2]}, {"fadd": 32, "fdiv": 8}),
        ("Softmax", [(2, 10)], {}, {"fmul": 7 * 20, "fadd": 8 * 20, "fsub": 3 * 20, "fdiv": 20}),
        ("Sigmoid", [(1, 9)], {}, {"fmul": 7 * 9, "fadd": 8 * 9, "fsub": 2 * 9, "fdiv": 9}),
        ("Tanh", [(1, 9)], {}, {"fmul": 14 * 9, "fadd": 14 * 9, "fsub": 3 * 9, "fdiv": 9}),
        ("LeakyRelu", [(1, 9)], {}, {"fmul": 9}),
        ("Div", [(3, 4), (4,)], {}, {"fdiv": 12}),
        ("Relu", [(3, 4)], {}, {}),
    ],
)
def test_sites_count_what_an_image_executes(one_node, name, operands, attributes, expected) -> None:
    module = lower(one_node("layer", name, *operands, **attributes).network())
    assert counts(module) == {("layer", op): count for op, count in expected.items()}
    assert all(site.type == "f32" and site.op_type == name for site in module.sites())


def test_layer_functions_are_named_after_their_nodes(one_node) -> None:
    module = lower(one_node('block/conv 1 "é"', "Relu", (1, 4)).network())
    (call,) = module.calls
    assert call.layer == 'block/conv 1 "é"'
    assert call.function == 'layer.block/conv 1 "é"'
    assert call.arguments == ("in0", "y") and call.writes == ("y",)


def test_constants_are_flushed_in_ftz_mode_only(one_node) -> None:
    weights = np.array([[1e-40, -1e-40], [1.0, 2.0]], dtype=np.float32)
    network = one_node("gemm", "Gemm", (1, 2), weights).network()
    flushed = lower(network, FloatMode.FTZ).constants["in1"]
    assert flushed.view(np.uint32).tolist() == [[0, 0x80000000], [0x3F800000, 0x40000000]]
    assert np.array_equal(lower(network, FloatMode.IEEE).constants["in1"].view(np.uint32), weights.view(np.uint32))


def test_float_mode_is_an_attribute_of_the_functions(one_node) -> None:
    network = one_node("relu", "Relu", (1, 4)).network()
    assert lower(network, FloatMode.FTZ).text.count('"denormal-fp-math"="preserve-sign,preserve-sign"') == 1
    assert "denormal-fp-math" not in lower(network, FloatMode.IEEE).text


def test_layout_operators_between_layers_need_no_code() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="relu"),
        helper.make_node("Flatten", ["a"], ["b"], name="flatten"),
        helper.make_node("Dropout", ["b"], ["c"], name="dropout"),
        helper.make_node("Unsqueeze", ["c", "axes"], ["d"], name="unsqueeze"),
        helper.make_node("Tanh", ["d"], ["y"], name="tanh"),
    ]
    module = lower(
        _load(nodes, {"x": (1, 2, 3)}, ["y"], {"axes": np.array([0], np.int64)}, output_shapes={"y": (1, 1, 6)})
    )
    assert [call.layer for call in module.calls] == ["relu", "tanh"]
    assert {name: (view.name, view.shape) for name, view in module.aliases.items()} == {
        "b": ("a", (1, 6)),
        "c": ("a", (1, 6)),
        "d": ("a", (1, 1, 6)),
    }
    assert module.calls[1].arguments == ("a", "y")


def test_a_reshaped_output_is_the_memory_of_its_producer() -> None:
    nodes = [helper.make_node("Relu", ["x"], ["a"], name="relu"), helper.make_node("Flatten", ["a"], ["y"], name="f")]
    module = lower(_load(nodes, {"x": (1, 2, 3)}, ["y"], output_shapes={"y": (1, 6)}))
    assert [call.layer for call in module.calls] == ["relu"]
    assert module.memory("y").kind is MemoryKind.OUTPUT
    assert module.memory("a").name == "y" and module.memory("a").shape == (1, 2, 3)


def test_an_output_that_aliases_an_input_or_output_is_copied() -> None:
    nodes = [
        helper.make_node("Flatten", ["x"], ["y"], name="of_input"),
        helper.make_node("Relu", ["x"], ["r"], name="relu"),
        helper.make_node("Flatten", ["r"], ["z"], name="of_output"),
    ]
    shapes = {"y": (1, 6), "r": (1, 2, 3), "z": (1, 6)}
    module = lower(_load(nodes, {"x": (1, 2, 3)}, ["y", "r", "z"], output_shapes=shapes))
    assert [call.layer for call in module.calls] == ["of_input", "relu", "of_output"]
    assert module.aliases == {}


def test_scratch_and_derived_memories_avoid_tensor_names(one_node) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["conv.padded"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv.padded"], ["y"], name="relu"),
    ]
    weights = {"w": np.ones((1, 1, 3, 3), np.float32)}
    module = lower(_load(nodes, {"x": (1, 1, 3, 3)}, ["y"], weights, output_shapes={"y": (1, 1, 3, 3)}))
    assert module.memories["conv.padded"].shape == (1, 1, 3, 3)
    assert module.memories["conv.padded_"].shape == (1, 1, 5, 5)


def _load(nodes, inputs, outputs, constants=None, *, output_shapes):
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, output_shapes[name]) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return load(model.SerializeToString())
