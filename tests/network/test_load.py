"""Loading: what a network looks like afterwards, and one precise message for every kind of broken file."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from asnet.errors import NetworkError, UnsupportedError, UsageError
from asnet.network import Layer, Tensor, load, oracle
from asnet.network.summary import multiply_accumulates, parameters, summary

N = helper.make_node
ONE = np.ones(2, np.float32)
NEWEST = onnx.defs.onnx_opset_version()


def read(built, **options):
    return load(built.SerializeToString(), **options)


def error(match, kind=NetworkError):
    return pytest.raises(kind, match="^" + re.escape(match) if isinstance(match, str) else match)


# --- what a network looks like --------------------------------------------------------------------------------------


def test_a_network(model, tmp_path):
    nodes = [N("Gemm", ["x", "w", "b"], ["h"], name="dense", transB=1), N("Relu", ["h"], ["y"], name="relu")]
    constants = {"w": np.zeros((3, 2), np.float32), "b": np.zeros(3, np.float32)}
    path = tmp_path / "net.onnx"
    onnx.save(model(nodes, {"x": ["N", 2]}, constants=constants, opset=13), path)
    network = load(path, batch=4)
    assert network.name == "net"
    assert network.opset == 13
    assert network.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert network.inputs == (Tensor("x", "float32", (4, 2)),)
    assert network.outputs == (Tensor("y", "float32", (4, 3)),)
    assert network.layers == (
        Layer("dense", "Gemm", ("x", "w", "b"), ("h",), {"transB": 1}),
        Layer("relu", "Relu", ("h",), ("y",)),
    )
    assert {name: str(tensor) for name, tensor in network.tensors.items()} == {
        "x": "x float32[4, 2]",
        "w": "w float32[3, 2]",
        "b": "b float32[3]",
        "h": "h float32[4, 3]",
        "y": "y float32[4, 3]",
    }
    assert load(str(path), batch=4).layers == network.layers
    assert load(path.read_bytes(), batch=4).digest == network.digest


def test_summary(model):
    nodes = [N("Conv", ["x", "w"], ["c"], name="conv"), N("Flatten", ["c"], ["f"]), N("MatMul", ["f", "m"], ["y"])]
    constants = {"w": np.zeros((2, 1, 3, 3), np.float32), "m": np.zeros((8, 3), np.float32)}
    network = read(model(nodes, {"x": ["N", 1, 4, 4]}, constants=constants))
    assert str(network) == "test: x float32[1, 1, 4, 4] -> y float32[1, 3], opset 17"
    assert summary(network).splitlines() == [
        "test: x float32[1, 1, 4, 4] -> y float32[1, 3], opset 17",
        "layer      operator  output   parameters  MACs",
        "conv       Conv      1x2x2x2          18    72",
        "flatten_0  Flatten   1x8               0     0",
        "matmul_0   MatMul    1x3              24    24",
        "total      3 layers                   42    96",
    ]


@pytest.mark.parametrize(
    "node, inputs, constants, macs",
    [
        (N("Einsum", ["x", "w"], ["y"], equation="bi,ij->bj"), (2, 3), {"w": (3, 4)}, 24),
        (N("ConvTranspose", ["x", "w"], ["y"], strides=[2]), (1, 2, 5), {"w": (2, 3, 2)}, 60),
        (N("LSTM", ["x", "w", "r"], ["y"], hidden_size=2), (3, 1, 5), {"w": (1, 8, 5), "r": (1, 8, 2)}, 3 * 8 * 7),
        (N("Relu", ["x"], ["y"]), (2, 3), {}, 0),
    ],
)
def test_multiply_accumulates(model, node, inputs, constants, macs):
    arrays = {name: np.ones(shape, np.float32) for name, shape in constants.items()}
    network = read(model([node], {"x": inputs}, constants=arrays))
    assert multiply_accumulates(network.layers[0], network) == macs


def test_multiply_accumulates_of_integers(model):
    made = model([N("ConvInteger", ["x", "w"], ["y"])], {"x": (1, 2, 4)}, constants={"w": np.ones((3, 2, 2), np.int8)})
    made.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT8
    made.graph.output[0].CopyFrom(onnx.ValueInfoProto(name="y"))
    network = read(onnx.shape_inference.infer_shapes(made))
    assert multiply_accumulates(network.layers[0], network) == 3 * 3 * 4
    assert parameters(network.layers[0], network) == 12


def test_names_are_unique_and_not_empty(model):
    names = ["a", "", "a", "relu_0", "", "a_1"]
    tensors = ["x", *(f"t{index}" for index in range(5)), "y"]
    nodes = [N("Relu", [tensors[i]], [tensors[i + 1]], name=name) for i, name in enumerate(names)]
    assert [layer.name for layer in read(model(nodes, {"x": (1,)})).layers] == [
        "a",
        "relu_1",
        "a_2",
        "relu_0",
        "relu_2",
        "a_1",
    ]


def test_unreachable_layers_and_unused_outputs_are_dropped(model):
    nodes = [
        N("NonZero", ["x"], ["unused"]),
        N("MaxPool", ["x"], ["p", "indices"], kernel_shape=[2]),
        N("Dropout", ["p"], ["y", "mask"]),
    ]
    network = read(model(nodes, {"x": (1, 1, 4)}, constants={"spare": np.float32([np.nan])}))
    assert [(layer.op_type, layer.outputs) for layer in network.layers] == [("MaxPool", ("p",)), ("Dropout", ("y",))]
    assert set(network.tensors) == {"x", "p", "y"}
    assert not network.constants


def test_attributes_are_plain_values(model):
    node = N("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER", strides=[2], group=1)
    layer = read(model([node], {"x": (1, 1, 4)}, constants={"w": np.ones((1, 1, 3), np.float32)})).layers[0]
    assert layer.attributes == {"auto_pad": "SAME_UPPER", "strides": (2,), "group": 1}


def test_shape_chains_fold_to_a_constant_reshape(model):
    nodes = [
        N("Shape", ["x"], ["shape"]),
        N("Constant", [], ["zero"], value=numpy_helper.from_array(np.array(0, np.int64))),
        N("Gather", ["shape", "zero"], ["n"]),
        N("Constant", [], ["axes"], value_ints=[0]),
        N("Unsqueeze", ["n", "axes"], ["front"]),
        N("Constant", [], ["rest"], value_ints=[-1]),
        N("Concat", ["front", "rest"], ["target"], axis=0),
        N("Reshape", ["x", "target"], ["y"], name="flat"),
    ]
    network = read(model(nodes, {"x": ["N", 2, 3]}), batch=5)
    assert network.layers == (Layer("flat", "Reshape", ("x", "target"), ("y",)),)
    assert network.constants["target"].tolist() == [5, -1]
    assert network.shape("y") == (5, 6)


def test_shape_bounds_and_size_fold(model):
    nodes = [
        N("Shape", ["x"], ["s"], start=-2, end=9),
        N("Size", ["x"], ["n"]),
        N("Cast", ["s"], ["sf"], to=TensorProto.FLOAT),
        N("Cast", ["n"], ["nf"], to=TensorProto.FLOAT),
        N("Add", ["sf", "nf"], ["k"]),
        N("Mul", ["x", "k"], ["y"]),
    ]
    network = read(model(nodes, {"x": (1, 3, 2)}))
    assert [layer.op_type for layer in network.layers] == ["Mul"]
    assert network.constants["k"].tolist() == [9.0, 8.0]


def test_float_constants_fold_through_the_oracle(model, random):
    """A BatchNormalization of opset 9, which ONNX's reference implementation would run in training mode."""
    constants = {"c": random(3, 2), "s": random(2), "b": random(2), "m": random(2), "v": np.abs(random(2))}
    normalize = N("BatchNormalization", ["c", "s", "b", "m", "v"], ["k"])
    built = model([normalize, N("Add", ["x", "k"], ["y"])], {"x": (3, 2)}, constants=constants, opset=9)
    network = read(built)
    assert [layer.op_type for layer in network.layers] == ["Add"]
    rest = {name: array for name, array in constants.items() if name != "c"}
    computed = read(model([N("BatchNormalization", ["c", *rest], ["y"])], {"c": (3, 2)}, constants=rest, opset=9))
    expected = oracle.run(computed, {"c": constants["c"]})["y"]
    assert np.array_equal(network.constants["k"].view(np.uint32), expected.view(np.uint32))


