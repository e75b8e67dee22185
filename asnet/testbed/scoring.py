"""Judging what the last stage left in the blobs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asnet.cache import Cache
from asnet.ir import Memory, Module
from asnet.ir.staged import Blob
from asnet.ir.stages import Place, Stages
from asnet.network import Network
from asnet.testbed.judging import judge_of
from asnet.testbed.native import NativeJudge
from asnet.testbed.tally import canonical_bits
from asnet.types import Array

__all__ = ["Scoring"]


class Scoring:
    """Judges the outputs of ``network``, of ``images_a_run`` images a run, where ``stages`` of ``module`` put them."""

    def __init__(self, network: Network, module: Module, stages: Stages, images_a_run: int, cache: Cache) -> None:
        self.outputs = len(network.outputs)
        self._memories = [module.memory(tensor.name) for tensor in network.outputs]
        self._stages = stages
        self._judge = judge_of(network, images_a_run)
        usual = not self._judge.single and self._memories[0].dtype == "float32" and images_a_run == 1
        self._native = NativeJudge(cache) if usual else None
        self._dense: NDArray[np.uint32] = np.empty(0, np.uint32)

    @property
    def blobs(self) -> list[int]:
        """The numbers of the blobs that hold outputs."""
        found = {self._stages.places[memory.name].blob for memory in self._memories}
        return sorted(blob for blob in found if blob is not None)

    def score(self, blobs: Sequence[Blob | None], classes: NDArray[np.int64]) -> tuple[int, list[Array]]:
        """How many images answer their class, and the canonical bits of each output; valid until the next call."""
        rest = [canonical_bits(self._view(blobs, memory)) for memory in self._memories[1:]]
        memory = self._memories[0]
        if self._native is None:
            values = self._view(blobs, memory)
            return self._judge.correct(values, classes), [canonical_bits(values), *rest]
        place, stride, blob = self._found(blobs, memory)
        if self._dense.size != len(classes) * memory.size:
            self._dense = np.empty(len(classes) * memory.size, np.uint32)
        correct = self._native(blob.ctypes.data + place.offset, stride, classes, self._dense, memory.size)
        return correct, [self._dense, *rest]

    def _found(self, blobs: Sequence[Blob | None], memory: Memory) -> tuple[Place, int, Blob]:
        """Place of a memory, the stride of its blob, and the blob."""
        place = self._stages.places[memory.name]
        assert place.blob is not None, "outputs are kept"
        blob = blobs[place.blob]
        assert blob is not None, "who asks for an answer gives the blobs it is made of"
        return place, self._stages.strides[place.blob], blob

    def _view(self, blobs: Sequence[Blob | None], memory: Memory) -> Array:
        place, stride, blob = self._found(blobs, memory)
        rows = blob.reshape(-1, stride)[:, place.offset : place.offset + memory.nbytes]
        return rows.view(memory.dtype).reshape(len(rows), *memory.shape)
