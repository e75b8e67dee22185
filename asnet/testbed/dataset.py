"""Test sets: images (or texts, or records) with their classes, from ``.npz`` files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asnet.cache import digest
from asnet.errors import DataError, UsageError
from asnet.network import Network
from asnet.npz import Archive, open_archive
from asnet.testbed.fitting import first_fault, fit_inputs, image_shape, images_a_run
from asnet.testbed.judging import judge_of
from asnet.types import Array

__all__ = ["Dataset"]

_REMEDY: Final = "save it with numpy.savez(path, x=images, y=classes)"
_CLASSES: Final = "y"
_MOST_CLASSES: Final = 2**31


@dataclass(frozen=True)
class Dataset:
    """Images and the class of each.

    ``inputs`` maps names to arrays (images, …): one called ``x``, or one for each input of a network, of its name;
    float32, integers or bool. ``y`` is int64 (images,). ``digest`` is the SHA-256 of types, shapes and values as they
    were in the file, before any conversion or reshaping. ``notes`` says what was converted. A network that takes
    several images at a time gets ``images_a_run`` of them.
    """

    inputs: Mapping[str, Array] = field(repr=False, compare=False)
    y: NDArray[np.int64] = field(repr=False, compare=False)
    name: str
    digest: str
    notes: tuple[str, ...] = ()
    images_a_run: int = 1

    def __len__(self) -> int:
        return len(self.y)

    @property
    def x(self) -> Array:
        """The only input.

        Raises:
            UsageError: there are several.
        """
        if len(self.inputs) != 1:
            raise UsageError(
                f"test set {self.name!r} has several inputs ({', '.join(self.inputs)}); use Dataset.inputs"
            )
        return next(iter(self.inputs.values()))

    @classmethod
    def load(cls, path: Path | str) -> Dataset:
        """The test set in the ``.npz`` file ``path``: ``y`` the class index of each image, everything else inputs.

        uint8 and other number types become the type of the network's input with the same values: pixels 0..255 are not
        scaled to 0..1. Arrays that are no numbers, other than ``x``, are left out.

        Raises:
            DataError: the file is missing or no ``.npz``, lacks ``x`` or ``y``, is empty, or holds what is no number.
        """
        with open_archive(Path(path), f"test set {str(path)!r}", _REMEDY) as archive:
            inputs, classes = dict(_inputs(archive)), archive.read(_CLASSES)
        return cls.from_arrays(inputs, classes, name=str(path))

    @classmethod
    def from_arrays(cls, x: Array | Mapping[str, Array], y: Array, *, name: str = "data") -> Dataset:
        """The test set of images ``x`` (images, …), or of several inputs by name, and class indices ``y`` (images,).

        Raises:
            DataError: empty, different lengths, no numbers, NaN, or ``y`` holds no class indices.
        """
        given = dict(x) if isinstance(x, Mapping) else {"x": x}
        arrays = {key: np.asarray(array) for key, array in given.items()}
        y = np.asarray(y)
        where = f"test set {name!r}"
        if not arrays:
            raise DataError(f"{where} has no images; give at least one array")
        for key, array in arrays.items():
            _check_numbers(array, key, where)
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim != 1:
            raise DataError(
                f"{where}: 'y' has shape {y.shape}; it must hold one class index per image, such as y.argmax(axis=1)"
            )
        for key, array in arrays.items():
            if len(array) != len(y):
                raise DataError(
                    f"{where}: {key!r} has {len(array)} images, 'y' has {len(y)} classes; they must be as many"
                )
        classes = _classes(y, where)
        parts: list[str | bytes] = []
        notes: list[str] = []
        values: dict[str, Array] = {}
        for key, array in arrays.items():
            parts += [] if len(arrays) == 1 else [key]
            parts += [str(array.dtype), str(array.shape), np.ascontiguousarray(array).tobytes()]
            values[key] = _single_precision(array, key, where) if array.dtype.kind == "f" else array
            if values[key].dtype != array.dtype:
                notes.append(f"{where}: {key!r} converted from {array.dtype} to float32, not scaled")
        return cls(values, classes, name, digest([*parts, classes.tobytes()]), tuple(notes))

    def take(self, images: int) -> Dataset:
        """The first ``images`` images, and those that complete the last run of a network that takes several at a time.

        Raises:
            DataError: fewer than 1, or more than there are.
        """
        if not 1 <= images <= len(self):
            raise DataError(f"test set {self.name!r} has {len(self)} images, {images} asked for; use 1 to {len(self)}")
        return self._first(-(-images // self.images_a_run) * self.images_a_run)

    def _first(self, images: int) -> Dataset:
        if images == len(self):
            return self
        inputs = {key: array[:images] for key, array in self.inputs.items()}
        marked = digest([self.digest, f"first {images} images"])
        return replace(self, inputs=inputs, y=self.y[:images], digest=marked)

    def shuffled(self, seed: int) -> Dataset:
        """The same runs in an order drawn by ``seed``."""
        size = self.images_a_run
        order = np.random.Generator(np.random.PCG64(seed)).permutation(self.runs)
        images = (order[:, None] * size + np.arange(size)).reshape(-1)
        inputs = {key: array[: self.runs * size][images] for key, array in self.inputs.items()}
        return replace(self, inputs=inputs, y=self.y[images], digest=digest([self.digest, f"shuffled by {seed}"]))

    def fit(self, network: Network) -> Dataset:
        """The same images as inputs of ``network``: by name, in their types and shapes, a batch axis left out.

        The only input takes ``x``. A network that takes several images at a time leaves out the last ones that make no
        whole run.

        Raises:
            DataError: another number of values per image, an input without an array, or a class without an answer.
        """
        where = f"test set {self.name!r}"
        inputs, notes = fit_inputs(self.inputs, network, where)
        images = images_a_run(inputs, network, where)
        if len(self) < images:
            raise DataError(
                f"{where}: network {network.name!r} takes exactly {images} images at a time, there are {len(self)}; "
                "give at least as many, or export the network with a batch of 1, or a dynamic one"
            )
        judge = judge_of(network, images)
        judge.check(self.y, network.name, where)
        shaped = {
            tensor.name: inputs[tensor.name].reshape(len(self), *image_shape(tensor.shape, images))
            for tensor in network.inputs
        }
        if judge.note is not None:
            notes.append(f"{where}: {judge.note}")
        if len(network.outputs) > 1:
            names = ", ".join(tensor.name for tensor in network.outputs)
            first = network.outputs[0].name
            notes.append(f"{where}: judged by {first!r}, the first of the outputs {names}; choose with --output")
        left = len(self) % images
        if left:
            notes.append(
                f"{where}: the last {left} images are left out: network {network.name!r} takes {images} at a time"
            )
        told = tuple(dict.fromkeys((*self.notes, *notes)))
        return replace(self, inputs=shaped, notes=told, images_a_run=images)._first(len(self) - left)

    def feed(self, runs: slice) -> dict[str, Array]:
        """The inputs of ``runs`` of the network: name → (runs, values)."""
        size = self.images_a_run
        low, high, _ = runs.indices(len(self) // size)
        return {key: array[low * size : high * size].reshape(high - low, -1) for key, array in self.inputs.items()}

    @property
    def runs(self) -> int:
        """How often the network runs for all images."""
        return len(self) // self.images_a_run


def _inputs(archive: Archive) -> Iterator[tuple[str, Array]]:
    names = [name for name in archive.names if name != _CLASSES]
    for name in names or ["x"]:
        if name == "x" or len(names) == 1:
            yield name, archive.read(name)
            continue
        try:
            array = archive.read(name)
        except DataError:
            if "x" not in names:
                raise
            continue
        if array.dtype.kind in "biuf" and array.ndim:
            yield name, array


def _check_numbers(array: Array, key: str, where: str) -> None:
    if array.dtype.kind not in "biuf":
        raise DataError(f"{where}: {key!r} is of type {array.dtype}, not numbers; store images as float32 or uint8")
    if array.ndim == 0 or array.size == 0:
        raise DataError(f"{where}: {key!r} is empty (shape {array.shape}); give at least one image")


def _single_precision(array: Array, key: str, where: str) -> Array:
    with np.errstate(over="ignore"):  # becomes infinity, which is refused
        values = np.ascontiguousarray(array, dtype=np.float32)
    if np.isnan(values).any():
        image = first_fault(np.isnan(values))
        raise DataError(f"{where}: {key!r} holds NaN, first in image {image}; remove or replace it")
    if np.isinf(values).any():
        image = first_fault(np.isinf(values))
        raise DataError(f"{where}: {key!r} holds infinity (as float32), first in image {image}; scale the data")
    return values


def _classes(y: Array, where: str) -> NDArray[np.int64]:
    if y.dtype.kind not in "biu" and not (y.dtype.kind == "f" and bool((y == np.trunc(y)).all())):
        raise DataError(f"{where}: 'y' is of type {y.dtype}, not class indices; store integers from 0")
    for wrong, what in ((np.less(y, 0), "negative"), (np.greater_equal(y, _MOST_CLASSES), "too large")):
        if wrong.any():
            first = first_fault(wrong)
            raise DataError(f"{where}: class {y[first]} of image {first} is {what}; count from 0")
    return y.astype(np.int64)