def test_random_nodes_do_not_fold(model):
    nodes = [N("RandomNormal", [], ["r"], shape=[1, 2]), N("Add", ["x", "r"], ["y"])]
    assert [layer.op_type for layer in read(model(nodes, {"x": (1, 2)})).layers] == ["RandomNormal", "Add"]


def test_external_data_beside_the_model(model, tmp_path):
    values = np.arange(2048, dtype=np.float32)
    built = model([N("Add", ["x", "c"], ["y"])], {"x": (1, 2048)}, constants={"c": values})
    onnx.save(built, tmp_path / "net.onnx", save_as_external_data=True, location="net.data", size_threshold=0)
    network = load(tmp_path / "net.onnx")
    assert network.constants["c"].tolist() == values.tolist()
    model_digest = hashlib.sha256((tmp_path / "net.onnx").read_bytes()).hexdigest()
    both = model_digest.encode() + (tmp_path / "net.data").read_bytes()
    assert network.digest == hashlib.sha256(both).hexdigest()
    with error("<bytes>: tensor 'c' is stored in 'net.data', which bytes alone cannot reach; give the path"):
        load((tmp_path / "net.onnx").read_bytes())
    (tmp_path / "net.data").unlink()
    with error(f"{tmp_path / 'net.onnx'}: tensor 'c' is stored in 'net.data', which cannot be read: "):
        load(tmp_path / "net.onnx")


