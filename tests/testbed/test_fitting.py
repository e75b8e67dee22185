"""Test sets brought to networks: several inputs, index inputs, several images a run, and how outputs answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from asnet.errors import DataError, UsageError
from asnet.network import Network, Tensor, load
from asnet.testbed import Dataset, TestBed
from asnet.testbed.judging import judge_of
from asnet.types import EXACT

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def network(
    nodes: Sequence[Any],
    inputs: dict[str, tuple[int, Sequence[int | str]]],
    outputs: dict[str, tuple[int, Sequence[int | str]]],
    constants: dict[str, np.ndarray[Any, Any]] | None = None,
    **options: Any,
) -> Network:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return load(model.SerializeToString(), **options)


N = helper.make_node


@pytest.fixture(scope="module")
def two() -> Network:
    """Two inputs, element by element multiplied."""
    vector = (FLOAT, ("N", 3))
    return network([N("Mul", ["left", "right"], ["y_"], name="mul")], {"left": vector, "right": vector}, {"y_": vector})


@pytest.fixture(scope="module")
def embedding() -> Network:
    """The rows of a table of 5 rows, looked up by words; the sum of a sentence of 3 words."""
    table = np.eye(5, 4, dtype=np.float32)
    return network(
        [N("Gather", ["table", "words"], ["rows"], name="embed"), N("ReduceSum", ["rows", "axis"], ["s"], keepdims=0)],
        {"words": (INT64, ("N", 3))},
        {"s": (FLOAT, ("N", 4))},
        {"table": table, "axis": np.array([1])},
    )


LEFT = np.arange(6, dtype=np.float32).reshape(2, 3)
RIGHT = np.array([[1, 0, 0], [0, 0, 1]], np.uint8)
Y = np.array([2, 2])


def bed(network: Network, data: Dataset) -> TestBed:
    return TestBed(network, data)


def exact(bed: TestBed) -> dict[str, str]:
    return dict.fromkeys((slot.name for slot in bed.slots), EXACT)


def test_several_inputs_are_found_by_name(two: Network, tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, right=RIGHT, left=LEFT, y=Y, names=np.array(["a", "b"]))
    data = Dataset.load(path).fit(two)
    assert list(data.inputs) == ["left", "right"]
    assert {array.dtype for array in data.inputs.values()} == {np.dtype(np.float32)}
    assert data.notes == (f"test set {str(path)!r}: 'right' converted from uint8 to float32, not scaled",)
    made = bed(two, data)
    assert np.array_equal(made.outputs(exact(made))["y_"][:, 0], LEFT * RIGHT)
    assert made.evaluate(exact(made)).correct == 1  # (0, 0, 0) and (0, 0, 5)
    with pytest.raises(UsageError, match=r"has several inputs \(left, right\); use Dataset.inputs$"):
        _ = data.x


def test_the_digest_is_of_all_inputs() -> None:
    one = Dataset.from_arrays({"left": LEFT, "right": RIGHT}, Y)
    assert one.digest == Dataset.from_arrays({"left": LEFT, "right": RIGHT}, Y).digest
    assert one.digest != Dataset.from_arrays({"left": LEFT, "right": RIGHT + 1}, Y).digest
    assert one.digest != Dataset.from_arrays({"right": LEFT, "left": RIGHT}, Y).digest


def test_a_missing_input_is_named(two: Network) -> None:
    with pytest.raises(DataError) as caught:
        Dataset.from_arrays({"left": LEFT, "rigth": RIGHT}, Y, name="d").fit(two)
    assert str(caught.value) == (
        "test set 'd' has no array 'right' for that input of network 'net' (found: left, rigth); save it with "
        "numpy.savez(path, left=…, right=…, y=classes)"
    )
    with pytest.raises(DataError, match="'right' has 1 images, 'y' has 2 classes; they must be as many"):
        Dataset.from_arrays({"left": LEFT, "right": RIGHT[:1]}, Y)


def test_an_input_that_is_called_like_the_classes() -> None:
    vector = (FLOAT, ("N", 3))
    made = network([N("Add", ["x", "y"], ["z"])], {"x": vector, "y": vector}, {"z": vector})
    with pytest.raises(DataError, match="an input called 'y' cannot be told from the classes: rename it"):
        Dataset.from_arrays(LEFT, Y).fit(made)


def test_words_are_indices(embedding: Network) -> None:
    words = np.array([[0, 1, 1], [3, 3, -5]])
    for kind in ("int64", "int32", "int8", "float32"):
        made = bed(embedding, Dataset.from_arrays({"words": words.astype(kind)}, np.array([1, 3])))
        assert made.dataset.x.dtype == np.int64
        assert made.evaluate(exact(made)).correct == 2
    assert bed(embedding, Dataset.from_arrays(words, np.array([1, 3]))).dataset.notes == ()


INDICES = [
    (
        np.array([[0, 1, 1], [3, 5, 3]]),
        "index 5 of image 1 is beyond the 5 rows of 'table' (node 'embed' (Gather)); give",
    ),
    (np.array([[0, 1, -6], [3, 5, 3]]), "index -6 of image 0 is beyond the 5 rows of 'table'"),
    (
        np.array([[0, 1.5, 1], [3, 4, 3]]),
        "'x' holds 1.5 in image 0, which input 'words' of type int64 cannot take",
    ),
]


@pytest.mark.parametrize(("words", "message"), INDICES, ids=["beyond", "before", "between"])
def test_wrong_words_are_refused(embedding: Network, words: np.ndarray[Any, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        Dataset.from_arrays(words, np.array([1, 3]), name="d").fit(embedding)
    assert str(caught.value).startswith(f"test set 'd': {message}")


# --- several images a run --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fours() -> Network:
    """Takes 4 images of 2 values at a time, and doubles them."""
    return network(
        [N("Mul", ["x", "two"], ["y"], name="mul")],
        {"x": (FLOAT, (4, 2))},
        {"y": (FLOAT, (4, 2))},
        {"two": np.float32([2])},
    )


def images(count: int) -> Dataset:
    x = np.float32([[index % 3, 1] for index in range(count)])
    return Dataset.from_arrays(x, x.argmax(axis=1), name="d")


def test_a_fixed_batch_takes_whole_runs(fours: Network) -> None:
    data = images(11).fit(fours)
    assert (len(data), data.runs, data.images_a_run) == (8, 2, 4)
    assert data.notes == ("test set 'd': the last 3 images are left out: network 'net' takes 4 at a time",)
    assert data.digest == images(11).take(8).digest
    assert data.fit(fours).digest == data.digest and data.fit(fours).notes == data.notes
    made = bed(fours, data)
    found = made.evaluate(exact(made))
    assert (found.correct, found.images) == (8, 8)
    values = made.outputs(exact(made))["y"]
    assert np.array_equal(values.reshape(8, 2), 2 * images(8).x)
    assert made.outputs(exact(made), images=5)["y"].shape == (2, 4, 2)  # 5 images are two runs


def test_a_part_of_the_images_is_whole_runs(fours: Network) -> None:
    data = images(12).fit(fours)
    assert [len(data.take(count)) for count in (1, 4, 5, 12)] == [4, 4, 8, 12]


def test_too_few_images_for_a_run(fours: Network) -> None:
    with pytest.raises(DataError) as caught:
        images(3).fit(fours)
    assert str(caught.value) == (
        "test set 'd': network 'net' takes exactly 4 images at a time, there are 3; give at least as many, or export "
        "the network with a batch of 1, or a dynamic one"
    )


def test_an_output_that_does_not_begin_with_the_images() -> None:
    made = network([N("Transpose", ["x"], ["y"], perm=[1, 0])], {"x": (FLOAT, (4, 2))}, {"y": (FLOAT, (2, 4))})
    with pytest.raises(DataError, match=r"its output 'y' of shape \(2, 4\) does not begin with them; export it with a"):
        images(8).fit(made)


def test_inputs_that_take_different_numbers_of_images() -> None:
    made = network([N("Add", ["a", "b"], ["s"])], {"a": (FLOAT, (4, 2)), "b": (FLOAT, (1, 2))}, {"s": (FLOAT, (4, 2))})
    data = Dataset.from_arrays({"a": images(4).x, "b": images(4).x}, images(4).y)
    with pytest.raises(
        DataError, match=r"the inputs of network 'net' take different numbers of images \('a' 4, 'b' 1\)"
    ):
        data.fit(made)


# --- answers ---------------------------------------------------------------------------------------------------------


def binary(*steps: str, kind: int = FLOAT, to: int = FLOAT) -> Network:
    """One value an image, through ``steps``."""
    names = ["x", *(f"t{number}" for number in range(1, len(steps))), "out"]
    nodes = [N(step, [names[n]], [names[n + 1]]) for n, step in enumerate(steps)]
    return network(nodes, {"x": (kind, ("N", 1))}, {"out": (to, ("N", 1))})


def test_one_value_is_a_probability_behind_a_sigmoid() -> None:
    x = np.float32([[-1], [0], [1], [2]])
    for steps, threshold in ((("Sigmoid",), 0.5), (("Sigmoid", "Identity"), 0.5), (("Neg", "Neg"), 0.0)):
        made = bed(binary(*steps), Dataset.from_arrays(x, np.array([0, 0, 1, 0]), name="d"))
        assert made.evaluate(exact(made)).correct == 3
        assert made.dataset.notes == (
            f"test set 'd': output 'out' is one value: class 1 above {threshold:g}, else class 0",
        )


def test_one_integer_is_the_class_itself() -> None:
    made = bed(binary("Neg", kind=INT64, to=INT64), Dataset.from_arrays(np.array([[-7], [-1]]), np.array([7, 2])))
    assert made.evaluate(exact(made)).correct == 1
    assert made.dataset.notes == ("test set 'data': output 'out' is one integer: the class itself",)


def test_a_nan_is_never_right() -> None:
    judge = judge_of(binary("Sigmoid"))
    values = np.float32([[np.nan], [0.6], [0.4]])
    assert judge.correct(values, np.array([0, 1, 0])) == 2
    assert judge.correct(values[:1], np.array([1])) == 0


def test_a_class_that_one_value_cannot_tell() -> None:
    with pytest.raises(DataError) as caught:
        Dataset.from_arrays(np.zeros((2, 1)), np.array([1, 2]), name="d").fit(binary("Sigmoid"))
    assert str(caught.value) == (
        "test set 'd': class 2 of image 1 has no answer: output 'out' of network 'net' is one value, for classes 0 "
        "and 1"
    )


def test_the_first_of_several_outputs_is_judged(two: Network) -> None:
    several = replace(two, outputs=(*two.outputs, Tensor("left", "float32", (1, 3))))
    notes = Dataset.from_arrays({"left": LEFT, "right": LEFT}, Y, name="d").fit(several).notes
    assert notes == ("test set 'd': judged by 'y_', the first of the outputs y_, left; choose with --output",)
