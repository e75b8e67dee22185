"""Dynamic axes: the batch is one image, others are as the user says, and what is missing is told with its option."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from onnx import helper

from asnet.errors import NetworkError, UnsupportedError, UsageError
from asnet.network import Network, load, oracle
from tests.network.conftest import make_model

Axes = Sequence[int | str | None]


def bound(inputs: Mapping[str, Axes], **options: object) -> dict[str, tuple[int, ...]]:
    """The shapes of the inputs of a network that only looks at them."""
    nodes = [helper.make_node("Relu", [name], [f"r_{name}"]) for name in inputs]
    model = make_model(nodes, inputs, [f"r_{name}" for name in inputs])
    network = load(model.SerializeToString(), **options)  # type: ignore[arg-type]
    return {tensor.name: tensor.shape for tensor in network.inputs}


@pytest.mark.parametrize("batch", ["N", "b", "batch", "batch_size", "Batch", "unk__0", None])
def test_a_dynamic_first_axis_is_the_batch(batch: str | None) -> None:
    assert bound({"x": (batch, 3)}) == {"x": (1, 3)}
    assert bound({"x": (batch, 3)}, batch=4) == {"x": (4, 3)}


def test_an_axis_called_batch_is_the_batch_wherever_it_stands() -> None:
    assert bound({"x": (12, "batch", 3)}) == {"x": (12, 1, 3)}
    assert bound({"x": ("seq", "batch", 3), "m": ("batch", "seq")}, shapes={"seq": 5}) == {"x": (5, 1, 3), "m": (1, 5)}


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ({"H": 8, "W": 9}, (1, 3, 8, 9)),
        ({"x": (1, 3, 8, 9)}, (1, 3, 8, 9)),
        ({"x": [6, 3, 8, 9]}, (6, 3, 8, 9)),
        ({"N": 2, "H": 8, "W": 9}, (2, 3, 8, 9)),
        ({"W": 9, "x": (1, 3, 8, 9)}, (1, 3, 8, 9)),
    ],
)
def test_shapes_by_axis_and_by_input(shapes: Mapping[str, int | Sequence[int]], expected: tuple[int, ...]) -> None:
    assert bound({"x": ("N", 3, "H", "W")}, shapes=shapes) == {"x": expected}


def test_a_whole_shape_names_the_axes_of_other_inputs() -> None:
    assert bound({"ids": ("N", "L"), "mask": ("N", "L")}, shapes={"ids": (1, 7)}) == {"ids": (1, 7), "mask": (1, 7)}
    assert bound({"v": (None,), "x": ("N",)}, shapes={"v": 4}) == {"v": (4,), "x": (1,)}


MISSING: list[tuple[dict[str, Axes], str]] = [
    (
        {"x": ("N", "L")},
        "input 'x': axis 1 ('L') is dynamic; say how large with --shape L=? (a number in place of each ?)",
    ),
    (
        {"x": ("N", "L"), "m": ("N", "L", 3, None)},
        (
            "input 'x': axis 1 ('L') is dynamic; input 'm': axis 1 ('L') is dynamic; input 'm': axis 3 is dynamic and "
            "has no name; say how large with --shape L=? --shape m=1x?x3x? (a number in place of each ?)"
        ),
    ),
]


@pytest.mark.parametrize(("inputs", "message"), MISSING)
def test_what_is_missing_is_told_at_once_with_the_option_to_add(inputs: dict[str, Axes], message: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        bound(inputs)
    assert str(caught.value) == f"<bytes>: {message}"


WRONG: list[tuple[Mapping[str, int | Sequence[int]], str]] = [
    ({"l": 3}, "shape l=3: no input and no axis of one is called 'l'; known: L, N, x"),
    ({"L": -3}, "shape L=-3: an extent is not negative"),
    ({"L": (3, 4)}, "shape L=3x4: 'L' is one axis; give it one extent"),
    ({"x": (1, 5, 4)}, "shape x=1x5x4: input 'x' is ?x?x3; only what is ? can be chosen"),
    ({"x": 5}, "shape x=5: input 'x' is ?x?x3; only what is ? can be chosen"),
    ({"x": (1, 5, 3), "L": 4}, "shape x=1x5x3: axis 'L' has extent 5 here and 4 elsewhere; make them the same"),
]


@pytest.mark.parametrize(("shapes", "message"), WRONG, ids=[case[1][:20] for case in WRONG])
def test_wrong_shapes(shapes: Mapping[str, int | Sequence[int]], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        bound({"x": ("N", "L", 3)}, shapes=shapes)
    assert str(caught.value) == message


def test_a_fixed_batch_contradicts_another() -> None:
    with pytest.raises(NetworkError, match=r"^<bytes>: input 'x' has the fixed shape \[3, 2\], which batch 4 does not"):
        bound({"x": (3, 2)}, batch=4)


def test_one_of_several_outputs() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["h"], name="relu"),
        helper.make_node("Neg", ["h"], ["a"], name="neg"),
        helper.make_node("Add", ["h", "z"], ["b"], name="add"),
    ]
    model = make_model(nodes, {"x": (1, 2), "z": (1, 2)}, ["a", "b"]).SerializeToString()
    both, one = load(model), load(model, output="a")
    assert [tensor.name for tensor in both.outputs] == ["a", "b"] and both.options.output is None
    assert [tensor.name for tensor in one.outputs] == ["a"] and one.options.output == "a"
    assert [layer.name for layer in one.layers] == ["relu", "neg"]
    assert [tensor.name for tensor in one.inputs] == ["x"]  # only the other output takes z
    assert one.digest == both.digest
    with pytest.raises(UsageError, match=r"^<bytes>: no output 'c'; known: a, b$"):
        load(model, output="c")


def test_the_options_are_written_as_on_the_command_line() -> None:
    model = make_model([helper.make_node("Relu", ["x"], ["y"])], {"x": ("N", "L")}).SerializeToString()
    network = load(model, shapes={"x": (1, 5)}, output="y")
    assert str(network.options) == "--shape x=1x5 --output y"
    assert str(load(model, shapes={"L": 5}).options) == "--shape L=5"


# --- what PyTorch exports --------------------------------------------------------------------------------------------


def exported(module: object, x: object, **options: object) -> bytes:
    torch = pytest.importorskip("torch", reason="the test exports PyTorch modules")
    stream = io.BytesIO()
    torch.onnx.export(module.eval(), (x,), stream, input_names=["x"], output_names=["y"], dynamo=False, **options)  # type: ignore[attr-defined]
    return stream.getvalue()


def agrees(network: Network, module: object, x: object) -> None:
    import torch

    with torch.no_grad():
        expected = module(x).numpy()  # type: ignore[operator]
    found = oracle.run(network, {"x": x.numpy()})[network.outputs[0].name]  # type: ignore[attr-defined]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the exporter
def test_torch_dynamic_batch_and_size() -> None:
    torch = pytest.importorskip("torch", reason="the test exports PyTorch modules")
    torch.manual_seed(1)
    nn = torch.nn
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3))
    axes = {"x": {0: "batch_size", 2: "height", 3: "width"}, "y": {0: "batch_size"}}
    data = exported(module, torch.randn(2, 1, 8, 8), dynamic_axes=axes)
    network = load(data, shapes={"height": 6, "width": 7})
    assert network.inputs[0].shape == (1, 1, 6, 7)
    agrees(network, module, torch.randn(1, 1, 6, 7))
    with pytest.raises(UnsupportedError, match=r"say how large with --shape height=\? --shape width=\? \(a number"):
        load(data)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torch_fixed_batch() -> None:
    torch = pytest.importorskip("torch", reason="the test exports PyTorch modules")
    torch.manual_seed(2)
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(72, 3))
    network = load(exported(module, torch.randn(4, 1, 8, 8)))
    assert (network.inputs[0].shape, network.outputs[0].shape) == ((4, 1, 8, 8), (4, 3))
    agrees(network, module, torch.randn(4, 1, 8, 8))


def test_a_reshape_of_the_batch_folds() -> None:
    """Shape → Gather → Concat → Reshape, as exporters write ``x.view(x.size(0), -1)``."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "axes"], ["n1"]),
        helper.make_node("Concat", ["n1", "rest"], ["to"], axis=0),
        helper.make_node("Reshape", ["x", "to"], ["y"]),
    ]
    constants = {"zero": np.array(0), "axes": np.array([0]), "rest": np.array([-1])}
    model = make_model(nodes, {"x": ("N", 2, 3)}, constants=constants)
    network = load(model.SerializeToString())
    assert network.shape("y") == (1, 6)
    assert [layer.op_type for layer in network.layers] == ["Reshape"]