@pytest.mark.parametrize("location", ["../secret.data", "/etc/passwd", "", "link.data", "a\0b"])
def test_external_data_outside_the_folder_is_refused(location, model, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "secret.data").write_bytes(bytes(8))
    (folder / "link.data").symlink_to(tmp_path / "secret.data")
    built = model([N("Add", ["x", "c"], ["y"])], {"x": (1, 2)}, constants={"c": ONE})
    tensor = built.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    (folder / "net.onnx").write_bytes(built.SerializeToString())
    with error(f"{folder / 'net.onnx'}: tensor 'c' is stored in {location!r}, outside the folder of the model"):
        load(folder / "net.onnx")


# --- files that are no networks -------------------------------------------------------------------------------------


def test_paths(tmp_path):
    with error(f"{tmp_path / 'no.onnx'}: no such file; give the path of an ONNX file"):
        load(tmp_path / "no.onnx")
    with error(f"{tmp_path}: is a directory; give the path of an ONNX file"):
        load(tmp_path)
    with error("'a\\x00b': cannot be read: embedded null byte"):
        load("a\0b")
    (tmp_path / "empty.onnx").touch()
    with error(f"{tmp_path / 'empty.onnx'}: the file is empty; export the network again"):
        load(tmp_path / "empty.onnx")
    (tmp_path / "text.onnx").write_text("this is not a network\n" * 9)
    with error(f"{tmp_path / 'text.onnx'}: not an ONNX model, or a truncated one (198 bytes: "):
        load(tmp_path / "text.onnx")


