"""Stages of dense layers on several images at a time: rows of one product, where one image alone is a row at a time.

A layer whose first axis is the image, and which treats its rows apart, computes for several images what it computes for
each: the same operations in the same order. One row of sums waits for its additions; several rows fill the machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from asnet.bits import bits_of
from asnet.errors import MismatchError
from asnet.ir import Memory, Module
from asnet.ir.staged import Blob, StagedEngine
from asnet.ir.stages import Stages
from asnet.ir.state import aligned
from asnet.network import Layer, Network, Tensor
from asnet.testbed.prepare import prepare
from asnet.types import Array

__all__ = ["TOGETHER", "Batched", "rows_together", "several"]

TOGETHER = 32
"""Images; a multiple of 16, so that the rows of so many floats fill lines of 64 bytes, as layers expect."""

_ALONE = frozenset({"Relu", "LeakyRelu", "Sigmoid", "Tanh", "Clip", "Identity", "Dropout", "Elu", "HardSigmoid", "Exp"})
"""Operators that compute element by element, with what else they take the same for all."""
_PRODUCTS = frozenset({"Gemm", "MatMul"})
_BROADCASTING = frozenset({"Add", "Sub", "Mul", "Div"})


def several(network: Network, module: Module, stages: Stages, stage: int) -> Network | None:
    """The layers of ``stage`` as a network of :data:`TOGETHER` images; None if they are not of that kind.

    What it reads and what it writes are one tensor of floats each.
    """
    names = {module.calls[call].layer for call in stages.calls[stage]}
    numbers = [number for number, layer in enumerate(network.layers) if layer.name in names]
    layers = network.layers[numbers[0] : numbers[-1] + 1]
    made = {name for layer in layers for name in layer.outputs if name}
    read = {name for layer in layers for name in layer.inputs if name} - made - set(network.constants)
    kept = [name for name, place in stages.places.items() if place.blob == stage + 1]
    written = [name for name in made if module.memory(name).name in kept]
    if len(read) != 1 or len(kept) != 1 or not written or not all(_row_by_row(layer, network) for layer in layers):
        return None
    if not any(layer.op_type in _PRODUCTS for layer in layers):
        return None  # nothing waits for sums
    source, goal = network.tensors[read.pop()], network.tensors[written[-1]]
    if not all(tensor.dtype == "float32" for tensor in (source, goal)):
        return None
    tensors = {name: tensor for name, tensor in network.tensors.items() if name in network.constants}
    tensors |= {name: _repeated(network.tensors[name]) for name in (source.name, *made)}
    used = {name for layer in layers for name in layer.inputs}
    return Network(
        name=f"{network.name} x {TOGETHER}",
        digest=network.digest,
        inputs=(tensors[source.name],),
        outputs=(tensors[goal.name],),
        layers=layers,
        tensors={name: tensor for name, tensor in tensors.items() if name in used | made},
        constants={name: array for name, array in network.constants.items() if name in used},
        opset=network.opset,
        options=network.options,
    )


def rows_together(network: Network, module: Module, stages: Stages, stage: int) -> tuple[Network, Module] | None:
    """:func:`several`, and its module with the slots of ``module``; None also where slots sum products by kernels,
    whose data are made for one image."""
    found = several(network, module, stages, stage)
    if found is None:
        return None
    together = prepare(found, module.mode, tiling=module.tiling)
    slots = {slot.name: slot for slot in module.slots}
    same = all(slot.name in slots and slots[slot.name].symbol == slot.symbol for slot in together.slots)
    summed = any(each.products or slots[each.name].products for each in together.slots if each.name in slots)
    return (found, together) if same and not summed else None


def _row_by_row(layer: Layer, network: Network) -> bool:
    """Whether the layer treats the rows of its first input apart, all in the same way, and takes constants besides."""
    first, *others = (name for name in layer.inputs if name)
    tensors = [network.tensors[name] for name in (first, *layer.outputs) if name]
    if first in network.constants or any(len(t.shape) != 2 or t.shape[0] != 1 for t in tensors):
        return False
    if any(name not in network.constants for name in others):
        return False
    shapes = [network.shape(name) for name in others]
    match layer.op_type:
        case "Gemm":
            return not layer.attributes.get("transA", 0) and all(len(s) < 2 or s[0] == 1 for s in shapes[1:])
        case "MatMul":
            return len(shapes[0]) == 2
        case "Softmax" | "LogSoftmax":
            return layer.attributes.get("axis", -1) in (1, -1)
        case op if op in _BROADCASTING:
            return layer.inputs[0] == first and all(len(s) < 2 or s[0] == 1 for s in shapes)
        case op:
            return op in _ALONE


def _repeated(tensor: Tensor) -> Tensor:
    return replace(tensor, shape=(TOGETHER, *tensor.shape[1:]))


class _Rows:
    """One tensor of floats of a blob, without the gaps between images."""

    def __init__(self, memory: Memory, stages: Stages) -> None:
        place = stages.places[memory.name]
        assert place.blob is not None, "stages read and write what is kept"
        self.blob = place.blob
        self.nbytes = memory.nbytes
        self._offset = place.offset
        self._stride = stages.strides[place.blob]
        self._own = np.empty(0, np.uint8)

    @property
    def dense(self) -> bool:
        """Whether there are no gaps."""
        return self._stride == self.nbytes

    def space(self, blob: Blob, images: int) -> Blob:
        """Where the rows of the first ``images`` images are, or shall be put for :meth:`spread`."""
        if self.dense:
            return blob
        if self._own.nbytes < images * self.nbytes:
            self._own = aligned(images * self.nbytes)
        return self._own

    def gather(self, blob: Blob, images: int) -> Blob:
        """The rows of the first ``images`` images."""
        space = self.space(blob, images)
        if not self.dense:
            self._close(space, images)[:] = self._far(blob, images)
        return space

    def spread(self, blob: Blob, images: int) -> None:
        """Move rows from their space into the blob."""
        if not self.dense:
            self._far(blob, images)[:] = self._close(self._own, images)

    def _close(self, space: Blob, images: int) -> Array:
        return space[: images * self.nbytes].view(np.float32).reshape(images, -1)

    def _far(self, blob: Blob, images: int) -> Array:
        rows = blob[: images * self._stride].reshape(images, self._stride)
        return rows[:, self._offset : self._offset + self.nbytes].view(np.float32)


class Batched:
    """Runs ``stage`` by ``many``, images that are left over by ``one``, which it is compared with where it is new.

    ``network`` is that of ``many``, as :func:`several` makes it.
    """

    def __init__(
        self, many: StagedEngine, one: StagedEngine, network: Network, module: Module, stages: Stages, stage: int
    ) -> None:
        self._many = many
        self._one = one
        self._stages = stages
        self._stage = stage
        self._source, self._goal = (
            _Rows(module.memory(tensor.name), stages) for tensor in (network.inputs[0], network.outputs[0])
        )

    def run(self, stage: int, blobs: Sequence[Blob | None], images: int) -> None:
        """As :meth:`asnet.ir.staged.StagedEngine.run`."""
        groups = images // TOGETHER
        source, goal = blobs[self._source.blob], blobs[self._goal.blob]
        assert source is not None and goal is not None
        whole = groups * TOGETHER
        if groups:
            self._many.run(0, [self._source.gather(source, whole), self._goal.space(goal, whole)], groups)
            self._goal.spread(goal, whole)
        if whole < images:
            self._one.run(stage, self._cut(blobs, whole, images), images - whole)

    def compare(self, blobs: Sequence[Blob | None], images: int, configuration: Mapping[str, str]) -> None:
        """Compute the first images once more, one after the other.

        Raises:
            MismatchError: the bits differ.
        """
        count = min(images, TOGETHER)
        first = self._cut(blobs, 0, count)
        found = first[self._stage + 1]
        assert found is not None
        again = aligned(found.nbytes)
        self._one.run(self._stage, [*first[: self._stage + 1], again], count)
        if not np.array_equal(_bits(found), _bits(again)):
            raise MismatchError(
                f"several images at a time and one give different bits in stage {self._stage}, configuration "
                f"{dict(configuration)}; run with --backend golden and report this"
            )

    def _cut(self, blobs: Sequence[Blob | None], first: int, end: int) -> list[Blob | None]:
        """The bytes of some images, in the blobs that the stage touches."""
        found: list[Blob | None] = [None] * len(blobs)
        for number in (self._source.blob, self._goal.blob):
            blob, stride = blobs[number], self._stages.strides[number]
            found[number] = None if blob is None else blob[first * stride : end * stride]
        return found


def _bits(blob: Blob) -> Blob:
    """The bits of floats, every NaN the same one."""
    return bits_of(blob.view(np.float32)).view(np.uint8)
