"""Test sets: images with their classes, from ``.npz`` files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from asnet.cache import digest
from asnet.errors import DataError
from asnet.ir.jit import Float32
from asnet.network import Network
from asnet.types import Array

__all__ = ["Dataset"]

_REMEDY = "save it with numpy.savez(path, x=images, y=classes)"
_MOST_CLASSES = 2**31


@dataclass(frozen=True)
class Dataset:
    """Images and the class of each.

    ``x`` is float32 (images, …), ``y`` int64 (images,). ``digest`` is the SHA-256 of types, shapes and values as they
    were in the file, before any conversion or reshaping. ``notes`` says what was converted.
    """

    x: Float32 = field(repr=False, compare=False)
    y: NDArray[np.int64] = field(repr=False, compare=False)
    name: str
    digest: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.y)

    @classmethod
    def load(cls, path: Path | str) -> Dataset:
        """The test set in the ``.npz`` file ``path``: ``x`` images (numbers), ``y`` the class index of each.

        uint8 and other number types become float32 with the same values: pixels 0..255 are not scaled to 0..1.

        Raises:
            DataError: the file is missing or no ``.npz``, lacks ``x`` or ``y``, is empty, or holds what is no number.
        """
        path = Path(path)
        try:
            with path.open("rb") as stream:
                loaded: object = np.load(stream, allow_pickle=False)
                if not isinstance(loaded, Mapping):
                    raise DataError(f"test set {str(path)!r} is a single array, not an .npz archive; {_REMEDY}")
                archive = cast("Mapping[str, Array]", loaded)
                arrays = {key: _member(archive, key, path) for key in ("x", "y")}
        except OSError as error:
            raise DataError(
                f"test set {str(path)!r} cannot be read: {error.strerror or error}; check the path"
            ) from error
        except DataError:
            raise
        except Exception as error:  # as in _member
            raise DataError(f"test set {str(path)!r} is not an .npz archive ({error}); {_REMEDY}") from error
        return cls.from_arrays(arrays["x"], arrays["y"], name=str(path))

    @classmethod
    def from_arrays(cls, x: Array, y: Array, *, name: str = "data") -> Dataset:
        """The test set of images ``x`` (images, …) and class indices ``y`` (images,).

        Raises:
            DataError: empty, different lengths, no numbers, NaN, or ``y`` holds no class indices.
        """
        x, y = np.asarray(x), np.asarray(y)
        where = f"test set {name!r}"
        if x.dtype.kind not in "biuf":
            raise DataError(f"{where}: 'x' is of type {x.dtype}, not numbers; store images as float32 or uint8")
        if x.ndim == 0 or x.size == 0:
            raise DataError(f"{where}: 'x' is empty (shape {x.shape}); give at least one image")
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim != 1:
            raise DataError(
                f"{where}: 'y' has shape {y.shape}; it must hold one class index per image, such as y.argmax(axis=1)"
            )
        if len(x) != len(y):
            raise DataError(f"{where}: 'x' has {len(x)} images, 'y' has {len(y)} classes; they must be as many")
        classes = _classes(y, where)
        with np.errstate(over="ignore"):  # becomes infinity, which is refused
            values = np.ascontiguousarray(x, dtype=np.float32)
        if np.isnan(values).any():
            raise DataError(f"{where}: 'x' holds NaN, first in image {_first(np.isnan(values))}; remove or replace it")
        if np.isinf(values).any():
            raise DataError(
                f"{where}: 'x' holds infinity (as float32), first in image {_first(np.isinf(values))}; scale the data"
            )
        notes = () if x.dtype == np.float32 else (f"{where}: 'x' converted from {x.dtype} to float32, not scaled",)
        contents = digest([str(x.dtype), str(x.shape), np.ascontiguousarray(x).tobytes(), classes.tobytes()])
        return cls(values, classes, name, contents, notes)

    def take(self, images: int) -> Dataset:
        """The first ``images`` images.

        Raises:
            DataError: fewer than 1, or more than there are.
        """
        if not 1 <= images <= len(self):
            raise DataError(f"test set {self.name!r} has {len(self)} images, {images} asked for; use 1 to {len(self)}")
        if images == len(self):
            return self
        return replace(
            self, x=self.x[:images], y=self.y[:images], digest=digest([self.digest, f"first {images} images"])
        )

    def fit(self, network: Network) -> Dataset:
        """The same images in the shape of the network's input, ``(images, *shape)``, its batch axis of 1 left out.

        Raises:
            DataError: another number of values per image, several inputs, or a class without an output.
        """
        where = f"test set {self.name!r}"
        if len(network.inputs) != 1:
            names = ", ".join(tensor.name for tensor in network.inputs)
            raise DataError(f"{where}: network {network.name!r} has {len(network.inputs)} inputs ({names}), not one")
        tensor = network.inputs[0]
        values = self.x.size // len(self)
        if values != tensor.size:
            if len(tensor.shape) > 1 and values * tensor.shape[0] == tensor.size:
                raise DataError(
                    f"{where}: network {network.name!r} takes exactly {tensor.shape[0]} images at a time (input "
                    f"{tensor.name!r} of shape {tensor.shape}); export it with a batch of 1, or a dynamic one"
                )
            raise DataError(
                f"{where}: images of shape {self.x.shape[1:]} have {values} values, input {tensor.name!r} of network "
                f"{network.name!r} has shape {tensor.shape} with {tensor.size}; give it its own test set"
            )
        classes = network.outputs[0].size
        if self.y.max() >= classes:
            raise DataError(
                f"{where}: class {self.y.max()} of image {_first(self.y >= classes)} is beyond the {classes} outputs "
                f"of network {network.name!r} (classes count from 0)"
            )
        return replace(self, x=self.x.reshape(len(self), *_without_batch(tensor.shape)))


def _without_batch(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(shape[1:]) if shape and shape[0] == 1 else tuple(shape)


def _member(archive: Mapping[str, Array], key: str, path: Path) -> Array:
    if key not in archive:
        found = ", ".join(sorted(archive)) or "nothing"
        raise DataError(f"test set {str(path)!r} has no array {key!r} (found: {found}); {_REMEDY}")
    try:
        return archive[key]
    except OSError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise what their decoding meets
        raise DataError(f"test set {str(path)!r}: array {key!r} cannot be read: {error}; {_REMEDY}") from error


def _classes(y: Array, where: str) -> NDArray[np.int64]:
    if y.dtype.kind not in "iu" and not (y.dtype.kind == "f" and bool((y == np.trunc(y)).all())):
        raise DataError(f"{where}: 'y' is of type {y.dtype}, not class indices; store integers from 0")
    for wrong, what in ((np.less(y, 0), "negative"), (np.greater_equal(y, _MOST_CLASSES), "too large")):
        if wrong.any():
            first = _first(wrong)
            raise DataError(f"{where}: class {y[first]} of image {first} is {what}; count from 0")
    return y.astype(np.int64)


def _first(fault: NDArray[np.bool_]) -> int:
    return int(np.argmax(fault.reshape(len(fault), -1).any(axis=1)))