def test_truncated(model):
    data = model([N("Add", ["x", "c"], ["y"])], {"x": (1, 2)}, constants={"c": ONE}).SerializeToString()
    with error(f"<bytes>: not an ONNX model, or a truncated one ({len(data) // 2} bytes: "):
        load(data[: len(data) // 2])
    with error("<bytes>: not an ONNX model: it has no graph of nodes; export the network again"):
        load(onnx.ModelProto(ir_version=8).SerializeToString())


def test_text_that_is_not_utf8(model):
    data = model([N("Relu", ["x"], ["y"], name="name")], {"x": (1, 2)}).SerializeToString()
    with error("<bytes>: not an ONNX model, or a damaged one: onnx.NodeProto.name b'\\xffame' is not UTF-8; export"):
        load(data.replace(b"name", b"\xffame"))
    with error(
        r"<bytes>: node '\x00ame' (Relu): a name with a null character is not supported; rename", UnsupportedError
    ):
        load(data.replace(b"name", b"\x00ame"))


def test_batch_is_positive(model):
    with error("batch 0 must be at least 1", UsageError):
        read(model([N("Relu", ["x"], ["y"])], {"x": (1, 2)}), batch=0)


SORTED = "not a valid ONNX model: Nodes in a graph must be topologically sorted, however input "
SUBGRAPH = helper.make_graph([N("Relu", ["x"], ["o"])], "b", [], [helper.make_tensor_value_info("o", 1, (1, 2))])
NORMALIZE = ["x", "c", "c", "c", "c"]

BROKEN = {
    "cycle": (
        [N("Add", ["x", "b"], ["a"]), N("Relu", ["a"], ["b"]), N("Relu", ["b"], ["y"])],
        SORTED + "'b' of node: name: add_0 OpType: Add is not output of any previous nodes",
    ),
    "dangling": (
        [N("Add", ["x", "z"], ["y"], name="sum")],
        SORTED + "'z' of node: name: sum OpType: Add is not output",
    ),
    "twice": (
        [N("Relu", ["x"], ["y"]), N("Neg", ["x"], ["y"])],
        "not a valid ONNX model: Graph must be in single static",
    ),
    "no producer": ([N("Relu", ["x"], ["z"])], "not a valid ONNX model: Graph output 'y' is not an output of any node"),
    "operator": ([N("Foo", ["x"], ["y"], name="f")], "node 'f' (Foo): opset 17 of ai.onnx has no such operator; mend"),
    "shapes": ([N("Gemm", ["x", "c22"], ["y"], alpha=2.0, transA=1)], "shapes or types do not fit: "),
    "elements": (
        [N("Reshape", ["x", "i3"], ["y"], name="r")],
        "node 'r' (Reshape): x float32[1, 2] cannot become y float32[3]: the numbers of elements differ",
    ),
    "gemm bias": (
        [N("Gemm", ["x", "c22", "c3"], ["y"], name="g")],
        "node 'g' (Gemm): C of shape [3] does not broadcast to the product's shape [1, 2]",
    ),
    "statistics": (
        [N("BatchNormalization", ["x", "c3", "c3", "c3", "c3"], ["y"], name="n")],
        "shapes or types do not fit: ",
    ),
    "variance": (
        [N("BatchNormalization", ["x", "c", "c", "c", "minus"], ["y"], name="n")],
        "node 'n' (BatchNormalization): scale/√(variance + 1e-05) is not finite in float32; mend the statistics",
    ),
    "bound": (
        [N("Clip", ["x", "c"], ["y"], name="k")],
        "node 'k' (Clip): min of shape [2] must be a scalar",
    ),
    "nan": ([N("Add", ["x", "bad"], ["y"])], "tensor 'bad' is NaN at [1]; a network's constants are numbers"),
    "large constant": (
        [N("ConstantOfShape", ["huge"], ["h"], name="h"), N("ReduceMax", ["h"], ["m"]), N("Add", ["x", "m"], ["y"])],
        "node 'h' (ConstantOfShape): a constant of 268435456 elements is too large; shrink it",
    ),
    "large tensor": (
        [N("Expand", ["x", "enormous"], ["h"]), N("ReduceMax", ["h"], ["y"])],
        "tensor 'h' of shape [65536, 65536, 2] has more than 2^31 elements; use a smaller batch or network",
    ),
}

UNSUPPORTED = {
    "domain": (
        [N("Fused", ["x"], ["y"], domain="com.example", name="f")],
        "node 'f' (Fused): domain 'com.example' is not supported; export with operators of ai.onnx only",
    ),
    "control flow": (
        [
            N("ReduceMax", ["x"], ["m"], keepdims=0),
            N("Cast", ["m"], ["b"], to=TensorProto.BOOL),
            N("If", ["b"], ["y"], then_branch=SUBGRAPH, else_branch=SUBGRAPH, name="choose"),
        ],
        "node 'choose' (If): control flow that depends on values is not supported; export a network whose operators",
    ),
    "sequence": (
        [
            N("SequenceConstruct", ["x"], ["s"], name="s"),
            N("ArgMax", ["x"], ["m"], axis=1, keepdims=0),
            N("Squeeze", ["m"], ["p"]),
            N("SequenceAt", ["s", "p"], ["y"]),
        ],
        "node 's' (SequenceConstruct): sequences that depend on values are not supported; use tensors",
    ),
    "sparse": (
        [
            N(
                "Constant",
                [],
                ["s"],
                name="s",
                sparse_value=helper.make_sparse_tensor(
                    numpy_helper.from_array(ONE, "v"), numpy_helper.from_array(np.arange(2), "i"), [4]
                ),
            ),
            N("Add", ["x", "s"], ["y"]),
        ],
        "node 's' (Constant): attribute 'sparse_value' is a sparse tensor, which is not supported",
    ),
    "training": (
        [N("BatchNormalization", NORMALIZE, ["y"], name="n", training_mode=1)],
        "node 'n' (BatchNormalization): training mode is not supported; export the network for inference",
    ),
    "dropout": (
        [N("Dropout", ["x", "", "true"], ["y"], name="d")],
        "node 'd' (Dropout): training mode is not supported; export the network for inference",
    ),
    "folded dropout": (
        [N("Dropout", ["c", "", "true"], ["d"], name="d"), N("Add", ["x", "d"], ["y"])],
        "node 'd' (Dropout): training mode is not supported; export the network for inference",
    ),
    "values": (
        [N("NonZero", ["x"], ["z"], name="z"), N("Cast", ["z"], ["y"], to=1)],
        "node 'z' (NonZero): output 'z' has no static shape; only shapes that do not depend on values",
    ),
    "type": (
        [N("Cast", ["x"], ["h"], to=TensorProto.FLOAT16, name="half"), N("Cast", ["h"], ["y"], to=1)],
        "node 'half' (Cast): output 'h' is float16; supported types: float32, int8, int16, int32, int64, uint8, ",
    ),
    "strings": (
        [N("Cast", ["x"], ["s"], to=TensorProto.STRING, name="print"), N("Cast", ["s"], ["y"], to=1)],
        "node 'print' (Cast): output 's' is string; supported types: float32, int8, int16, int32, int64, uint8, ",
    ),
    "double": (
        [N("Pow", ["x", "double"], ["y"], name="p")],
        "tensor 'double' is float64; supported types: float32, int8, int16, int32, int64, uint8, ",
    ),
    "computed statistics": (
        [N("BatchNormalization", ["x", "c", "c", "c", "v"], ["y"], name="n")],
        "node 'n' (BatchNormalization): variance 'v' is computed by the network; only a constant is supported",
    ),
}

CONSTANTS = {
    "c": ONE,
    "c3": np.ones(3, np.float32),
    "c22": np.ones((2, 2), np.float32),
    "minus": -ONE,
    "bad": np.float32([0, np.nan]),
    "double": np.ones(2),
    "true": np.array(True),
    "i3": np.array([3]),
    "huge": np.array([1 << 14, 1 << 14]),
    "enormous": np.array([1 << 16, 1 << 16, 2]),
}


def broken(nodes, model):
    used = {name for node in nodes for name in node.input}
    constants = {name: array for name, array in CONSTANTS.items() if name in used}
    inputs = {"x": (1, 2)} | ({"v": (2,)} if "v" in used else {})
    domains = {(node.domain, 1) for node in nodes if node.domain}
    return model(nodes, inputs, constants=constants, domains=sorted(domains))


@pytest.mark.parametrize("name", BROKEN)
def test_broken_networks(name, model):
    nodes, message = BROKEN[name]
    with error("<bytes>: " + message) as caught:
        read(broken(nodes, model))
    assert caught.type is NetworkError


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_unsupported_networks(name, model):
    nodes, message = UNSUPPORTED[name]
    with error("<bytes>: " + message, UnsupportedError):
        read(broken(nodes, model))


INPUTS = {
    ("N", 3, "H"): "input 'x': axis 2 ('H') is dynamic; say how large with --shape H=? (a number in place of each ?)",
    (1, None): "input 'x': axis 1 is dynamic and has no name; say how large with --shape x=1x? (a number in place of",
    (1, -2): "input 'x': axis 1 has extent -2; an extent is not negative",
    (1 << 16, 1 << 16): "input 'x' of shape [65536, 65536] has more than 2^31 elements; use a smaller batch or network",
}


@pytest.mark.parametrize("shape", INPUTS)
def test_input_shapes(shape, model):
    with error("<bytes>: " + INPUTS[shape]):
        read(model([N("Relu", ["x"], ["y"])], {"x": shape}))


def test_a_fixed_batch_is_kept(model):
    built = model([N("Relu", ["x"], ["y"])], {"x": (3, 2)})
    assert read(built).shape("y") == (3, 2)
    with error("<bytes>: input 'x' has the fixed shape [3, 2], which batch 4 does not fit; use batch 1"):
        read(built, batch=4)


def test_input_types(model):
    built = model([N("Relu", ["x"], ["y"])], {"x": (3, 2)})
    for value in (built.graph.input[0], built.graph.output[0]):
        value.type.tensor_type.elem_type = TensorProto.DOUBLE
    with error(
        "<bytes>: input 'x' is float64; supported types: float32, int8, int16, int32, int64, uint8, ", UnsupportedError
    ):
        read(built)


def test_no_inputs_and_no_shape(model):
    with error("<bytes>: the graph has no inputs; there is nothing to run it on"):
        read(model([N("Relu", ["c"], ["y"])], {}, constants={"c": ONE}))


@pytest.mark.parametrize(
    ("opset", "message"),
    [
        (0, "<bytes>: opset 0 is not supported, 7 is the oldest; export the network again"),
        (
            999,
            f"<bytes>: opset 999 is newer than {NEWEST} of onnx {onnx.__version__}; update onnx",
        ),
    ],
)
def test_opsets(opset, message, model):
    with error(message, UnsupportedError):
        read(model([N("Relu", ["x"], ["y"])], {"x": (1, 2)}, opset=opset))


def test_two_opsets(model):
    built = model([N("Relu", ["x"], ["y"])], {"x": (1, 2)}, domains=[("ai.onnx", 13)])
    with error("<bytes>: the model must import one version of ai.onnx, it imports [13, 17]"):
        read(built)


def test_sparse_initializers_and_functions(model):
    built = model([N("Relu", ["x"], ["y"])], {"x": (1, 2)})
    values, indices = numpy_helper.from_array(ONE, "s"), numpy_helper.from_array(np.arange(2), "i")
    built.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))
    with error("<bytes>: tensor 's': sparse tensors are not supported; make it dense", UnsupportedError):
        read(built)
    built = model([N("Relu", ["x"], ["y"])], {"x": (1, 2)})
    opsets = [helper.make_opsetid("", 17)]
    built.functions.append(helper.make_function("", "Relu", ["a"], ["b"], [N("Neg", ["a"], ["b"])], opsets))
    with error("<bytes>: function 'Relu' redefines an operator; rename it", UnsupportedError):
        read(built)


