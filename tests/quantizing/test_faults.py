"""What is refused, and the message."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from asnet.errors import AsnetError, DataError, NetworkError, OutputError, QuantizationError
from asnet.quantizing import Quantization, quantize
from tests.quantizing.conftest import NETWORKS, digits
from tests.quantizing.test_structures import graph, node, normal

DENSE = NETWORKS / "digits_dense.onnx"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": 9}, "weights: 9 bits are not supported; use one of 2, 3, 4, 5, 6, 7, 8, 12, 16"),
        ({"bits": {"conv*": (4, 1)}}, "bits of 'conv*': 1 bits are not supported"),
        ({"activations": 12, "format": "qoperator"}, "activations: 12 bits need the format 'qdq'"),
        ({"calibrate": "maxx"}, "calibrate 'maxx' is not known; did you mean 'max'?"),
        ({"scheme": "affin"}, "scheme 'affin' is not known; did you mean 'affine'?"),
        ({"format": "onnx"}, "format 'onnx' is not known; known: qdq, qoperator"),
        ({"percentile": 101.0}, "percentile 101.0 must be above 50 and at most 100, such as 99.9"),
    ],
)
def test_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(QuantizationError) as caught:
        Quantization(**options)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 63), np.float32), "images of shape (63,) do not fit input 'x' of shape (64,)"),
        (np.zeros((0, 64), np.float32), "'x' is empty (shape (0, 64)); give at least one image"),
        (np.full((2, 64), np.nan, np.float32), "'x' holds NaN or infinity"),
        (np.full((2, 64), "a"), "'x' is of type <U1, not numbers"),
        ({"z": np.zeros((2, 64), np.float32)}, "has no array 'x' (found: z); give the images of input 'x'"),
        (Path("nowhere.npz"), "cannot be read: No such file or directory; check the path"),
    ],
)
def test_images(images: object, message: str) -> None:
    with pytest.raises(DataError) as caught:
        quantize(DENSE, images)
    assert message in str(caught.value)


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(DataError, match=r"is not an .npz archive"):
        quantize(DENSE, path)
    np.save(tmp_path / "x.npy", np.zeros(3))
    with pytest.raises(DataError, match=r"is a single array, not an .npz archive"):
        quantize(DENSE, tmp_path / "x.npy")


def test_nothing_matches() -> None:
    with pytest.raises(QuantizationError, match=r"no layer matches conv\*, not x; the layers are dense1, dense2"):
        quantize(DENSE, digits("digits_dense", 2), Quantization(include=("conv*",), exclude=("x",)))


def test_nothing_to_quantise() -> None:
    model = graph([node("Relu", "x", "y", "relu")], {}, {"x": ("N", 3)})
    with pytest.raises(QuantizationError, match="nothing to quantise: the network has no Conv, Gemm or MatMul"):
        quantize(model, normal(4, 3))


def test_what_cannot_be_an_integer_product_is_told() -> None:
    nodes = [
        node("Gemm", "x w", "a", "fits"),
        node("Gemm", "a a", "b", "computed", transB=1),
        node("MatMul", "b v", "y", "stack"),
    ]
    found = quantize(graph(nodes, {"w": normal(5, 6), "v": normal(1, 4, 2)}, {"x": (4, 5)}), normal(8, 5))
    assert found.notes == (
        "layer 'computed' (Gemm) stays float: its weights are computed",
        "layer 'stack' (MatMul) stays float: its weights are no matrix",
    )
    assert [layer.name for layer in found.layers] == ["fits"]


def test_quantised_already() -> None:
    data = quantize(DENSE, digits("digits_dense", 5)).data
    with pytest.raises(QuantizationError, match=r"'x.quantize' \(QuantizeLinear\): the network is quantised already"):
        quantize(data, digits("digits_dense", 5))


def test_too_few_images_for_a_fixed_batch() -> None:
    model = graph([node("Gemm", "x w", "y", "gemm")], {"w": normal(3, 3)}, {"x": (8, 3)})
    with pytest.raises(DataError, match="the network takes 8 images at a time, 'x' has 5"):
        quantize(model, normal(5, 3))


def test_nan_weights_are_a_broken_network() -> None:
    model = onnx.load(DENSE)
    values = numpy_helper.to_array(model.graph.initializer[0]).copy()
    values.flat[0] = np.nan
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(values, model.graph.initializer[0].name))
    with pytest.raises(AsnetError, match=r"not finite|is NaN at"):
        quantize(model.SerializeToString(), digits("digits_dense", 5))


def test_a_broken_file_and_a_full_disk_leave_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out.onnx"
    with pytest.raises(NetworkError):
        quantize(b"\x08\x01", digits("digits_dense", 5), out=out)
    with pytest.raises(DataError):
        quantize(DENSE, np.zeros((1, 3)), out=out)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "folder").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        quantize(DENSE, digits("digits_dense", 5), out=tmp_path / "folder" / "out.onnx")


def test_names_of_ours_that_are_taken() -> None:
    """A network whose tensors have the names that we would give."""
    nodes = [
        node("Gemm", "x w", "x.quantized", "x.quantize", transB=1),
        helper.make_node("Relu", ["x.quantized"], ["x.scale"], name="x.dequantize"),
        node("Gemm", "x.scale x.zero_point", "y", "last", transB=1),
    ]
    model = graph(nodes, {"w": normal(4, 3), "x.zero_point": normal(2, 4)}, {"x": ("N", 3)})
    found = quantize(model, normal(6, 3))
    names = [item.name for item in found.model.graph.node]
    assert len(set(names)) == len(names)
    assert found.layers[-1].sqnr > 25


def test_inputs_of_different_counts() -> None:
    model = graph([node("MatMul", "x z", "y", "product")], {}, {"x": ("N", 2, 3), "z": ("N", 3, 5)})
    with pytest.raises(DataError, match=r"different numbers of images \(x 4, z 5\); they must be as many"):
        quantize(model, {"x": normal(4, 2, 3), "z": normal(5, 3, 5)})


def test_a_layer_that_no_image_changes() -> None:
    nodes = [
        node("Shape", "x", "s", "shape"),
        node("ConstantOfShape", "s", "o", "ones", value=numpy_helper.from_array(np.ones(1, np.float32))),
        node("MatMul", "o w", "m", "same"),
        node("MatMul", "x w", "n", "other"),
        node("Add", "m n", "y", "add"),
    ]
    model = graph(nodes, {"w": normal(3, 3)}, {"x": ("N", 3)})
    with pytest.raises(QuantizationError, match=r"layer 'same' \(MatMul\) gives the same for every image; exclude it"):
        quantize(model, normal(4, 3))
    found = quantize(model, normal(4, 3), Quantization(exclude=("same",)))
    assert [layer.name for layer in found.layers] == ["other"]
