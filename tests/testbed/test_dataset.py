"""Test sets: what is read, what is refused, in which words."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asnet.errors import DataError
from asnet.network import Network
from asnet.testbed import Dataset

X = np.arange(12, dtype=np.float32).reshape(3, 4)
Y = np.array([0, 1, 2])


def test_load(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=X, y=Y)
    found = Dataset.load(tmp_path / "d.npz")
    assert len(found) == 3 and found.notes == ()
    assert found.x.dtype == np.float32 and np.array_equal(found.x, X)
    assert found.y.dtype == np.int64 and np.array_equal(found.y, Y)
    assert found.digest == Dataset.from_arrays(X, Y).digest != Dataset.from_arrays(X + 1, Y).digest
    assert found.digest != Dataset.from_arrays(X.reshape(3, 2, 2), Y).digest


@pytest.mark.parametrize("kind", ["uint8", "int32", "float64", "bool"])
def test_other_numbers_keep_their_values(kind: str, dense: Network) -> None:
    x = np.tile(X.astype(kind), (1, 16))
    found = Dataset.from_arrays(x, Y, name="d").fit(dense)
    assert found.x.dtype == np.float32 and np.array_equal(found.x, x.astype(np.float32))
    assert found.notes == (f"test set 'd': 'x' converted from {kind} to float32, not scaled",)


def test_take() -> None:
    data = Dataset.from_arrays(X, Y)
    part = data.take(2)
    assert np.array_equal(part.x, X[:2]) and len(part) == 2
    assert part.digest != data.digest == data.take(3).digest
    for count in (0, 4):
        with pytest.raises(DataError, match=f"test set 'data' has 3 images, {count} asked for; use 1 to 3"):
            data.take(count)


def test_class_indices_may_be_a_column_or_whole_floats() -> None:
    assert np.array_equal(Dataset.from_arrays(X, Y[:, None]).y, Y)
    assert np.array_equal(Dataset.from_arrays(X, Y.astype(np.float64)).y, Y)


WRONG: list[tuple[Any, Any, str]] = [
    (np.zeros((0, 4), np.float32), Y, "'x' is empty (shape (0, 4)); give at least one image"),
    (X, Y[:2], "'x' has 3 images, 'y' has 2 classes; they must be as many"),
    (np.array([["a"] * 4] * 3), Y, "'x' is of type <U1, not numbers; store images as float32 or uint8"),
    (X + np.array([[0], [np.nan], [0]], np.float32), Y, "'x' holds NaN, first in image 1; remove or replace it"),
    (X.astype(np.float64) * 1e40, Y, "'x' holds infinity (as float32), first in image 0; scale the data"),
    (
        X,
        np.eye(3),
        "'y' has shape (3, 3); it must hold one class index per image, such as y.argmax(axis=1)",
    ),
    (X, Y + 0.5, "'y' is of type float64, not class indices; store integers from 0"),
    (X, np.array([0, -1, 2]), "class -1 of image 1 is negative; count from 0"),
    (X, np.array([0, np.inf, 2]), "class inf of image 1 is too large; count from 0"),
    (X, np.array([0, 1, 2**63], np.uint64), "class 9223372036854775808 of image 2 is too large; count from 0"),
]


@pytest.mark.parametrize(("x", "y", "expected"), WRONG, ids=[case[2][:30] for case in WRONG])
def test_wrong_arrays(x: Any, y: Any, expected: str) -> None:
    with pytest.raises(DataError) as caught:
        Dataset.from_arrays(x, y, name="d")
    assert str(caught.value) == f"test set 'd': {expected}"


def message(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        Dataset.load(path)
    return str(caught.value)


def test_wrong_files(tmp_path: Path) -> None:
    remedy = "save it with numpy.savez(path, x=images, y=classes)"
    path = tmp_path / "d.npz"
    assert message(path) == f"test set {str(path)!r} cannot be read: No such file or directory; check the path"
    path.write_bytes(b"")
    assert message(path).startswith(f"test set {str(path)!r} is not an .npz archive (")
    path.write_bytes(b"PK\x03\x04 torn")
    assert message(path).startswith(f"test set {str(path)!r} is not an .npz archive (")
    with path.open("wb") as stream:
        np.save(stream, X)
    assert message(path) == f"test set {str(path)!r} is a single array, not an .npz archive; {remedy}"
    np.savez(path, x=X, labels=Y)
    assert message(path) == f"test set {str(path)!r} has no array 'y' (found: labels, x); {remedy}"
    np.savez(path, x=np.array([{}, 1, 2], dtype=object), y=Y)
    assert message(path).startswith(f"test set {str(path)!r}: array 'x' cannot be read: Object arrays")
    np.savez(path, x=X, y=Y)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF  # a bit rotten
    path.write_bytes(content)
    assert message(path).startswith(f"test set {str(path)!r}: array 'x' cannot be read: Bad CRC-32")


def test_archives_that_the_readers_give_up_on(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, x=X, y=Y)
    content = path.read_bytes()
    entry = content.index(b"PK\x01\x02")
    cases = {
        6: (b"\xff", "is not an .npz archive (zip file version 25.5)"),
        8: (b"\x41", "array 'x' cannot be read: strong encryption (flag bit 6)"),
        10: (b"\x63", "array 'x' cannot be read: That compression method is not supported"),
    }
    for offset, (byte, expected) in cases.items():
        path.write_bytes(content[: entry + offset] + byte + content[entry + offset + 1 :])
        assert expected in message(path)
    with zipfile.ZipFile(path, "w") as archive:
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 4), }"
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    assert message(path).startswith(f"test set {str(path)!r}: array 'x' cannot be read: Unable to allocate 14.6 TiB")


def test_fit_reshapes_and_checks(dense: Network, conv: Network) -> None:
    data = Dataset.from_arrays(np.zeros((2, 8, 8), np.uint8), np.array([0, 9]), name="d")
    assert data.fit(dense).x.shape == (2, 64)
    assert data.fit(conv).x.shape == (2, 1, 8, 8)
    assert data.fit(conv).digest == data.digest
    with pytest.raises(DataError) as caught:
        Dataset.from_arrays(np.zeros((2, 7, 7)), np.array([0, 9]), name="d").fit(conv)
    assert str(caught.value) == (
        "test set 'd': images of shape (7, 7) have 49 values, input 'x' of network 'digits_conv' has shape "
        "(1, 1, 8, 8) with 64; give it its own test set"
    )
    with pytest.raises(DataError) as caught:
        Dataset.from_arrays(np.zeros((2, 64)), np.array([3, 10]), name="d").fit(dense)
    assert str(caught.value) == (
        "test set 'd': class 10 of image 1 is beyond the 10 outputs of network 'digits_dense' (classes count from 0)"
    )