def test_an_initializer_too_large_to_exist(model):
    built = model([N("Add", ["x", "c"], ["y"])], {"x": (1, 2)}, constants={"c": ONE})
    built.graph.initializer[0].dims[:] = [1 << 20, 1 << 20]
    with error("<bytes>: tensor 'c' of shape [1048576, 1048576] has more than 2^31 elements; split it"):
        read(built)


def test_windows_that_only_the_inference_of_shapes_counts_are_not_there(model):
    """ONNX's inference gives 4 and then 2 windows; every runtime gives 3 and 1, and so do exporters."""
    pool = {"kernel_shape": [2], "ceil_mode": 1}
    nodes = [
        helper.make_node("MaxPool", ["x"], ["h"], strides=[3], **pool),
        helper.make_node("AveragePool", ["h"], ["y"], strides=[4], **pool),
    ]
    built = model(nodes, {"x": (1, 1, 9)}, opset=12)
    built.graph.output[0].type.tensor_type.shape.CopyFrom(
        helper.make_tensor_value_info("y", 1, ["N", 1, 1]).type.tensor_type.shape
    )
    network = load(built.SerializeToString())
    assert network.shape("h") == (1, 1, 3)
    assert network.shape("y") == (1, 1, 1)


@pytest.mark.parametrize("opset", [7, 13, 18])
def test_unused_parts_of_a_split_count(opset, model):
    attributes = {"num_outputs": 3} if opset == 18 else {}
    nodes = [N("Split", ["x"], ["a", "b", "c"], axis=1, **attributes), N("Relu", ["a"], ["y"])]
    network = read(model(nodes, {"x": (2, 6)}, opset=opset))
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    assert oracle.run(network, {"x": x})["y"].tolist() == [[0, 1], [6, 7]]


@pytest.mark.parametrize("opset", range(1, 7))
def test_older_opsets_are_converted(opset, model):
    """Before opset 7 broadcasting is an attribute."""
    built = model([N("Add", ["x", "c"], ["y"], broadcast=1)], {"x": (2, 3)}, constants={"c": np.float32([1, 2, 3])})
    built.opset_import[0].version, built.ir_version = opset, 3
    built.graph.input.append(helper.make_tensor_value_info("c", TensorProto.FLOAT, (3,)))
    network = read(built)
    assert network.opset == 7
    assert oracle.run(network, {"x": np.ones((2, 3), np.float32)})["y"].tolist() == [[2, 3, 4]] * 2
    built.graph.node[0].attribute.append(helper.make_attribute("axis", 0))
    with error(f"<bytes>: opset {opset} is before 7 and cannot be converted: ", UnsupportedError):
        read(built)
