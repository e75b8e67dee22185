"""Models that are broken, hostile or huge: a clear error or the right answer, quickly and in little memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from asnet.cache import Cache
from asnet.errors import NetworkError, UnsupportedError
from asnet.ir import module as ir_module
from asnet.ir.jit import Engine
from asnet.ir.state import State
from asnet.lower import lower
from asnet.network import folding, load, oracle
from asnet.types import FloatMode

N = helper.make_node
NEWEST = onnx.defs.onnx_opset_version()


@pytest.fixture
def frugal() -> Iterator[None]:
    """The test may not take more than 200 MB."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200e6


def model(
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, np.ndarray | np.generic | int],
    shape: Sequence[int] = (2, 3),
    rank: int = 2,
    opset: int = 18,
) -> bytes:
    """From ``x`` to ``y``, whose extents the model leaves open."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [f"d{axis}" for axis in range(rank)])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return made.SerializeToString()


# --- sizes ----------------------------------------------------------------------------------------------------------


def summed(make: onnx.NodeProto) -> list[onnx.NodeProto]:
    """A constant ``c`` is computed and summed up."""
    return [make, N("Cast", ["c"], ["f"], to=1), N("ReduceSum", ["f"], ["s"], keepdims=0), N("Add", ["x", "s"], ["y"])]


ONE = np.int64(1)
HUGE = {
    "range": (
        model(summed(N("Range", ["a", "b", "d"], ["c"])), {"a": ONE, "b": np.int64(2**40), "d": ONE}),
        "node 'range_0' (Range): from 1 to 1.09951e+12 by 1 is too long; shrink it",
    ),
    "computed range": (
        model(
            [N("Mul", ["b", "b"], ["e"]), *summed(N("Range", ["a", "e", "d"], ["c"]))],
            {"a": ONE, "b": np.int64(2**20), "d": ONE},
        ),
        "node 'range_0' (Range): from 1 to 1.09951e+12 by 1 is too long; shrink it",
    ),
    "range without a step": (
        model(summed(N("Range", ["a", "b", "d"], ["c"])), {"a": ONE, "b": np.int64(9), "d": np.int64(0)}),
        "node 'range_0' (Range): from 1 to 9 by 0 is too long; shrink it",
    ),
    "one-hot": (
        model(
            summed(N("OneHot", ["i", "d", "v"], ["c"])),
            {"i": np.array([1, 2]), "d": np.int64(2**30), "v": np.float32([0, 1])},
        ),
        "node 'onehot_0' (OneHot): a constant of 2147483648 elements is too large; shrink it",
    ),
    "window": (
        model(summed(N("HannWindow", ["n"], ["c"])), {"n": np.int64(2**31)}),
        "node 'hannwindow_0' (HannWindow): a constant of 2147483648 elements is too large; shrink it",
    ),
    "tile": (
        model(summed(N("Tile", ["a", "t"], ["c"])), {"a": np.float32([1, 2]), "t": np.array([2**29])}),
        "node 'tile_0' (Tile): a constant of 1073741824 elements is too large; shrink it",
    ),
    "sequence": (
        model([N("SplitToSequence", ["x"], ["q"]), *summed(N("SequenceLength", ["q"], ["c"]))], {}, (2**20, 1)),
        "node 'splittosequence_0' (SplitToSequence): sequences that depend on values are not supported; use tensors",
    ),
    "eye": (
        model([N("EyeLike", ["x"], ["y"])], {}, (2**15, 2**15)),
        "node 'eyelike_0' (EyeLike): a matrix of shape [32768, 32768] is too large to be a constant",
    ),
    "activation": (
        model([N("Expand", ["x", "s"], ["y"])], {"s": np.array([2**30, 2, 3])}, rank=3),
        "tensor 'y' of shape [1073741824, 2, 3] has more than 2^31 elements; use a smaller batch or network",
    ),
}


@pytest.mark.parametrize("name", HUGE)
def test_huge_tensors_are_refused(name: str, frugal: None) -> None:
    data, message = HUGE[name]
    with pytest.raises(NetworkError) as caught:
        load(data)
    assert str(caught.value).split("\n")[0] == f"<bytes>: {message}"


def test_many_large_constants_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "_MOST_FOLDED", 2**13)
    names = [f"c{number}" for number in range(9)]
    nodes = [N("ConstantOfShape", ["n"], [name]) for name in names]
    sums = [N("ReduceMax", [name], [f"{name}m"], keepdims=0) for name in names]
    total = N("Sum", ["x", *(f"{name}m" for name in names)], ["y"])
    with pytest.raises(NetworkError, match="constants of more than 8192 elements would be computed"):
        load(model([*nodes, *sums, total], {"n": np.array([2**10])}))


def test_a_tensor_of_2_31_elements_is_loaded_and_lowered(frugal: None) -> None:
    network = load(model([N("Expand", ["x", "s"], ["y"])], {"s": np.array([2**15, 2**16])}, (1, 2**16)))
    assert network.shape("y") == (2**15, 2**16)
    assert lower(network, FloatMode.FTZ).memories["y"].size == 2**31


def test_a_padded_layer_of_more_is_refused(frugal: None) -> None:
    conv = N("Conv", ["x", "w"], ["y"], pads=[2**30] * 4, dilations=[2**30] * 2)
    network = load(model([conv], {"w": np.ones((1, 1, 3, 3), np.float32)}, (1, 1, 4, 4), rank=4))
    with pytest.raises(UnsupportedError) as caught:
        lower(network, FloatMode.FTZ)
    assert str(caught.value) == (
        "memory 'conv_0.padded' of shape [1, 1, 2147483652, 2147483652] has more than 2^31 elements; shrink it"
    )


def test_more_than_the_machine_has_is_refused(frugal: None) -> None:
    network = load(model([N("Expand", ["x", "s"], ["y"])], {"s": np.array([2**15, 2**15])}, (1, 2**15)))
    module = lower(network, FloatMode.FTZ)
    with pytest.raises(UnsupportedError, match=r"^network 'test' takes 4096\.\d GiB for 1024 images, this "):
        State(module, 1024)
    assert module.blob_size(ir_module.MemoryKind.OUTPUT) == 2**32


# --- graphs ---------------------------------------------------------------------------------------------------------

FILLINGS = numpy_helper.from_array(np.float32([1, 2]))
BROKEN: dict[str, tuple[list[onnx.NodeProto], str]] = {
    "cycle": (
        [N("Add", ["x", "b"], ["a"], name="first"), N("Relu", ["a"], ["b"]), N("Neg", ["b"], ["y"])],
        "not a valid ONNX model: Nodes in a graph must be topologically sorted",
    ),
    "self": ([N("Add", ["x", "y"], ["y"])], "not a valid ONNX model: Nodes in a graph must be topologically sorted"),
    "dangling": ([N("Add", ["x", "nowhere"], ["y"])], "not a valid ONNX model: Nodes in a graph must be topologically"),
    "twice": (
        [N("Relu", ["x"], ["y"]), N("Neg", ["x"], ["y"])],
        "not a valid ONNX model: Graph must be in single static assignment (SSA) form",
    ),
    "missing operand": ([N("Max", ["x", ""], ["y"], name="m")], "node 'm' (Max): input 1 ('data_0') is missing"),
    "split": (
        [N("Split", ["x"], ["a", "b", "y"], name="s", axis=1, num_outputs=2)],
        "node 's' (Split): num_outputs is 2, but it has 3 outputs",
    ),
    "two fillings": (
        [N("ConstantOfShape", ["n"], ["c"], name="f", value=FILLINGS), N("Add", ["x", "c"], ["y"])],
        "node 'f' (ConstantOfShape): its value has 2 elements; it must have one",
    ),
    "slope": (
        [N("PRelu", ["x", "slope"], ["y"], name="p")],
        "node 'p' (PRelu): shapes [2, 3], [2] do not give [2, 3]",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_graphs(name: str) -> None:
    nodes, message = BROKEN[name]
    with pytest.raises(NetworkError) as caught:
        load(model(nodes, {"slope": np.float32([1, 2]), "n": np.array([2, 3])}))
    assert str(caught.value).startswith(f"<bytes>: {message}")


def test_weights_that_are_no_numbers() -> None:
    weights = np.ones((3, 40, 20), np.float32)
    weights[1, 7, 3] = np.nan
    with pytest.raises(NetworkError, match=r"tensor 'w' is NaN at \[1, 7, 3\]; a network's constants are numbers"):
        load(model([N("Mul", ["x", "w"], ["y"])], {"w": weights}, (3, 40, 20), rank=3))
    weights[1, 7, 3] = np.inf
    network = load(model([N("Mul", ["x", "w"], ["y"])], {"w": weights}, (3, 40, 20), rank=3))
    assert np.isinf(network.constants["w"]).any()


def test_names_that_no_text_expects(tmp_path: Path) -> None:
    names = {"x": 'a"b', "y": "c\nd"}
    built = onnx.load_model_from_string(model([N("Relu", ["x"], ["y"], name="%s\\ \t\u2028")], {}))
    built.graph.name = 'g\0"\n'
    for value in (*built.graph.input, *built.graph.output):
        value.name = names[value.name]
    built.graph.node[0].input[0], built.graph.node[0].output[0] = names["x"], names["y"]
    network = load(built.SerializeToString())
    engine = Engine(lower(network, FloatMode.FTZ), cache=Cache(tmp_path))
    assert engine.run(np.float32([[[1, -1, 2], [0, 0, 3]]])).ravel().tolist() == [1, 0, 2, 0, 0, 3]


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path: Path) -> Callable[..., Path]:
    """A model beside its weights; ``entries`` replace what it says of them."""

    def make(content: bytes | None = None, **entries: str) -> Path:
        weights = np.arange(2400, dtype=np.float32)
        built = onnx.load_model_from_string(model([N("Add", ["x", "w"], ["y"])], {"w": weights}, (2400,), rank=1))
        tensor = built.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        known = {"location": "w.data", "offset": "0", "length": "9600", **entries}
        for key, value in known.items():
            if value:
                tensor.external_data.add(key=key, value=value)
        (tmp_path / "w.data").write_bytes(weights.tobytes() if content is None else content)
        (tmp_path / "net.onnx").write_bytes(built.SerializeToString())
        return tmp_path / "net.onnx"

    return make


def test_weights_beside_the_model(stored: Callable[..., Path]) -> None:
    for entries in ({}, {"offset": "", "length": ""}):
        assert load(stored(**entries)).constants["w"].tolist() == list(range(2400))
    shifted = load(stored(bytes(8) + np.ones(2400, np.float32).tobytes(), offset="8"))
    assert (shifted.constants["w"] == 1).all()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"offset": "4"}, "which cannot be read: 9600 bytes are wanted, 9600 at 4 of 9600 are there; export"),
        ({"offset": "-4"}, "which cannot be read: 9600 bytes are wanted, 9600 at -4 of 9600 are there; export"),
        ({"length": "99999999999999999999"}, "which cannot be read: 9600 bytes are wanted, 99999999999999999999 at 0"),
        ({"length": "many"}, "which cannot be read: invalid literal for int() with base 10: 'many'; export"),
        ({"location": "other"}, "which cannot be read: no such file; export the network again"),
        ({"location": "../w.data"}, "outside the folder of the model; only files beside the model are read"),
        ({"location": "/dev/zero"}, "outside the folder of the model; only files beside the model are read"),
        ({"location": "."}, "outside the folder of the model; only files beside the model are read"),
    ],
)
def test_damaged_references_to_weights(entries: dict[str, str], message: str, stored: Callable[..., Path]) -> None:
    with pytest.raises(NetworkError) as caught:
        load(stored(**entries))
    assert message in str(caught.value)


def test_weights_of_a_branch_may_not_be_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_bytes(np.ones(6, np.float32).tobytes())
    (tmp_path / "models").mkdir()
    monkeypatch.chdir(tmp_path)
    tensor = TensorProto(name="w", data_type=1, dims=[2, 3], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../secret")
    out = [helper.make_tensor_value_info("z", 1, [2, 3])]
    branch = helper.make_graph([N("Add", ["x", "w"], ["z"])], "b", [], out, [tensor])
    node = N("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    path = tmp_path / "models" / "net.onnx"
    path.write_bytes(model([node], {"c": np.bool_(True)}))
    with pytest.raises(NetworkError, match=r"tensor 'w' is stored in '\.\./secret', outside the folder of the model"):
        load(path)


# --- versions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opset", range(7, NEWEST + 1))
def test_every_opset_computes_the_same(opset: int) -> None:
    nodes = [
        N("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        N("Relu", ["c"], ["r"]),
        N("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        N("Flatten", ["p"], ["f"]),
        N("Gemm", ["f", "m", "b"], ["g"], transB=1),
        N("Softmax", ["g"], ["y"], axis=1),
    ]
    random = np.random.default_rng(4)
    shapes = {"w": (3, 1, 3, 3), "m": (5, 12), "b": (5,)}
    constants = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    x = random.standard_normal((1, 1, 4, 4)).astype(np.float32)
    found = oracle.run(load(model(nodes, constants, (1, 1, 4, 4), opset=opset)), {"x": x})["y"]
    expected = oracle.run(load(model(nodes, constants, (1, 1, 4, 4), opset=13)), {"x": x})["y"]
    assert np.array_equal(found, expected)
    assert found.sum() == pytest.approx(1)
